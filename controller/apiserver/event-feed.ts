// The stories of objects as core/v1 Events, with resource versions of their own so that they can be watched.
import type { ObjectKey } from '../api/object-key.js';
import { apiVersion } from '../api/labels.js';
import { formatTime } from '../api/conditions.js';
import type { Clock } from '../base/clock.js';
import type { JsonObject } from '../base/json.js';
import type { Feed, FeedChange } from './feed.js';
import type { ObjectStore, StoredEvent } from './object-store.js';

// As many changes as the store keeps for objects: a client that is further behind lists again.
const mostChanges = 1000;

/** Objects are in no namespace; their events are shown in the one that clients look at when none is named. */
export const eventNamespace = 'default';

export class EventFeed implements Feed {
  readonly #store: ObjectStore;
  readonly #oldest: number;
  readonly #changes: FeedChange[] = [];
  readonly #versions = new Map<string, number>();
  readonly #listeners = new Set<(change: FeedChange) => void>();
  readonly #unsubscribe: () => void;
  #resourceVersion: number;
  /** How many versions there may be before those of dropped events are looked for. */
  #mostVersions = 2 * mostChanges;

  constructor(store: ObjectStore, clock: Pick<Clock, 'now'>) {
    this.#store = store;
    // Starts at the time, so that a version from before a restart is older than all of ours.
    this.#oldest = clock.now();
    this.#resourceVersion = this.#oldest;
    for (const event of store.events()) this.#versions.set(event.name, this.#oldest);
    this.#unsubscribe = store.subscribeEvents((event) => this.#record(event));
  }

  get resourceVersion(): number {
    return this.#resourceVersion;
  }

  list(): readonly JsonObject[] {
    return this.#store.events().map((event) => this.#toObject(event));
  }

  changesSince(resourceVersion: number): readonly FeedChange[] | 'expired' {
    const oldest = (this.#changes[0]?.resourceVersion ?? this.#resourceVersion + 1) - 1;
    if (resourceVersion < Math.max(oldest, this.#oldest) || resourceVersion > this.#resourceVersion)
      return 'expired';
    return this.#changes.filter((change) => change.resourceVersion > resourceVersion);
  }

  subscribe(listener: (change: FeedChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#unsubscribe();
    this.#listeners.clear();
  }

  #record(event: StoredEvent): void {
    const known = this.#versions.has(event.name);
    this.#resourceVersion += 1;
    this.#versions.set(event.name, this.#resourceVersion);
    const change: FeedChange = {
      type: known ? 'MODIFIED' : 'ADDED',
      object: this.#toObject(event),
      resourceVersion: this.#resourceVersion,
    };
    this.#changes.push(change);
    if (this.#changes.length > mostChanges) this.#changes.shift();
    this.#forgetOld();
    for (const listener of [...this.#listeners]) listener(change);
  }

  /** Versions of events the store has dropped are dropped too: not at every event, because it looks at all of them. */
  #forgetOld(): void {
    if (this.#versions.size <= this.#mostVersions) return;
    const living = new Set(this.#store.events().map(({ name }) => name));
    for (const name of this.#versions.keys()) if (!living.has(name)) this.#versions.delete(name);
    this.#mostVersions = living.size + mostChanges;
  }

  #toObject(event: StoredEvent): JsonObject {
    return {
      kind: 'Event',
      apiVersion: 'v1',
      metadata: {
        name: event.name,
        namespace: eventNamespace,
        creationTimestamp: formatTime(event.firstTimeMs),
        resourceVersion: String(this.#versions.get(event.name) ?? this.#oldest),
      },
      involvedObject: involvedObject(event.key, this.#store.get(event.key)?.metadata.uid),
      reason: event.reason,
      message: event.message,
      type: event.type,
      count: event.count,
      firstTimestamp: formatTime(event.firstTimeMs),
      lastTimestamp: formatTime(event.lastTimeMs),
      eventTime: null,
      source: { component: 'swarmctl' },
      reportingComponent: 'swarmctl',
      reportingInstance: '',
    };
  }
}

function involvedObject(key: ObjectKey, uid: string | undefined): JsonObject {
  return { kind: key.kind, apiVersion, name: key.name, ...(uid === undefined ? {} : { uid }) };
}
