// A part of a simulated fleet: engines on their own addresses in one process, and container events at a steady rate.
import type { Clock } from '../base/clock.js';
import { issueCertificate } from '../pki/authority.js';
import type { KeyPair } from '../pki/key-pair.js';
import type { SimulatedContainer, SimulatedEngineOptions } from './engine-state.js';
import { SimulatedEngine } from './engine.js';
import { fleetImages, seedEngine } from './seed.js';

export interface FleetPart {
  /** Engines of this part: positions `first` to `first + count - 1` of the fleet. */
  readonly first: number;
  readonly count: number;
  readonly containersPerEngine: number;
  /** First port, and the port of every engine where each has an address of its own. */
  readonly port: number;
  /** `address`: 127.77.x.y, one per engine, as Linux allows; `port`: 127.0.0.1 with one port per engine. */
  readonly spread: 'address' | 'port';
  readonly latencyMs: number;
  /** False: containers that no manager made, which it inspects for their reservations. */
  readonly isOurs: boolean;
  /** With it engines speak TLS with certificates of this authority, and ask clients for one of it. */
  readonly authority?: KeyPair;
}

export interface FleetCounts {
  /** Pings are counted apart. */
  readonly requests: number;
  readonly pings: number;
  readonly connections: number;
  readonly openConnections: number;
  readonly events: number;
}

/** A fleet that is tried out does not live this long. */
const certificateDays = 30;
/** Listeners opened at once; each is one system call, and the list of a part is a few thousand long. */
const listenersAtOnce = 100;
// A churn tick sends the events that fell due since the last one; finer than what a subscriber's lag is measured in.
const churnTickMs = 5;

export class SimulatedFleet {
  readonly engines: readonly SimulatedEngine[];
  readonly #clock: Clock;
  #stopChurn = (): void => undefined;
  #events = 0;
  #isClosed = false;

  private constructor(engines: readonly SimulatedEngine[], clock: Clock) {
    this.engines = engines;
    this.#clock = clock;
  }

  /** @throws LISTEN_FAILED when an address is taken */
  static async start(
    part: FleetPart,
    { clock, randomHex }: Pick<SimulatedEngineOptions, 'clock' | 'randomHex'>,
  ): Promise<SimulatedFleet> {
    let tls: SimulatedEngineOptions['tls'];
    const engines: SimulatedEngine[] = [];
    for (let at = 0; at < part.count; at += 1) {
      const index = part.first + at;
      const { host } = addressOf(index, part);
      // Where engines share an address they share its certificate.
      if (part.authority !== undefined && (tls === undefined || part.spread === 'address'))
        tls = await certificateFor(host, part.authority, clock);
      const engine = new SimulatedEngine({
        clock,
        randomHex,
        name: `sim-${index}`,
        id: `SIMU:${String(index).padStart(8, '0')}`,
        cpus: 8,
        memoryBytes: 32 * 2 ** 30,
        images: fleetImages,
        labels: [
          `zone=z${index % 3}`,
          `rack=r${Math.floor(index / 40)}`,
          `disk=${index % 2 === 0 ? 'ssd' : 'hdd'}`,
        ],
        latencyMs: part.latencyMs,
        runsPrograms: true,
        ...(tls === undefined ? {} : { tls }),
      });
      seedEngine(engine, { index, containers: part.containersPerEngine, isOurs: part.isOurs });
      engines.push(engine);
    }
    const fleet = new SimulatedFleet(engines, clock);
    try {
      for (let at = 0; at < engines.length; at += listenersAtOnce)
        await Promise.all(
          engines
            .slice(at, at + listenersAtOnce)
            .map((engine, offset) => engine.listen(addressOf(part.first + at + offset, part))),
        );
    } catch (error) {
      await fleet.close();
      throw error;
    }
    return fleet;
  }

  /** Restarts containers all over the fleet so that `perSecond` events happen each second; 0 ends it. */
  churn(perSecond: number): void {
    this.#stopChurn();
    this.#stopChurn = () => undefined;
    if (perSecond <= 0 || this.#isClosed) return;
    const startedMs = this.#clock.monotonic();
    let sent = 0;
    let at = 0;
    const tick = (): void => {
      const due = Math.floor(((this.#clock.monotonic() - startedMs) / 1000) * perSecond);
      for (; sent < due; sent += 1) {
        // Far apart engines one after the other, as in life.
        at = (at + 7) % this.engines.length;
        this.#change(this.engines[at], sent);
      }
      this.#stopChurn = this.#clock.setTimer(churnTickMs, tick);
    };
    tick();
  }

  counts(): FleetCounts {
    const sum = (read: (engine: SimulatedEngine) => number): number =>
      this.engines.reduce((total, engine) => total + read(engine), 0);
    return {
      requests: sum((engine) => engine.requestCount - engine.pingCount),
      pings: sum((engine) => engine.pingCount),
      connections: sum((engine) => engine.connections),
      openConnections: sum((engine) => engine.openConnections),
      events: this.#events,
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopChurn();
    await Promise.all(this.engines.map((engine) => engine.close()));
  }

  /** One event: a container that runs dies, one that ended starts. */
  #change(engine: SimulatedEngine | undefined, sent: number): void {
    const container = nth(engine?.containers, sent);
    if (engine === undefined || container === undefined) return;
    const isRunning = container.status === 'running';
    container.status = isRunning ? 'exited' : 'running';
    if (!isRunning) container.startedMs = this.#clock.now();
    engine.announce(container, isRunning ? 'die' : 'start');
    this.#events += 1;
  }
}

/** Where the engine at a position of the fleet listens. */
export function addressOf(
  index: number,
  { port, spread }: Pick<FleetPart, 'port' | 'spread'>,
): { readonly host: string; readonly port: number } {
  // 250 hosts per /24, without .0 and .255; 127.77.0.0/16 holds 64,000 engines.
  return spread === 'port'
    ? { host: '127.0.0.1', port: port + index }
    : { host: `127.77.${Math.floor(index / 250)}.${1 + (index % 250)}`, port };
}

async function certificateFor(
  host: string,
  authority: KeyPair,
  clock: Clock,
): Promise<NonNullable<SimulatedEngineOptions['tls']>> {
  const { certPem, keyPem } = await issueCertificate({
    authority,
    commonName: host,
    usages: ['server'],
    ipAddresses: [host],
    nowMs: clock.now(),
    validityDays: certificateDays,
  });
  return { cert: certPem, key: keyPem, ca: authority.certPem };
}

function nth(
  containers: ReadonlyMap<string, SimulatedContainer> | undefined,
  number: number,
): SimulatedContainer | undefined {
  if (containers === undefined || containers.size === 0) return undefined;
  let left = number % containers.size;
  for (const container of containers.values()) if (left-- === 0) return container;
  return undefined;
}
