// All objects with their status and events: one writer at a time, durable before it is acknowledged, watched by many.
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { formatKey, type ObjectKey } from '../api/object-key.js';
import type { Cluster, Kind, Node, NodeSpec, Resource } from '../api/resources.js';
import type { Clock } from '../base/clock.js';
import { messageOf, SwarmError } from '../base/errors.js';
import { silentLogger, type Logger } from '../base/log.js';
import { ChangeFeed, type StoreEvent } from './change-feed.js';
import { EventLog, type NewEvent, type RecordedEvent } from './event-log.js';
import { fieldOwners, type FieldOwner } from './field-owners.js';
import type { Origin, StoredRecord } from './record.js';
import { Records } from './records.js';
import {
  createRecord,
  dropFinalizer,
  markDeleted,
  quoted,
  updateRecord,
  withMetadata,
  withoutLeft,
  withOrigin,
} from './revise.js';
import { StateDisk, type StateFileSystem } from './state-disk.js';
import { copy, freeze } from './stored-copy.js';
import { WriteOrder } from './write-order.js';
import { memoryBackend, openDurableBackend, type Backend, type DurableOptions } from './backend.js';

export type { Origin, StoreEvent, RecordedEvent };

export interface StoreOptions extends Pick<DurableOptions, 'validator' | 'holder'> {
  /** State directory; undefined keeps everything in memory only. */
  readonly directory: string | undefined;
  readonly clock: Clock;
  readonly randomUuid: () => string;
  readonly logger?: Logger;
  /** Of all state. Default: the real one. */
  readonly fileSystem?: StateFileSystem;
  /** Called when the state cannot be written, and with undefined when it can again. */
  readonly onFailure?: (failure: SwarmError | undefined) => void;
}

export interface WriteOptions {
  readonly origin: Origin;
  /** Checks everything and returns the outcome, but writes nothing. */
  readonly dryRun?: boolean;
}

export class Store {
  /** Through which everything else in the state directory is written, too. */
  readonly disk: StateDisk;
  readonly #backend: Backend;
  readonly #clock: Clock;
  readonly #randomUuid: () => string;
  readonly #logger: Logger;
  readonly #records = new Records();
  readonly #listeners = new Set<(event: StoreEvent) => void>();
  readonly #eventListeners = new Set<(event: RecordedEvent) => void>();
  readonly #events: EventLog;
  readonly #feed: ChangeFeed;
  readonly #order = new WriteOrder();
  /** Of the latest change that is visible. */
  #version: number;
  #objectsVersion = 0;
  /** Of the latest change that was begun. */
  #assignedVersion: number;
  #closed: Promise<void> | undefined;

  private constructor(
    options: StoreOptions & { readonly logger: Logger },
    { backend, disk }: { readonly backend: Backend; readonly disk: StateDisk },
  ) {
    this.disk = disk;
    this.#backend = backend;
    this.#clock = options.clock;
    this.#randomUuid = options.randomUuid;
    this.#logger = options.logger;
    this.#events = new EventLog();
    this.#version = backend.startVersion;
    this.#assignedVersion = backend.startVersion;
    this.#feed = new ChangeFeed(this.#version);
    disk.join({
      rewrite: async (door) => {
        // Memory says what was acknowledged, once nothing is under way.
        await this.#order.idle();
        await backend.rewrite(this.#records.all(), { version: this.#assignedVersion, door });
      },
    });
  }

  /**
   * @throws {STATE_LOCKED} another operator uses the directory
   * @throws {STATE_CORRUPT} a newer version of this program wrote the state
   * @throws {STATE_UNWRITABLE} the directory cannot be used
   */
  static async open(o: StoreOptions): Promise<Store> {
    const options = { ...o, logger: o.logger ?? silentLogger };
    const { directory } = options;
    const disk = new StateDisk({
      ...options,
      ...(options.onFailure === undefined ? {} : { onChange: options.onFailure }),
      ...(directory === undefined ? {} : { doubtFile: path.join(directory, 'unsynced') }),
    });
    if (directory === undefined) return new Store(options, { backend: memoryBackend(), disk });
    const { backend, loaded } = await openDurableBackend({ ...options, directory, disk }).catch(
      async (error: unknown) => {
        await disk.close();
        throw error;
      },
    );
    const store = new Store(options, { backend, disk });
    for (const record of loaded.records) store.#records.set(freeze(record));
    store.#events.restore(loaded.events);
    for (const event of loaded.notices) store.recordEvent(event);
    return store;
  }

  /** Version of the latest change. */
  get resourceVersion(): number {
    return this.#version;
  }

  /** Counts changes of anything but status: who kept what it made from objects sees whether to look again. */
  get objectsVersion(): number {
    return this.#objectsVersion;
  }

  /** Why the state cannot be written now. Status and events still can change: they are derived. */
  get failure(): SwarmError | undefined {
    return this.disk.failure;
  }

  get(key: ObjectKey): Resource | undefined {
    return this.#records.get(key)?.resource;
  }

  getCluster(name: string): Cluster | undefined {
    return this.get({ kind: 'Cluster', name }) as Cluster | undefined; // the key says the kind
  }

  getNode(name: string): Node | undefined {
    return this.get({ kind: 'Node', name }) as Node | undefined; // the key says the kind
  }

  /** Who owns which fields; undefined when there is no such object. */
  ownersOf(key: ObjectKey): readonly FieldOwner[] | undefined {
    const record = this.#records.get(key);
    return record && fieldOwners(record);
  }

  /** Sorted by name. */
  list(kind: 'Cluster'): readonly Cluster[];
  list(kind: 'Node'): readonly Node[];
  list(kind: Kind): readonly Resource[];
  list(kind: Kind): readonly Resource[] {
    return this.#records.list(kind);
  }

  /** How many there are. */
  count(kind: Kind): number {
    return this.#records.count(kind);
  }

  originOf(key: ObjectKey): Origin | undefined {
    return this.#records.get(key)?.origin;
  }

  /** Assigns uid, generation 1, creation time and finalizer; ignores status. @throws {OBJECT_EXISTS} */
  create(object: Resource, o: WriteOptions): Promise<Resource> {
    const given = copy(object);
    return this.#write(keyOf(given), async () => {
      if (this.get(keyOf(given)) !== undefined) {
        throw new SwarmError('OBJECT_EXISTS', `Cannot create ${quoted(given)}: it exists already`);
      }
      const nowMs = this.#clock.now();
      const record = createRecord(given, { origin: o.origin, uid: this.#randomUuid(), nowMs });
      return o.dryRun === true ? record.resource : this.#put('ADDED', record);
    });
  }

  /**
   * Replaces spec, labels and annotations; keeps status, uid, finalizers and deletion time. Writes nothing when equal.
   * @param o.resourceVersion the version the change was made from; absent = whatever is there
   * @throws {OBJECT_NOT_FOUND}
   * @throws {OBJECT_CONFLICT} the version is not the current one, or a file changes an object that is being deleted
   * @param o.takeOver lets who does not own the object change it, and own it from then on
   * @throws {OBJECT_READ_ONLY} the API changes what a manifest file says, or a file an object of the API
   */
  update(
    object: Resource,
    o: WriteOptions & { readonly resourceVersion?: string; readonly takeOver?: boolean },
  ): Promise<Resource> {
    const given = copy(object);
    return this.#write(keyOf(given), async () => {
      const current = this.#existing(keyOf(given), 'change');
      const { resourceVersion } = current.resource.metadata;
      if (o.resourceVersion !== undefined && o.resourceVersion !== resourceVersion) {
        throw new SwarmError(
          'OBJECT_CONFLICT',
          `Cannot change ${quoted(given)}: it has changed since version ${o.resourceVersion} was read`,
        );
      }
      const next = updateRecord(current, given, o);
      return next === current || o.dryRun === true ? next.resource : this.#put('MODIFIED', next);
    });
  }

  /** @returns the object, or undefined when it does not exist */
  updateStatus(key: ObjectKey, status: NonNullable<Resource['status']>): Promise<Resource | undefined> {
    const given = copy(status);
    return this.#queue(key, async () => {
      const current = this.#records.get(key);
      if (current === undefined || isDeepStrictEqual(current.resource.status, given))
        return current?.resource;
      const resource = { ...current.resource, status: given } as Resource; // the caller's status is of the key's kind
      const stored = await this.#commit('MODIFIED', { ...current, resource });
      this.#backend.mirrorStatus(key, () => this.get(key));
      return stored;
    });
  }

  /** Sets the deletion time while finalizers hold the object, else removes it. @throws {OBJECT_NOT_FOUND} {OBJECT_READ_ONLY} */
  delete(key: ObjectKey, o: WriteOptions): Promise<Resource> {
    return this.#write(key, async () => {
      const current = this.#existing(key, 'delete');
      if (o.origin.type === 'api' && current.origin.type === 'directory' && current.origin.missing !== true) {
        throw new SwarmError(
          'OBJECT_READ_ONLY',
          `Cannot delete ${quoted(current.resource)}: it comes from ${current.origin.position}`,
          {
            hint: 'Remove it from the manifest file; the operator then deletes it. Without the directory: take it over first (swarmctl apply --take-over)',
          },
        );
      }
      const marked = markDeleted(current, this.#clock.now());
      if (o.dryRun === true || marked === current) return (marked ?? current).resource;
      return marked === undefined ? this.#remove(current) : this.#put('MODIFIED', marked);
    });
  }

  /** The last finalizer of an object that is being deleted removes the object. Missing ones are fine. */
  async removeFinalizer(key: ObjectKey, finalizer: string): Promise<void> {
    await this.#write(key, async () => {
      const current = this.#records.get(key);
      if (current === undefined) return;
      const next = dropFinalizer(current, finalizer);
      const { deletionTimestamp, finalizers } = next.resource.metadata;
      if (deletionTimestamp !== undefined && (finalizers ?? []).length === 0) await this.#remove(next);
      else if (next !== current) await this.#put('MODIFIED', next);
    });
  }

  /** Says who owns the object from now on, without changing what it says. @throws {OBJECT_NOT_FOUND} */
  setOrigin(key: ObjectKey, origin: Origin): Promise<Resource> {
    return this.#write(key, async () => {
      const current = this.#existing(key, 'change the origin of');
      const next = withOrigin(current, origin);
      return isDeepStrictEqual(next, current) ? current.resource : this.#put('MODIFIED', next);
    });
  }

  /** What a Node's spec was on engines that it has left and that nobody clears yet, oldest first. */
  leftBy(name: string): readonly NodeSpec[] {
    return this.#records.get({ kind: 'Node', name })?.left ?? [];
  }

  /** Forgets places of a Node that somebody has taken over. */
  async takeLeft(name: string, taken: readonly NodeSpec[]): Promise<void> {
    await this.#write({ kind: 'Node', name }, async () => {
      const current = this.#records.get({ kind: 'Node', name });
      if (current?.left !== undefined) await this.#put('MODIFIED', withoutLeft(current, taken));
    });
  }

  /** `listener` is called right after each change, in order. @returns unsubscribe */
  subscribe(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Changes after `resourceVersion`, or `expired` when not all of them are known any more: list again. */
  changesSince(resourceVersion: number): readonly StoreEvent[] | 'expired' {
    return this.#feed.since(resourceVersion, this.#version);
  }

  /** Events need no object: the story of one goes on after it is gone. */
  recordEvent(event: NewEvent): void {
    const recorded = this.#events.record(event, this.#clock.now());
    this.#backend.mirrorEvents(() => this.#events.list());
    this.#tell(this.#eventListeners, recorded);
  }

  /** Oldest change first. */
  events(key?: ObjectKey): readonly RecordedEvent[] {
    return this.#events.list(key);
  }

  subscribeEvents(listener: (event: RecordedEvent) => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  /** Finishes what was begun, writes the mirrors and lets go of the directory. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.disk
      .close()
      .then(() => this.#order.idle())
      .then(() => this.#backend.close());
    return this.#closed;
  }

  #write<T>(key: ObjectKey, work: () => Promise<T>): Promise<T> {
    return this.#queue(key, () => {
      this.disk.refuseDoubt();
      return work();
    });
  }

  #queue<T>(key: ObjectKey, work: () => Promise<T>): Promise<T> {
    const closed = this.#closed !== undefined;
    return this.#order.run(formatKey(key), () => {
      if (closed) throw new SwarmError('ABORTED', 'Cannot write state: the store is closed');
      return work();
    });
  }

  #put(type: 'ADDED' | 'MODIFIED', record: StoredRecord): Promise<Resource> {
    return this.#commit(type, record, (stamped) => this.#backend.put(stamped));
  }

  async #remove(record: StoredRecord): Promise<Resource> {
    const key = keyOf(record.resource);
    const removed = await this.#commit('DELETED', record, () => this.#backend.remove(key));
    this.#backend.mirrorStatus(key, () => this.get(key));
    return removed;
  }

  /**
   * Gives the change its version, makes it durable, and shows it to everybody when every earlier one is shown.
   * @param persist absent: the change is derived, and not kept
   */
  async #commit(
    type: StoreEvent['type'],
    record: StoredRecord,
    persist?: (stamped: StoredRecord) => Promise<void>,
  ): Promise<Resource> {
    const turn = this.#order.takeTurn();
    const version = (this.#assignedVersion += 1);
    const metadata = { ...record.resource.metadata, resourceVersion: String(version) };
    const stamped = withMetadata(record, metadata);
    try {
      await this.#backend.reserve(version);
      await persist?.(stamped);
      await turn.come;
      if (persist !== undefined) {
        // While it waited for its turn the disk may have come into doubt.
        this.disk.refuseDoubt();
        this.#objectsVersion += 1;
      }
      return this.#show(type, freeze(stamped), version);
    } finally {
      turn.end();
    }
  }

  #show(type: StoreEvent['type'], record: StoredRecord, version: number): Resource {
    const { resource } = record;
    this.#version = version;
    if (type === 'DELETED') this.#records.delete(keyOf(resource));
    else this.#records.set(record);
    const event: StoreEvent = { type, object: resource, resourceVersion: version };
    this.#feed.push(event);
    this.#tell(this.#listeners, event);
    return resource;
  }

  #tell<T>(listeners: ReadonlySet<(event: T) => void>, event: T): void {
    for (const listener of [...listeners]) {
      try {
        listener(event);
      } catch (error) {
        this.#logger.error('A listener of the store failed', { error: messageOf(error) });
      }
    }
  }

  #existing(key: ObjectKey, attempt: string): StoredRecord {
    const record = this.#records.get(key);
    if (record !== undefined) return record;
    throw new SwarmError(
      'OBJECT_NOT_FOUND',
      `Cannot ${attempt} ${key.kind.toLowerCase()} "${key.name}": it does not exist`,
    );
  }
}

function keyOf({ kind, metadata }: Resource): ObjectKey {
  return { kind, name: metadata.name };
}
