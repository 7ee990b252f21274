// The store as this API needs it; controller/store satisfies it.
import type { ObjectKey } from '../api/object-key.js';
import type { Cluster, Kind, Node, Resource } from '../api/resources.js';

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface StoreChange {
  readonly type: ChangeType;
  readonly object: Resource;
  readonly resourceVersion: number;
}

/** One line of an object's story; equal ones are folded and counted. */
export interface StoredEvent {
  readonly key: ObjectKey;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  readonly firstTimeMs: number;
  readonly lastTimeMs: number;
  readonly name: string;
}

export type WriteOrigin =
  | { readonly type: 'api' }
  /** `position` is `file:line:column`; `missing` says that its manifest is gone. */
  | { readonly type: 'directory'; readonly position: string; readonly missing?: true };

export interface WriteOptions {
  readonly origin: WriteOrigin;
  readonly dryRun?: boolean;
}

export interface ObjectStore {
  readonly resourceVersion: number;
  get(key: ObjectKey): Resource | undefined;
  list(kind: 'Cluster'): readonly Cluster[];
  list(kind: 'Node'): readonly Node[];
  originOf(key: ObjectKey): WriteOrigin | undefined;
  create(object: Resource, options: WriteOptions): Promise<Resource>;
  update(
    object: Resource,
    options: WriteOptions & { readonly resourceVersion?: string; readonly takeOver?: boolean },
  ): Promise<Resource>;
  delete(key: ObjectKey, options: WriteOptions): Promise<Resource>;
  removeFinalizer(key: ObjectKey, finalizer: string): Promise<void>;
  subscribe(listener: (change: StoreChange) => void): () => void;
  changesSince(resourceVersion: number): readonly StoreChange[] | 'expired';
  events(key?: ObjectKey): readonly StoredEvent[];
  subscribeEvents(listener: (event: StoredEvent) => void): () => void;
}

/** Every object of a kind, sorted by name. */
export function listKind(store: Pick<ObjectStore, 'list'>, kind: Kind): readonly Resource[] {
  return kind === 'Cluster' ? store.list('Cluster') : store.list('Node');
}
