// One engine of the pool: validates it, keeps a session to it, probes its health, and tells the pool each transition.
import { setMaxListeners } from 'node:events';
import { isIP } from 'node:net';
import type PQueue from 'p-queue';
import type { CpuSharesMeaning } from '../api/cpu-shares.js';
import type { HostPort } from '../api/engine-address.js';
import { backoffDelayMs } from '../base/backoff.js';
import type { Clock } from '../base/clock.js';
import { SwarmError, toSwarmError, type ErrorCode } from '../base/errors.js';
import type { LogFields, Logger } from '../base/log.js';
import type { EngineSpecs, EngineState, PooledEngine } from './cluster-view.js';
import type { PoolAction } from './cluster-event.js';
import type { ContainerIndex } from './container-index.js';
import type { EngineTls } from './endpoint.js';
import {
  afterContact,
  afterFailure,
  healthIndicator,
  isConnectionFailure,
  type Health,
} from './engine-health.js';
import { EngineReader } from './engine-reader.js';
import { EngineSession, type ParsedEvent, type SessionOptions } from './engine-session.js';
import type { ParsedSpecs } from './engine-specs.js';
import type { ReservationSweep } from './reservation-sweep.js';
import { EngineTables } from './engine-tables.js';
import type { SecureContexts } from './secure-contexts.js';
import type { VersionAnswers } from './version-answers.js';
import { HealthProbe } from './health-probe.js';
import type { TimerGrid } from './timer-grid.js';
import { EngineTransport } from './transport.js';
import type { UsualAnswers } from './usual-answers.js';
import type { WorkSlices } from './work-slices.js';

/** A pending engine is retried from 1 s to 30 s apart; a known one at most 3 s, so that it is back within seconds. */
const pendingRetryCapMs = 30_000;
const knownRetryCapMs = 3_000;
/** A session that lived less counts as a failed attempt, so that a stream that ends at once is not reopened in a loop. */
const shortSessionMs = 5_000;

export interface MemberOptions {
  readonly address: HostPort;
  /** The address as discovery listed it. */
  readonly entry: string;
  readonly tls: EngineTls | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly refreshMinMs: number;
  readonly refreshMaxMs: number;
  readonly failureRetry: number;
  readonly index: ContainerIndex;
  readonly inspections: PQueue;
  readonly versions: VersionAnswers;
  readonly contexts: SecureContexts;
  /** What connections of all engines read into, one after the other. */
  readonly block: Buffer;
  readonly usual: UsualAnswers;
  readonly sweep: Pick<ReservationSweep, 'add'>;
  readonly slices: WorkSlices;
  /** For the probes of all engines: their deadlines, and when they begin. */
  readonly probeTimers: TimerGrid;
  readonly probeStarts: TimerGrid;
  /** What CpuShares of a container mean. */
  readonly cpuShares: CpuSharesMeaning;
  /** Paces first contacts; see pool.ts. */
  readonly handshakes: <T>(work: () => Promise<T>) => Promise<T>;
  /** @throws ENGINE_DUPLICATE_ID when another member has the ID */
  readonly claimId: (member: EngineMember, id: string) => void;
  readonly releaseId: (member: EngineMember) => void;
  readonly onEngineEvent: (member: EngineMember, event: ParsedEvent) => void;
  readonly onBehind: SessionOptions['onBehind'];
  readonly onTransition: (member: EngineMember, action: PoolAction) => void;
  readonly onRename: () => void;
  /** Containers, specs, name, ID or health are others from now on. */
  readonly onChange: (member: EngineMember) => void;
  /** A list of images, networks or volumes was applied or dropped. */
  readonly onObjects: () => void;
}

export class EngineMember implements PooledEngine {
  readonly address: string;
  readonly transport: EngineTransport;
  readonly tables: EngineTables;
  readonly #options: MemberOptions;
  readonly #reader: EngineReader;
  readonly #probe: HealthProbe;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;
  #health: Health;
  #id = '';
  #name = '';
  #specs: EngineSpecs | undefined;
  #session: EngineSession | undefined;
  #lastContactMs = 0;
  #loggedError = '';
  #wake = new AbortController();

  constructor(options: MemberOptions) {
    this.#options = options;
    this.address = options.entry;
    // Every read of this engine listens to it, and there may be dozens at once.
    setMaxListeners(0, this.#stop.signal);
    const endpoint = { name: options.entry, address: options.address };
    this.transport = new EngineTransport({
      endpoint: options.tls === undefined ? endpoint : { ...endpoint, tls: options.tls },
      clock: options.clock,
      contexts: options.contexts,
      block: options.block,
      usual: options.usual,
    });
    this.tables = new EngineTables(this, options.index, {
      now: options.clock.now,
      onChange: () => options.onChange(this),
    });
    this.#reader = new EngineReader({ ...options, transport: this.transport });
    this.#health = { state: 'pending', failures: 0, updatedAtMs: options.clock.now() };
    this.#probe = new HealthProbe({
      clock: options.clock,
      random: options.random,
      timers: options.probeTimers,
      starts: options.probeStarts,
      isHealthy: () => this.state === 'healthy',
      lastContactMs: () => this.#lastContactMs,
      ping: (options) => this.#reader.ping(options),
      onContact: () => this.#contacted(),
      onFailure: (error) => this.report(error),
    });
    this.#running = Promise.all([this.#stayConnected(), this.#probe.run()]);
  }

  get ip(): string {
    const { host } = this.#options.address;
    return this.transport.remoteAddress || (isIP(host) === 0 ? '' : host);
  }
  get id(): string {
    return this.#id;
  }
  get name(): string {
    return this.#name;
  }
  get state(): EngineState {
    return this.#health.state;
  }
  get error(): string | undefined {
    return this.#health.error;
  }
  get errorCode(): ErrorCode | undefined {
    return this.#health.errorCode;
  }
  get failures(): number {
    return this.#health.failures;
  }
  get healthIndicator(): number {
    return healthIndicator(this.#health, this.#options.failureRetry);
  }
  get updatedAtMs(): number {
    return this.#health.updatedAtMs;
  }
  get specs(): EngineSpecs | undefined {
    return this.#specs;
  }

  /** Absent while the engine is not connected; then a refresh waits for the next connection. */
  get session(): EngineSession | undefined {
    return this.#session;
  }

  /** The outcome of a call somebody made; undefined = success. */
  report(error: unknown): void {
    if (error === undefined) this.#contacted();
    else if (isConnectionFailure(error)) this.#failed(toSwarmError(error));
  }

  /** Other credentials from now on; an engine that is not connected is tried again at once. */
  setTls(tls: EngineTls | undefined): void {
    this.transport.setTls(tls);
    this.retryNow();
  }

  /** Cuts a wait between attempts short. */
  retryNow(): void {
    this.#wake.abort();
  }

  /** Ends everything; the engine is gone for the pool. Idempotent. */
  async close(): Promise<void> {
    if (!this.#stop.signal.aborted) {
      const wasKnown = this.#id !== '';
      const wasUp = this.state === 'healthy';
      this.#stop.abort(new SwarmError('ABORTED', `Engine ${this.address} left the pool`));
      this.retryNow();
      this.#probe.close();
      this.#setHealth({ ...this.#health, state: 'disconnected' });
      this.tables.clear();
      this.#options.releaseId(this);
      if (wasUp) this.#options.onTransition(this, 'engine_disconnect');
      if (wasKnown) this.#options.logger.info(`Removed Engine ${this.#name}`);
      this.#options.onObjects();
    }
    await Promise.all([this.transport.close(), this.#running]);
  }

  async #stayConnected(): Promise<void> {
    const { clock, random } = this.#options;
    let failures = 0;
    while (!this.#isOver()) {
      const startedMs = clock.monotonic();
      let end: SwarmError;
      try {
        const { session, ended } = await this.#connect();
        this.#session = session;
        end = await ended;
        failures = clock.monotonic() - startedMs >= shortSessionMs ? 0 : failures + 1;
      } catch (error) {
        end = toSwarmError(error);
        failures += 1;
        if (!this.#isOver()) this.#connectFailed(end);
      }
      this.#session = undefined;
      if (this.#isOver()) return;
      this.#options.logger.debug(`Connection to engine ended: ${end.message}`, { addr: this.address });
      // A stream that lasted and broke is opened again at once: each moment without it is a gap to list over.
      if (failures === 0) continue;
      const capMs = this.state === 'pending' ? pendingRetryCapMs : knownRetryCapMs;
      await this.#pause(backoffDelayMs(failures, random, { baseMs: 1_000, capMs }));
    }
  }

  /** Validates the engine, subscribes, lists; when it resolves the engine is healthy. */
  async #connect(): Promise<{ readonly session: EngineSession; readonly ended: Promise<SwarmError> }> {
    const { signal } = this.#stop;
    const parsed = await this.#options.handshakes(async () => {
      // Of an engine that was lost, a ping tells in 2 s whether it still is, and leaves nothing waiting there. A
      // pending one gets the time to say why it cannot be reached.
      if (this.state === 'unhealthy') await this.#checkAlive();
      return this.#reader.specs(signal, { isFirst: this.#specs === undefined });
    });
    this.#identify(parsed);
    const opened = await EngineSession.open(this.#sessionOptions(), signal);
    if (this.#isOver()) {
      opened.session.close();
      throw new SwarmError('ABORTED', `Engine ${this.address} left the pool`);
    }
    this.#connected();
    return opened;
  }

  #checkAlive(): Promise<void> {
    return new Promise((resolve, reject) => {
      const onEnd = (failure: SwarmError | undefined): void =>
        failure === undefined ? resolve() : reject(failure);
      this.#reader.ping({ setTimer: this.#options.clock.setTimer, onEnd });
    });
  }

  /** Takes the engine's identity. @throws ENGINE_DUPLICATE_ID */
  #identify(parsed: ParsedSpecs): void {
    if (this.#id !== '' && this.#id !== parsed.id) this.#forgetIdentity(parsed.id);
    this.#options.claimId(this, parsed.id);
    this.#id = parsed.id;
    this.#adopt(parsed);
  }

  #adopt({ name, specs, ignoredLabels }: ParsedSpecs): void {
    const isFirst = this.#specs === undefined;
    if (name !== this.#name) {
      this.#name = name;
      // Known by its address alone until now.
      this.transport.setName(name);
      this.#options.onRename();
    }
    this.#specs = specs;
    this.#options.onChange(this);
    if (isFirst)
      for (const label of ignoredLabels)
        this.#options.logger.warn(
          `Engine (ID: ${this.#id}, Addr: ${this.address}) has a reserved label, ignored`,
          { label },
        );
  }

  /** The host was installed anew: what was cached belongs to an engine that no longer exists. */
  #forgetIdentity(newId: string): void {
    const { logger, onTransition, releaseId } = this.#options;
    logger.warn(
      `Engine (ID: ${this.#id}, Addr: ${this.address}) shows up with another ID:${newId}. It is validated anew.`,
    );
    if (this.state === 'healthy') onTransition(this, 'engine_disconnect');
    releaseId(this);
    this.tables.clear();
    this.#options.onObjects();
    this.#id = '';
    this.#specs = undefined;
    this.#setHealth({ ...this.#health, state: 'pending' });
  }

  #connected(): void {
    const { clock, logger, onTransition } = this.#options;
    const before = this.#health;
    this.#lastContactMs = clock.monotonic();
    this.#setHealth({ state: 'healthy', failures: 0, updatedAtMs: clock.now() });
    this.#loggedError = '';
    if (before.state === 'pending') {
      logger.info(`Registered Engine ${this.#name} at ${this.address}`);
      onTransition(this, 'engine_connect');
    } else if (before.state === 'unhealthy') {
      logger.info(`Engine came back to life after ${before.failures} retries. Hooray!`, this.#fields());
      onTransition(this, 'engine_reconnect');
    }
  }

  /** While it is healthy the probe decides; otherwise the failure is what the user wants to read. */
  #connectFailed(error: SwarmError): void {
    const { logger } = this.#options;
    const isNews = error.message !== this.#loggedError;
    if (this.state !== 'healthy') this.#failed(error);
    if (this.state === 'pending' && isNews) {
      this.#loggedError = error.message;
      logger.warn(`Failed to validate pending node: ${error.message}`, { Addr: this.address });
    } else if (this.state === 'healthy' && isNews && !isConnectionFailure(error)) {
      this.#loggedError = error.message;
      logger.warn(`Cannot follow the events of an engine: ${error.message}`, this.#fields());
    }
  }

  #setHealth(health: Health): void {
    const before = this.#health;
    this.#health = health;
    // Most contacts only move the time of the last one.
    if (health.state !== before.state || health.failures !== before.failures) this.#options.onChange(this);
  }

  #contacted(): void {
    const { clock } = this.#options;
    this.#lastContactMs = clock.monotonic();
    if (this.state === 'healthy') this.#setHealth(afterContact(this.#health, clock.now()));
    // An answer to somebody says that connecting will work now.
    else if (this.state === 'unhealthy' && this.#session === undefined) this.retryNow();
  }

  #failed(error: SwarmError): void {
    const { clock, failureRetry, logger, onTransition } = this.#options;
    const before = this.#health;
    this.#setHealth(afterFailure(before, { error, nowMs: clock.now(), failureRetry }));
    if (before.state !== 'healthy' || this.state !== 'unhealthy') return;
    logger.error(
      `Flagging engine as unhealthy. Connect failed ${this.#health.failures} times`,
      this.#fields(),
    );
    // Whatever the stream still holds is old by the time the engine is back: then everything is listed again.
    this.#session?.close();
    onTransition(this, 'engine_disconnect');
  }

  #sessionOptions(): SessionOptions {
    return {
      ...this.#options,
      reader: this.#reader,
      tables: this.tables,
      cpus: () => this.#specs?.cpus ?? 0,
      onEvent: (event) => this.#options.onEngineEvent(this, event),
      onContact: () => this.#contacted(),
      onFailure: (error) => this.report(error),
      onSpecs: (parsed) => {
        // Another ID: connect again, which starts from the identity.
        if (parsed.id === this.#id) this.#adopt(parsed);
        else this.#session?.close();
      },
    };
  }

  #isOver(): boolean {
    return this.#stop.signal.aborted;
  }

  #fields(): LogFields {
    return { name: this.#name, id: this.#id, addr: this.address };
  }

  /** Waits until the time is over, somebody asks to retry, or the engine leaves. */
  async #pause(delayMs: number): Promise<void> {
    if (this.#isOver()) return;
    this.#wake = new AbortController();
    await this.#sleep(delayMs, this.#wake.signal);
  }

  async #sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    await this.#options.clock.sleep(Math.max(0, delayMs), signal).catch(() => undefined);
  }
}
