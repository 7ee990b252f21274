// Keeps the tables of one engine in step while its event stream lives: subscribe, list, then apply what the events
// make stale. Each change costs one small read; a slow, jittered full refresh heals events that engines drop silently.
// Events are passed on in their order: those after which a container is found as before at once, others when they are read.
import { setMaxListeners } from 'node:events';
import type { Readable } from 'node:stream';
import type PQueue from 'p-queue';
import type { CpuSharesMeaning } from '../api/cpu-shares.js';
import { backoffDelayMs } from '../base/backoff.js';
import type { Clock } from '../base/clock.js';
import { waitAtMost } from '../base/deadline.js';
import { SwarmError, messageOf, toSwarmError } from '../base/errors.js';
import type { JsonObject } from '../base/json.js';
import { parseEngineEvent } from './cluster-event.js';
import type { EngineReader } from './engine-reader.js';
import type { ParsedSpecs } from './engine-specs.js';
import type { EngineTables, ObjectKind, ReadNumber } from './engine-tables.js';
import { staleIn, stalenessOf } from './event-rules.js';
import { LineSplitter } from './json-lines.js';
import { LateReads } from './late-reads.js';
import { MadeReads } from './made-reads.js';
import { RefreshPace } from './refresh-pace.js';
import type { ReservationSweep } from './reservation-sweep.js';
import type { WorkSlices } from './work-slices.js';

export interface ParsedEvent {
  readonly event: JsonObject;
  readonly timeNanoDigits: string | undefined;
}

export interface SessionOptions {
  readonly reader: EngineReader;
  readonly tables: EngineTables;
  readonly clock: Clock;
  readonly random: () => number;
  readonly refreshMinMs: number;
  readonly refreshMaxMs: number;
  /** Inspections of foreign containers, for all engines together. */
  readonly inspections: PQueue;
  /** Inspections that only confirm what labels say; see reservation-sweep.ts. */
  readonly sweep: Pick<ReservationSweep, 'add'>;
  /** For reading long lists, of all engines together. */
  readonly slices: WorkSlices;
  /** CPUs of the engine, for reservations in shares. */
  readonly cpus: () => number;
  readonly cpuShares: CpuSharesMeaning;
  /** Each event, after the cache has what it announced, or `onBehind` has said which containers are still to be read. */
  readonly onEvent: (event: ParsedEvent) => void;
  /** Of these containers events are passed on before the read that they caused is over; it never rejects. */
  readonly onBehind: (ids: ReadonlySet<string>, read: Promise<void>) => void;
  /** Any sign of life of the engine. */
  readonly onContact: () => void;
  readonly onFailure: (error: SwarmError) => void;
  readonly onSpecs: (specs: ParsedSpecs) => void;
  /** A list of images, networks or volumes was applied. */
  readonly onObjects: () => void;
}

const objectKinds: readonly ObjectKind[] = ['images', 'networks', 'volumes'];

/** Events held while the cache reads; beyond it the engine's stream is left waiting, which holds about as many again. */
const maxQueuedEvents = 10_000;
/** Longest wait of an event for the read it caused; clients would rather have it before the cache than much later. */
const maxEventDelayMs = 2_000;
/** Between reads of a container that still has its old name, too; engines take microseconds, but for a busy host. */
const renamePausesMs: readonly number[] = [10, 50, 250, 1_000];
/** More stale containers than this are read by listing all: 100 IDs make a query of 7 KB. */
const maxIdsPerRead = 100;
/** Specs change by hand (labels, memory of a VM); `daemon reload` events announce most. */
const specsMaxAgeMs = 300_000;
const objectsMaxAgeMs = 300_000;
/** A broken volume plugin may hold its list for long; the engine counts as listed without it. */
const firstObjectsTimeoutMs = 5_000;

export class EngineSession {
  readonly #options: SessionOptions;
  readonly #stop = new AbortController();
  readonly #queue: ParsedEvent[] = [];
  readonly #inspecting = new Set<string>();
  readonly #made = new MadeReads();
  readonly #late: LateReads;
  readonly #pace: RefreshPace;
  #specsAtMs: number;
  #objectsAtMs: number;
  /** Reads of containers that failed in a row: while there are any, the cache is doubtful. */
  #failedReads = 0;
  #wakeTimer = new AbortController();
  #wakeQueue: () => void = () => undefined;
  #wakeReader: () => void = () => undefined;

  private constructor(options: SessionOptions) {
    this.#options = options;
    this.#late = new LateReads({ clock: options.clock, read: (ids) => this.refreshContainers(ids) });
    const { random, refreshMinMs, refreshMaxMs } = options;
    this.#pace = new RefreshPace({ random, minMs: refreshMinMs, maxMs: refreshMaxMs });
    // Every read listens to it, and requests of many clients may make dozens at once.
    setMaxListeners(0, this.#stop.signal);
    this.#specsAtMs = options.clock.monotonic();
    this.#objectsAtMs = this.#specsAtMs;
  }

  /**
   * Subscribes and lists. Events that arrive while it lists are applied after.
   * @returns the session and a promise that resolves, when it is over, with the reason
   */
  static async open(
    options: SessionOptions,
    signal: AbortSignal,
  ): Promise<{ readonly session: EngineSession; readonly ended: Promise<SwarmError> }> {
    const session = new EngineSession(options);
    const close = (): void => session.close();
    signal.addEventListener('abort', close, { once: true });
    try {
      const stream = await options.reader.events(session.#stop.signal);
      const ended = session
        .#pump(stream)
        .catch((error: unknown) => new SwarmError('ENGINE_UNREACHABLE', messageOf(error), { cause: error }))
        .finally(() => {
          signal.removeEventListener('abort', close);
          session.close();
        });
      await session.#list();
      void session.#apply();
      void session.#refreshOnTimer();
      return { session, ended };
    } catch (error) {
      session.close();
      signal.removeEventListener('abort', close);
      throw error;
    }
  }

  /** Ends the stream and every read under way; idempotent. */
  close(): void {
    if (!this.#stop.signal.aborted)
      this.#stop.abort(new SwarmError('ABORTED', 'The event stream was closed'));
    this.#wakeQueue();
    this.#wakeReader();
    this.#wakeTimer.abort();
  }

  /** Reads some containers again, all without `ids`. Never rejects. */
  async refreshContainers(ids?: readonly string[]): Promise<void> {
    const { tables, clock } = this.#options;
    const some = ids !== undefined && ids.length > maxIdsPerRead ? undefined : ids;
    const beganMs = clock.monotonic();
    const read = tables.beginRead();
    const isDone = await this.#read(async (signal) => {
      const isNews = await this.#readContainers(read, signal, some);
      if (ids === undefined) this.#pace.onRead(isNews);
    });
    tables.endRead(read);
    if (ids !== undefined) this.#late.took(clock.monotonic() - beganMs);
    if (isDone) {
      this.#failedReads = 0;
      this.#inspectForeign();
    } else {
      this.#failedReads += 1;
      if (ids !== undefined) this.#made.forget(ids);
      this.#wakeTimer.abort();
    }
  }

  /** Reads a container that was just made by a request of ours. Never rejects. */
  async refreshMade(id: string): Promise<void> {
    const begun = this.#made.take(id);
    if (begun !== undefined) return begun;
    const read = this.refreshContainers([id]);
    this.#made.beganByMaker(id, read);
    return read;
  }

  /** Reads one kind of object again. Never rejects. */
  async refreshObjects(kind: ObjectKind): Promise<void> {
    const { reader, tables } = this.#options;
    const read = tables.beginRead();
    await this.#read(async (signal) => {
      tables.applyObjects(kind, read, await reader.objects(kind, signal));
      this.#options.onObjects();
    });
    tables.endRead(read);
  }

  /** @returns whether it told something new */
  async #readContainers(read: ReadNumber, signal: AbortSignal, ids?: readonly string[]): Promise<boolean> {
    const { reader, tables, slices } = this.#options;
    const entries = await reader.containers(signal, { ids, known: (id) => tables.entryOf(id) });
    return slices.run(tables.applying(read, entries, ids));
  }

  async #list(): Promise<void> {
    const { tables, clock } = this.#options;
    const read = tables.beginRead();
    try {
      await this.#readContainers(read, this.#stop.signal);
    } finally {
      tables.endRead(read);
    }
    this.#inspectForeign();
    // Updates made while nobody listened left the labels as they were.
    tables.doubtReservations();
    for (const { id } of tables.containers())
      this.#options.sweep.add(async () => {
        if (tables.isReservationDoubtful(id)) await this.refreshReservation(id);
      });
    // One after the other, over the connection that is open already.
    const objects = (async () => {
      for (const kind of objectKinds) await this.refreshObjects(kind);
    })();
    await waitAtMost(clock, { work: objects, limitMs: firstObjectsTimeoutMs });
  }

  /** Moves events from the stream to the queue until the stream ends. */
  async #pump(stream: Readable): Promise<SwarmError> {
    const splitter = new LineSplitter();
    const destroy = (): void => void stream.destroy();
    this.#stop.signal.addEventListener('abort', destroy, { once: true });
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      this.#options.onContact();
      const before = this.#queue.length;
      for (const line of splitter.push(chunk)) {
        const parsed = parseEngineEvent(line);
        if (parsed !== undefined) this.#queue.push(parsed);
      }
      if (this.#pace.onEvents(this.#queue.length - before)) this.#wakeTimer.abort();
      this.#wakeQueue();
      while (this.#queue.length > maxQueuedEvents && !this.#isOver())
        await new Promise<void>((resolve) => {
          this.#wakeReader = resolve;
        });
    }
    return new SwarmError('ENGINE_UNREACHABLE', 'The engine ended its event stream');
  }

  /** Takes what is queued as one batch: a burst on one container costs one read. */
  async #apply(): Promise<void> {
    while (!this.#isOver()) {
      const batch = this.#queue.splice(0);
      this.#wakeReader();
      if (batch.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wakeQueue = resolve;
        });
        continue;
      }
      const held = batch.slice(this.#passAtOnce(batch));
      if (held.length === 0) continue;
      await waitAtMost(this.#options.clock, { work: this.#refreshStale(held), limitMs: maxEventDelayMs });
      for (const event of held) this.#options.onEvent(event);
    }
  }

  /** Passes on the events at the beginning of a batch that need not wait for a read. @returns how many these are */
  #passAtOnce(batch: readonly ParsedEvent[]): number {
    const { tables, onBehind, onEvent } = this.#options;
    const behind = new Set<string>();
    let count = 0;
    for (const { event } of batch) {
      const stale = stalenessOf(event);
      if (stale.type === 'state') {
        // Whoever reacts to it must find it, and nobody is to wait long for what it tells.
        if (tables.entryOf(stale.id) === undefined || this.#late.areSlow) break;
        behind.add(stale.id);
      } else if (stale.type === 'gone') {
        behind.delete(stale.id);
        this.#late.forget(stale.id);
        tables.remove(stale.id);
      } else if (stale.type !== 'nothing') break;
      count += 1;
    }
    if (behind.size > 0) onBehind(behind, this.#late.add(behind));
    for (const event of batch.slice(0, count)) onEvent(event);
    return count;
  }

  async #refreshStale(batch: readonly ParsedEvent[]): Promise<void> {
    const { tables } = this.#options;
    const { gone, read, made, renamed, updated, kinds, areSpecsStale } = staleIn(
      batch.map(({ event }) => event),
    );
    for (const id of gone) tables.remove(id);
    await Promise.all([
      ...this.#readStale(read, made),
      ...[...kinds].map((kind) => this.refreshObjects(kind)),
      areSpecsStale ? this.#refreshSpecs() : undefined,
    ]);
    for (const id of updated) this.#inspect(id);
    if (renamed.size > 0) await this.#readRenamed([...renamed]);
  }

  async #readRenamed(ids: readonly string[]): Promise<void> {
    for (const pauseMs of renamePausesMs) {
      const withTwo = ids.filter((id) => this.#options.tables.hasTwoNames(id));
      if (withTwo.length === 0 || this.#isOver()) return;
      await this.#options.clock.sleep(pauseMs, this.#stop.signal).catch(() => undefined);
      await this.refreshContainers(withTwo);
    }
  }

  /** @param made created meanwhile; whoever made them may be reading them already */
  #readStale(changed: ReadonlySet<string>, made: ReadonlySet<string>): readonly Promise<void>[] {
    const begun: Promise<void>[] = [];
    const unread: string[] = [];
    for (const id of made) {
      const read = this.#made.take(id);
      if (changed.has(id)) continue;
      if (read === undefined) unread.push(id);
      else begun.push(read);
    }
    const ids = [...changed, ...unread];
    if (ids.length === 0) return begun;
    const read = this.refreshContainers(ids);
    this.#made.beganByEvents(unread, read);
    return [...begun, read];
  }

  async #refreshSpecs(): Promise<void> {
    await this.#read(async (signal) => {
      const specs = await this.#options.reader.specs(signal, { isFirst: false });
      this.#specsAtMs = this.#options.clock.monotonic();
      this.#options.onSpecs(specs);
    });
  }

  async #refreshOnTimer(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#isOver()) {
      this.#wakeTimer = new AbortController();
      const wasRegular = await clock.sleep(this.#refreshDelayMs(), this.#wakeTimer.signal).then(
        () => true,
        () => false,
      );
      // Woken by a failed read, or by many events: the delay is another one now.
      if (!wasRegular) continue;
      if (clock.monotonic() - this.#specsAtMs >= specsMaxAgeMs) await this.#refreshSpecs();
      await this.refreshContainers();
      // Images, networks and volumes change less often than containers, and events tell of them likewise.
      if (clock.monotonic() - this.#objectsAtMs < objectsMaxAgeMs) continue;
      this.#objectsAtMs = clock.monotonic();
      for (const kind of objectKinds) await this.refreshObjects(kind);
    }
  }

  #refreshDelayMs(): number {
    const regularMs = this.#pace.nextMs();
    const { random } = this.#options;
    return this.#failedReads === 0
      ? regularMs
      : Math.min(regularMs, backoffDelayMs(this.#failedReads, random, { baseMs: 1_000 }));
  }

  #isOver(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Runs one read; success is a sign of life. @returns whether it succeeded */
  async #read(work: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    if (this.#isOver()) return false;
    try {
      await work(this.#stop.signal);
      this.#options.onContact();
      return true;
    } catch (error) {
      if (!this.#isOver()) this.#options.onFailure(toSwarmError(error));
      return false;
    }
  }

  /** Containers made by others carry no reservation labels: inspect them in the background. */
  #inspectForeign(): void {
    for (const id of this.#options.tables.unknownReservations()) this.#inspect(id);
  }

  #inspect(id: string): void {
    if (this.#inspecting.has(id)) return;
    this.#inspecting.add(id);
    void this.#options.inspections
      .add(() => this.refreshReservation(id))
      .finally(() => this.#inspecting.delete(id));
  }

  /** Inspects one container for what it reserves now. Never rejects. */
  async refreshReservation(id: string): Promise<void> {
    const { reader, tables, cpus, cpuShares } = this.#options;
    const { signal } = this.#stop;
    if (signal.aborted) return;
    try {
      tables.setReservation(id, await reader.reservation(id, { cpus: cpus(), cpuShares, signal }));
      // As good as a ping, of which one less is sent.
      this.#options.onContact();
    } catch {
      // The container may be gone, or the engine; the next refresh asks again.
    }
  }
}
