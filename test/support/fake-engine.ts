// A simulated engine in the test's process, with what tests need beside: faults on demand and a record of requests.
import { randomBytes } from 'node:crypto';
import { systemClock } from '../../controller/base/clock.js';
import type { EngineEndpoint, EngineTls } from '../../controller/engine/endpoint.js';
import { SimulatedEngine, type RequestHead } from '../../controller/simulate/engine.js';
import type {
  SimulatedAnswer,
  SimulatedContainer,
  SimulatedEngineOptions,
  SimulatedRequest,
} from '../../controller/simulate/engine-state.js';

export interface FakeEngineOptions extends Partial<SimulatedEngineOptions> {
  /** Port to listen on, so that an engine can come back where it was. Default: any. */
  readonly port?: number;
}

/** What is wrong with the engine; each may be changed at any time. */
export interface Faults {
  /** Requests that are never answered. */
  hang: (request: RequestHead) => boolean;
  /** Requests whose connection is cut instead of an answer. */
  reset: (request: RequestHead) => boolean;
  /** Milliseconds before a request is answered. */
  delayMs: (request: RequestHead) => number;
  /** Requests that were read and are worked on only later, whether or not somebody still waits for the answer. */
  hold: (request: RequestHead) => Promise<void> | undefined;
  /** Answers instead of the right one. */
  answer: (request: RequestHead) => SimulatedAnswer | undefined;
  /** Events that subscribers never get, as real engines drop them under load. */
  dropEvent: (event: Readonly<Record<string, unknown>>) => boolean;
}

export class FakeEngine extends SimulatedEngine {
  /** Every request it got, oldest first. */
  readonly requests: SimulatedRequest[] = [];
  faults: Faults = {
    hang: () => false,
    reset: () => false,
    delayMs: () => 0,
    hold: () => undefined,
    answer: () => undefined,
    dropEvent: () => false,
  };

  static async start({ port = 0, ...options }: FakeEngineOptions = {}): Promise<FakeEngine> {
    const engine = new FakeEngine({
      clock: systemClock,
      randomHex: (bytes) => randomBytes(bytes).toString('hex'),
      name: 'fake',
      ...options,
    });
    await engine.listen({ host: '127.0.0.1', port });
    return engine;
  }

  /** `host:port`, as discovery lists it. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  endpoint(tls?: EngineTls): EngineEndpoint {
    const address = { host: '127.0.0.1', port: this.port };
    return tls === undefined ? { name: this.name, address } : { name: this.name, address, tls };
  }

  /** Ends every event stream, as a restart of the engine does. */
  breakEventStreams(): void {
    this.events.breakStreams();
  }

  /** Event streams that are open. */
  get subscribers(): number {
    return this.events.subscribers;
  }

  /** Adds a container as another client of the engine would, with its events unless `silently`. */
  addContainer(options: {
    readonly name: string;
    readonly labels?: Record<string, string>;
    readonly status?: SimulatedContainer['status'];
    readonly hostConfig?: Record<string, unknown>;
    readonly createdMs?: number;
    readonly silently?: boolean;
  }): SimulatedContainer {
    const nowMs = Date.now();
    const container: SimulatedContainer = {
      Id: randomBytes(32).toString('hex'),
      name: options.name,
      status: options.status ?? 'running',
      createdMs: options.createdMs ?? nowMs,
      startedMs: options.status === 'created' ? 0 : nowMs,
      exitCode: 0,
      body: { Image: 'busybox:latest', Labels: options.labels ?? {}, HostConfig: options.hostConfig ?? {} },
    };
    this.containers.set(container.Id, container);
    if (options.silently !== true) this.announce(container, 'create');
    return container;
  }

  protected override disturb(request: RequestHead): 'hang' | 'reset' | SimulatedAnswer | undefined {
    if (this.faults.hang(request)) return 'hang';
    return this.faults.reset(request) ? 'reset' : this.faults.answer(request);
  }

  protected override delayMs(request: RequestHead): number {
    return this.faults.delayMs(request);
  }

  protected override losesEvent(event: Readonly<Record<string, unknown>>): boolean {
    return this.faults.dropEvent(event);
  }

  protected override received(request: SimulatedRequest): Promise<void> | undefined {
    this.requests.push(request);
    return this.faults.hold(request);
  }
}
