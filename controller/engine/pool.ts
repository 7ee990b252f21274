// The engines of the cluster and the cache of their objects: who is in, in which state, and the ClusterView of it all.
import PQueue from 'p-queue';
import type { CpuSharesMeaning } from '../api/cpu-shares.js';
import { parseHostPort } from '../api/engine-address.js';
import type { Clock } from '../base/clock.js';
import type { JsonObject } from '../base/json.js';
import { SwarmError } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { attributeEvent, poolEvent, type EventNode, type PoolAction } from './cluster-event.js';
import type {
  CachedContainer,
  CachedObject,
  ClusterEvent,
  ClusterView,
  ContainerLookup,
  ManagerEvent,
  PooledEngine,
} from './cluster-view.js';
import { ContainerIndex } from './container-index.js';
import type { EngineTls } from './endpoint.js';
import { EngineMember } from './engine-member.js';
import type { ParsedEvent } from './engine-session.js';
import type { ObjectKind } from './engine-tables.js';
import { UsualAnswers } from './usual-answers.js';
import { VersionAnswers } from './version-answers.js';
import { sortNaturally } from './natural-order.js';
import { SecureContexts } from './secure-contexts.js';
import { ReservationSweep } from './reservation-sweep.js';
import { Settling } from './settling.js';
import { TimerGrid, probeGridMs, probeStartGridMs } from './timer-grid.js';
import { WorkSlices } from './work-slices.js';

export interface EnginePoolOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Returns a number in [0, 1). */
  readonly random: () => number;
  /** Credentials towards the engine at `host:port`; undefined: plain TCP. */
  readonly tlsFor: (address: string) => EngineTls | undefined;
  /** A full refresh of each engine happens after a random time between the two. */
  readonly refreshMinMs: number;
  readonly refreshMaxMs: number;
  /** Failures in a row after which an engine is unhealthy. */
  readonly failureRetry: number;
  /** What CpuShares of a container mean. Default `weight`: they reserve nothing. */
  readonly cpuShares?: CpuSharesMeaning | undefined;
}

// A handshake costs 2.5 ms of CPU, so 64 first contacts at once keep a core busy without starving requests. A contact
// that takes longer than the hold time waits for the network, not for us, and makes room: dead engines delay nobody.
const handshakesAtOnce = 64;
const handshakeHoldMs = 250;
// Inspections of foreign containers only refine reservations; four at once leave the machine to requests.
const inspectionsAtOnce = 4;

/** As Node reads at most without being told; one is read at a time. */
const blockBytes = 64 * 1024;

const noObjects: readonly CachedObject[] = [];

export class EnginePool implements ClusterView {
  readonly #options: EnginePoolOptions;
  readonly #members = new Map<string, EngineMember>();
  readonly #byId = new Map<string, EngineMember>();
  readonly #index = new ContainerIndex();
  readonly #listeners = new Set<(event: ClusterEvent) => void>();
  readonly #changeListeners = new Set<(engine: PooledEngine) => void>();
  readonly #handshakes = new PQueue({ concurrency: handshakesAtOnce });
  readonly #inspections = new PQueue({ concurrency: inspectionsAtOnce });
  readonly #sweep: ReservationSweep;
  readonly #versions: VersionAnswers;
  readonly #contexts = new SecureContexts();
  readonly #block = Buffer.allocUnsafeSlow(blockBytes);
  readonly #usual = new UsualAnswers();
  readonly #slices: WorkSlices;
  readonly #settling: Settling;
  readonly #probeTimers: TimerGrid;
  readonly #probeStarts: TimerGrid;
  readonly #leaving = new Set<Promise<void>>();
  readonly #ignored = new Set<string>();
  #sorted: readonly EngineMember[] | undefined;
  /** Names of all engines, each in a line. */
  #engineNames: string | undefined;
  readonly #objects = new Map<ObjectKind, readonly CachedObject[]>();

  constructor(options: EnginePoolOptions) {
    this.#options = options;
    this.#sweep = new ReservationSweep(options.clock);
    this.#versions = new VersionAnswers(options.clock);
    this.#slices = new WorkSlices(options.clock);
    this.#settling = new Settling(options.clock);
    this.#probeTimers = new TimerGrid({ clock: options.clock, stepMs: probeGridMs });
    this.#probeStarts = new TimerGrid({ clock: options.clock, stepMs: probeStartGridMs });
  }

  /** Makes the pool hold exactly these `host:port` entries; idempotent, never throws. Entries of another form are ignored. */
  setAddresses(addresses: readonly string[]): void {
    const wanted = new Set(addresses);
    for (const [entry, member] of this.#members) if (!wanted.has(entry)) this.#remove(entry, member);
    for (const entry of wanted) if (!this.#members.has(entry)) this.#add(entry);
  }

  /** Asks for the credentials of every engine again; connections in use stay. */
  reloadTls(): void {
    for (const [entry, member] of this.#members) member.setTls(this.#options.tlsFor(entry));
  }

  async close(): Promise<void> {
    this.#sweep.close();
    for (const [entry, member] of this.#members) this.#remove(entry, member);
    await Promise.all(this.#leaving);
  }

  engines(): readonly PooledEngine[] {
    this.#sorted ??= sortNaturally([...this.#members.values()], (member) => [member.name, member.address]);
    return this.#sorted;
  }

  containers(): readonly CachedContainer[] {
    return this.#index.all();
  }

  movable(): readonly CachedContainer[] {
    return this.#index.movable();
  }

  containersWithId(id: string): readonly CachedContainer[] {
    return this.#index.withId(id);
  }

  bury(ids: ReadonlyMap<string, string>): void {
    this.#index.bury(ids);
  }

  replacementsOf(id: string): readonly CachedContainer[] {
    return this.#index.replacementsOf(id);
  }

  equalNames(): readonly string[] {
    return this.#index.equalNames();
  }

  containerBlocks(): readonly (readonly CachedContainer[])[] {
    return this.#index.blocks();
  }

  containersLabelled(key: string, value: string): readonly CachedContainer[] | undefined {
    return this.#index.labelled(key, value);
  }

  containersNamed(part: string): readonly CachedContainer[] | undefined {
    this.#engineNames ??= this.engines()
      .map(({ name }) => name)
      .join('\n');
    if (this.#engineNames.includes(part)) return undefined;
    return this.#index.named(part);
  }

  containersOf(engine: PooledEngine): readonly CachedContainer[] {
    // Asked for every engine at every create; one that has left holds nothing.
    return engine instanceof EngineMember ? engine.tables.containers() : [];
  }

  findContainer(reference: string): ContainerLookup {
    return this.#index.find(
      reference,
      (engine, nameOrId) => engine.name === nameOrId || engine.id === nameOrId,
    );
  }

  images(): readonly CachedObject[] {
    return this.#all('images');
  }

  imagesOf(engine: PooledEngine): readonly CachedObject[] {
    return this.#memberOf(engine)?.tables.objects('images') ?? noObjects;
  }

  networks(): readonly CachedObject[] {
    return this.#all('networks');
  }

  volumes(): readonly CachedObject[] {
    return this.#all('volumes');
  }

  async refreshContainer(engine: PooledEngine, id: string): Promise<void> {
    await this.#memberOf(engine)?.session?.refreshContainers([id]);
  }

  noteMade(engine: PooledEngine, id: string, summary: JsonObject): void {
    const member = this.#memberOf(engine);
    if (member === undefined) return;
    member.tables.expect(id, summary);
    // Without a session everything is listed when there is one again.
    const read = member.session?.refreshMade(id);
    if (read !== undefined) this.#settling.add(read);
  }

  caughtUp(among?: () => ReadonlySet<string> | undefined): Promise<unknown> | undefined {
    return this.#settling.settled(among);
  }

  async refreshReservation(engine: PooledEngine, id: string): Promise<void> {
    await this.#memberOf(engine)?.session?.refreshReservation(id);
  }

  async refreshImages(engine: PooledEngine): Promise<void> {
    await this.#memberOf(engine)?.session?.refreshObjects('images');
  }

  async refreshNetworks(engine: PooledEngine): Promise<void> {
    await this.#memberOf(engine)?.session?.refreshObjects('networks');
  }

  async refreshVolumes(engine: PooledEngine): Promise<void> {
    await this.#memberOf(engine)?.session?.refreshObjects('volumes');
  }

  forget(engine: PooledEngine): void {
    const member = this.#memberOf(engine);
    if (member === undefined) return;
    this.#remove(engine.address, member);
    this.#add(engine.address);
  }

  reportOutcome(engine: PooledEngine, error?: unknown): void {
    this.#memberOf(engine)?.report(error);
  }

  publish(engine: PooledEngine, { action, ...actor }: ManagerEvent): void {
    this.#emit(poolEvent(action, { node: nodeOf(engine), nowMs: this.#options.clock.now(), actor }));
  }

  onEvent(listener: (event: ClusterEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onEngineChange(listener: (engine: PooledEngine) => void): () => void {
    this.#changeListeners.add(listener);
    return () => this.#changeListeners.delete(listener);
  }

  #add(entry: string): void {
    const { clock, logger, random, tlsFor, refreshMinMs, refreshMaxMs, failureRetry } = this.#options;
    const address = parseHostPort(entry);
    if (address === undefined) {
      if (!this.#ignored.has(entry)) logger.warn(`Ignoring discovery entry, it is not host:port`, { entry });
      this.#ignored.add(entry);
      return;
    }
    const member = new EngineMember({
      address,
      entry,
      tls: tlsFor(entry),
      clock,
      logger,
      random,
      refreshMinMs,
      refreshMaxMs,
      failureRetry,
      index: this.#index,
      inspections: this.#inspections,
      versions: this.#versions,
      contexts: this.#contexts,
      block: this.#block,
      usual: this.#usual,
      sweep: this.#sweep,
      slices: this.#slices,
      probeTimers: this.#probeTimers,
      probeStarts: this.#probeStarts,
      cpuShares: this.#options.cpuShares ?? 'weight',
      handshakes: (work) => this.#paced(work),
      claimId: (claimant, id) => this.#claimId(claimant, id),
      releaseId: (owner) => this.#releaseId(owner),
      onEngineEvent: (source, event) => this.#forward(source, event),
      onBehind: (ids, read) => {
        // Who was told nothing expects nothing.
        if (this.#listeners.size > 0) this.#settling.add(read, ids);
      },
      onTransition: (source, action) => this.#announce(source, action),
      onRename: () => this.#renamed(),
      onChange: (changed) => {
        for (const listener of this.#changeListeners) listener(changed);
      },
      onObjects: () => this.#objects.clear(),
    });
    this.#members.set(entry, member);
    this.#renamed();
  }

  #remove(entry: string, member: EngineMember): void {
    this.#members.delete(entry);
    this.#renamed();
    this.#objects.clear();
    const leaving = member.close().finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }

  #memberOf(engine: PooledEngine): EngineMember | undefined {
    const member = this.#members.get(engine.address);
    return member === engine ? member : undefined;
  }

  #claimId(claimant: EngineMember, id: string): void {
    const owner = this.#byId.get(id);
    if (owner !== undefined && owner !== claimant)
      throw new SwarmError(
        'ENGINE_DUPLICATE_ID',
        `ID duplicated. ${id} shared by this node ${claimant.address} and another node ${owner.address}`,
      );
    this.#byId.set(id, claimant);
  }

  #releaseId(owner: EngineMember): void {
    if (this.#byId.get(owner.id) !== owner) return;
    this.#byId.delete(owner.id);
    // Whoever was refused because of this ID may be the one engine that has it now.
    for (const member of this.#members.values()) if (member.state === 'pending') member.retryNow();
  }

  /** Holds one of the handshake slots until the work is done or plainly waits for the other side. */
  async #paced<T>(work: () => Promise<T>): Promise<T> {
    let running: Promise<T> | undefined;
    await this.#handshakes.add(async () => {
      running = work();
      let cancel = (): void => undefined;
      const held = new Promise<void>((resolve) => {
        cancel = this.#options.clock.setTimer(handshakeHoldMs, resolve);
      });
      // A signal to abort a sleep would cost a trace of the stack for each engine.
      await Promise.race([running.catch(() => undefined), held]);
      cancel();
    });
    if (running === undefined) throw new SwarmError('ABORTED', 'The pool is closed');
    return running;
  }

  #forward(source: EngineMember, event: ParsedEvent): void {
    // Most managers have no event client most of the time: then the event is not even written.
    if (this.#listeners.size > 0) this.#emit(attributeEvent(event, nodeOf(source)));
  }

  #announce(source: EngineMember, action: PoolAction): void {
    this.#index.reviewAll();
    this.#emit(poolEvent(action, { node: nodeOf(source), nowMs: this.#options.clock.now() }));
  }

  #emit(event: ClusterEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        // One client's failure must not cost the others the event.
        this.#options.logger.error('Event listener failed', { error: String(error) });
      }
    }
  }

  #renamed(): void {
    this.#sorted = undefined;
    this.#engineNames = undefined;
  }

  #all(kind: ObjectKind): readonly CachedObject[] {
    const cached = this.#objects.get(kind);
    if (cached !== undefined) return cached;
    const objects = [...this.#members.values()].flatMap((member) => member.tables.objects(kind));
    this.#objects.set(kind, objects);
    return objects;
  }
}

function nodeOf(engine: PooledEngine): EventNode {
  return { name: engine.name, id: engine.id, address: engine.address, ip: engine.ip };
}
