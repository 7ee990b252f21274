// A resource as lists and watches see it: what exists now, and what happened since.
import type { JsonObject } from '../base/json.js';
import type { Resource } from '../api/resources.js';
import type { Kind } from '../api/resources.js';
import { listKind, type ChangeType, type ObjectStore } from './object-store.js';

export interface FeedChange {
  readonly type: ChangeType;
  readonly object: JsonObject;
  readonly resourceVersion: number;
}

export interface Feed {
  /** Version of the newest change. */
  readonly resourceVersion: number;
  list(): readonly JsonObject[];
  /** Changes after a version, oldest first; `expired` when they are no longer known, or the version never was. */
  changesSince(resourceVersion: number): readonly FeedChange[] | 'expired';
  /** @returns unsubscribe */
  subscribe(listener: (change: FeedChange) => void): () => void;
}

/** The objects of one kind. */
export function objectFeed(store: ObjectStore, kind: Kind): Feed {
  return {
    get resourceVersion() {
      return store.resourceVersion;
    },
    list: () => listKind(store, kind).map(toJson),
    changesSince: (resourceVersion) => {
      // A version of a store that was lost and started again counts for nothing.
      if (resourceVersion > store.resourceVersion) return 'expired';
      const changes = store.changesSince(resourceVersion);
      if (changes === 'expired') return changes;
      return changes.filter(({ object }) => object.kind === kind).map(toFeedChange);
    },
    subscribe: (listener) =>
      store.subscribe((change) => {
        if (change.object.kind === kind) listener(toFeedChange(change));
      }),
  };
}

/** Objects that never change while the program runs. */
export function constantFeed(objects: readonly JsonObject[]): Feed {
  return {
    resourceVersion: 1,
    list: () => objects,
    changesSince: (resourceVersion) => (resourceVersion === 1 ? [] : 'expired'),
    subscribe: () => () => undefined,
  };
}

export function toJson(object: Resource): JsonObject {
  return object as unknown as JsonObject; // a resource is plain JSON data
}

function toFeedChange(change: {
  readonly type: ChangeType;
  readonly object: Resource;
  readonly resourceVersion: number;
}): FeedChange {
  return { ...change, object: toJson(change.object) };
}
