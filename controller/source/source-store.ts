// What the source needs of the store.
import type { ObjectKey } from '../api/object-key.js';
import type { Kind, Resource } from '../api/resources.js';

export type SourceOrigin =
  | { readonly type: 'api'; readonly problem?: string }
  | {
      readonly type: 'directory';
      readonly position: string;
      readonly missing?: true;
      readonly held?: string;
      readonly problem?: string;
    };

export interface SourceStore {
  /** Counts changes of anything but status. */
  readonly objectsVersion: number;
  get(key: ObjectKey): Resource | undefined;
  list(kind: Kind): readonly Resource[];
  originOf(key: ObjectKey): SourceOrigin | undefined;
  create(object: Resource, o: { readonly origin: SourceOrigin }): Promise<Resource>;
  update(
    object: Resource,
    o: { readonly origin: SourceOrigin; readonly takeOver?: boolean },
  ): Promise<Resource>;
  delete(key: ObjectKey, o: { readonly origin: SourceOrigin }): Promise<Resource>;
  setOrigin(key: ObjectKey, origin: SourceOrigin): Promise<Resource>;
  recordEvent(event: {
    readonly key: ObjectKey;
    readonly type: 'Normal' | 'Warning';
    readonly reason: string;
    readonly message: string;
  }): void;
  subscribe(listener: (event: { readonly type: string; readonly object: Resource }) => void): () => void;
}
