// Everything an operator speaks to, in memory: engines by address, the managers that run on them, and discovery. Knows
// what no operator may do.
import { agentContainerName } from '../../../controller/api/agent-role.js';
import { formatHostPort } from '../../../controller/api/engine-address.js';
import { containerLabels } from '../../../controller/api/labels.js';
import type { Clock } from '../../../controller/base/clock.js';
import { SwarmError } from '../../../controller/base/errors.js';
import { EngineClient } from '../../../controller/engine/engine-client.js';
import { containerPaths } from '../../../controller/plan/container-files.js';
import type { ListedEngine, ManagerView } from '../../../controller/reconcile/fleet.js';
import type { ManagerQuestion, Outside } from '../../../controller/reconcile/outside.js';
import type { SimulatedContainer } from '../../../controller/simulate/engine-state.js';
import type { MemoryAnswer, MemoryCall, MemoryEngine } from './memory-engine.js';
import { MemoryWire, type Carrier, type Process } from './memory-wire.js';

export interface Hooks {
  readonly before?: (engine: MemoryEngine, call: MemoryCall) => void;
  readonly after?: (engine: MemoryEngine, call: MemoryCall) => void;
}

export class MemoryWorld implements Carrier {
  /** By `host:port`. */
  readonly engines: ReadonlyMap<string, MemoryEngine>;
  readonly clock: Clock;
  hooks: Hooks = {};
  /** Hosts whose managers take connections and never answer. */
  readonly hungManagers = new Set<string>();
  /** Hosts whose token services take connections and never answer, or what they answer instead of a list. */
  readonly badServices = new Map<string, 'hung' | SwarmError>();
  /** Questions that token services were asked, in order, as `host`. */
  readonly askedServices: string[] = [];
  /** Calls that change something, as `engine METHOD path`. */
  readonly changes: string[] = [];
  /** Calls that were tried, by address. */
  readonly asked = new Map<string, number>();
  /** What was done that nobody may do. */
  readonly crimes: string[] = [];

  constructor(engines: ReadonlyMap<string, MemoryEngine>, clock: Clock) {
    this.engines = engines;
    this.clock = clock;
  }

  copy(clock: Clock): MemoryWorld {
    return new MemoryWorld(new Map([...this.engines].map(([at, engine]) => [at, engine.copy(clock)])), clock);
  }

  outside(process: Process): Outside {
    const { clock } = this;
    return {
      connect: (endpoint) =>
        new EngineClient({ endpoint, clock, wire: new MemoryWire({ endpoint, world: this, process }) }),
      askManager: (question) => this.#askManager(question),
      openDiscovery: (url) =>
        Promise.resolve({
          name: 'token',
          list: (signal) => this.#askService(url, signal),
          register: () => Promise.resolve(),
          unregister: () => Promise.resolve(),
          watch: () => Promise.resolve(),
          close: () => Promise.resolve(),
        }),
    };
  }

  /** Brings a call to the engine at `address`, through whatever is wrong with it. */
  async carry(
    address: string,
    call: MemoryCall,
    { process, signal }: { readonly process: Process; readonly signal: AbortSignal | undefined },
  ): Promise<MemoryAnswer> {
    if (process.isOver) return never(signal);
    const engine = this.engines.get(address);
    this.asked.set(address, (this.asked.get(address) ?? 0) + 1);
    const fault = engine === undefined ? 'refused' : engine.fault(call);
    if (engine === undefined || fault === 'refused') throw failure('ECONNREFUSED');
    if (fault === 'silent') return never(signal);
    if (typeof fault === 'object' && 'failsWith' in fault) throw failure(fault.failsWith);
    if (typeof fault === 'object' && 'lateMs' in fault) await this.clock.sleep(fault.lateMs, signal);
    if (typeof fault === 'object' && 'answer' in fault) return { type: 'whole', answer: fault.answer };
    this.hooks.before?.(engine, call);
    if (process.isOver as boolean) return never(signal); // a hook may end it
    this.judge(engine, call);
    const answer = await engine.carryOut(call);
    this.hooks.after?.(engine, call);
    if (process.isOver as boolean) return never(signal);
    if (fault === 'cut') throw failure('ECONNRESET');
    return answer;
  }

  /** Notes a change, and whether it is one that no operator may make. */
  judge(engine: MemoryEngine, { method, path }: MemoryCall): void {
    if (method === 'GET' || method === 'HEAD') return;
    this.changes.push(`${engine.name} ${method} ${path}`);
    const reference = /^\/containers\/([^/]+)/.exec(path)?.[1] ?? '';
    if (reference === 'create' || reference === '') return;
    const container = engine.find(decodeURIComponent(reference));
    if (container !== undefined && !isOurs(container)) {
      this.crimes.push(`${method} ${path} on ${engine.name}: container ${container.name} is not ours`);
    }
  }

  async #askService(url: string, signal: AbortSignal): Promise<readonly string[]> {
    const host = /\/\/([^:/]+)/.exec(url)?.[1] ?? '';
    this.askedServices.push(host);
    const fault = this.badServices.get(host);
    if (fault === 'hung') return never(signal);
    if (fault !== undefined) throw fault;
    return [];
  }

  async #askManager(question: ManagerQuestion): Promise<ManagerView> {
    const { node, address, signal } = question;
    if (!this.hungManagers.has(address.host)) return this.#manager(question);
    // As long as the real question waits.
    await this.clock.sleep(5000, signal).catch(() => undefined);
    return {
      type: 'silent',
      error: new SwarmError('TIMEOUT', `Cannot ask the manager on ${node}: no answer`),
    };
  }

  /** A manager lists every engine whose join container speaks to the same token service. */
  #manager({ node, address }: ManagerQuestion): ManagerView {
    const silent = (why: string): ManagerView => ({
      type: 'silent',
      error: new SwarmError('ENGINE_UNREACHABLE', `Cannot ask the manager on ${node}: ${why}`),
    });
    const at = [...this.engines].find(([hostPort]) => hostPort.startsWith(`${address.host}:`))?.[1];
    if (at === undefined || at.fault({ method: 'GET', path: '/info' }) !== undefined)
      return silent('no answer');
    const managers = [...at.containers.values()].filter(
      (one) => one.status === 'running' && labelsOf(one)[containerLabels.role] === 'manage',
    );
    const [manager] = managers;
    if (manager === undefined) return silent('connection refused');
    const cluster = labelsOf(manager)[containerLabels.cluster] ?? '';
    const engines = new Map<string, ListedEngine>();
    for (const [hostPort, engine] of this.engines) {
      const join = engine.find(agentContainerName(cluster, 'join'));
      if (join?.status !== 'running' || !isOurs(join) || tokenOf(join) !== tokenOf(manager)) continue;
      const isUp = engine.fault({ method: 'GET', path: '/info' }) === undefined;
      engines.set(hostPort, { name: engine.name, status: isUp ? 'Healthy' : 'Unhealthy', error: '(none)' });
    }
    return { type: 'serving', engines };
  }
}

export function labelsOf({ body }: SimulatedContainer): Readonly<Record<string, string>> {
  return (body['Labels'] ?? {}) as Record<string, string>; // strings in every create request
}

export function isOurs(container: SimulatedContainer): boolean {
  return labelsOf(container)[containerLabels.installation] !== undefined;
}

/** The last part of the discovery URL a container was given. */
function tokenOf({ files }: SimulatedContainer): string | undefined {
  return files?.get(containerPaths.discovery)?.toString('utf8').trim().split('/').at(-1);
}

export function addressOf(number: number): string {
  return formatHostPort({ host: `10.0.0.${number}`, port: 2376 });
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

function never(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    const stop = (): void => reject(signal?.reason as Error); // aborts carry errors
    if (signal?.aborted === true) stop();
    signal?.addEventListener('abort', stop, { once: true });
  });
}
