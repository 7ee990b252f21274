// All engines of the model with the way to them: faults, calls that are held on their way, and the judgement of every
// change that arrives. Knows nothing of operators.
import { agentContainerName } from '../../../controller/api/agent-role.js';
import { containerLabels } from '../../../controller/api/labels.js';
import { SwarmError } from '../../../controller/base/errors.js';
import { containerPaths } from '../../../controller/plan/container-files.js';
import type { ListedEngine, ManagerView } from '../../../controller/reconcile/fleet.js';
import type { ManagerQuestion } from '../../../controller/reconcile/outside.js';
import { isOurs, labelsOf, ModelEngine, roleOf, type ModelContainer } from './model-engine.js';

/** A call that changes something: what it does, and to which container or volume. */
export interface Change {
  readonly operation:
    'load' | 'create' | 'copy' | 'start' | 'reload' | 'update' | 'stop' | 'remove' | 'remove volume';
  /** Name of the container or volume, or the image. */
  readonly name: string;
}

/** One life of an operator: once it is over, nothing that comes back reaches it. */
export interface Life {
  isOver: boolean;
}

interface Held {
  readonly engine: ModelEngine;
  readonly deliver: () => void;
}

export const engineCount = 6;
export const portOfEngines = 2376;

export class ModelWorld {
  readonly engines: readonly ModelEngine[] = Array.from(
    { length: engineCount },
    (_, index) => new ModelEngine(index + 1),
  );
  /** Asked of each change before it happens. Throws when it must not. */
  judge: (engine: ModelEngine, change: Change, life: Life) => void = () => undefined;
  /** Whether a node or a debt leads to the engine. */
  isKnown: (engine: ModelEngine) => boolean = () => true;
  /** Of the calls to come of an engine that change something, this one is held on its way: 1 is the next. */
  readonly holds = new Map<ModelEngine, number>();
  #held: Held[] = [];
  /** Every change that happened. */
  changes = 0;

  at(host: string): ModelEngine | undefined {
    return this.engines[Number(host.split('.')[3]) - 1];
  }

  /** How many calls are held. */
  get held(): number {
    return this.#held.length;
  }

  /** Lets the oldest held call of an engine go on. @returns whether there was one */
  deliver(engine: ModelEngine): boolean {
    const found = this.#held.find((one) => one.engine === engine);
    this.#held = this.#held.filter((one) => one !== found);
    found?.deliver();
    return found !== undefined;
  }

  /** Reads something of an engine. */
  async read<T>(
    host: string,
    o: { readonly life: Life; readonly work: (engine: ModelEngine) => T },
  ): Promise<T> {
    if (o.life.isOver) return never();
    const engine = this.#reach(host);
    if (engine.fault === 'hung') throw timeout(engine);
    return o.work(engine);
  }

  /** Changes something: perhaps later, perhaps without an answer. */
  async change<T>(
    host: string,
    o: {
      readonly life: Life;
      readonly change: Change;
      readonly work: (engine: ModelEngine) => T;
    },
  ): Promise<T> {
    if (o.life.isOver) return never();
    const engine = this.#reach(host);
    if (engine.fault === 'hung') throw timeout(engine);
    if (engine.fault === 'slow' || this.#isHeldNow(engine)) {
      await new Promise<void>((deliver) => this.#held.push({ engine, deliver }));
      // Down meanwhile: it never arrives. Otherwise it does, whether or not its sender still lives.
      if (this.#isAway(engine)) {
        if (this.#isOver(o.life)) return never();
        throw timeout(engine);
      }
    }
    // Files of a dead operator that arrive after those of the living one are only noticed by reading them back, which is
    // beyond this model.
    if (this.#isOver(o.life) && o.change.operation === 'copy') return never();
    // Nor can anybody find what a dead operator makes after the living one saw that nothing was left there.
    if (this.#isOver(o.life) && o.change.operation === 'create' && !this.isKnown(engine)) return never();
    this.judge(engine, o.change, o.life);
    this.changes += 1;
    const answer = o.work(engine);
    if (this.#isOver(o.life)) return never();
    if (engine.fault === 'cut') throw timeout(engine);
    return answer;
  }

  /** A manager lists every engine whose join container speaks to the same token service. */
  askManager({ node, address }: ManagerQuestion): ManagerView {
    const engine = this.at(address.host);
    const manager = engine?.containers.find((one) => one.status === 'running' && roleOf(one) === 'manage');
    if (engine === undefined || engine.fault === 'down' || engine.fault === 'hung' || manager === undefined) {
      return {
        type: 'silent',
        error: new SwarmError('ENGINE_UNREACHABLE', `Cannot ask the manager on ${node}: no answer`),
      };
    }
    const cluster = labelsOf(manager)[containerLabels.cluster] ?? '';
    const engines = new Map<string, ListedEngine>();
    for (const one of this.engines) {
      const join = one.find(agentContainerName(cluster, 'join'));
      if (join?.status !== 'running' || !isOurs(join) || tokenOf(join) !== tokenOf(manager)) continue;
      const isUp = one.fault !== 'down' && one.fault !== 'hung';
      const status = isUp ? 'Healthy' : 'Unhealthy';
      engines.set(`${hostOf(one.number)}:${portOfEngines}`, { name: one.id, status, error: '(none)' });
    }
    return { type: 'serving', engines };
  }

  /** Asked again after each wait. */
  #isOver({ isOver }: Life): boolean {
    return isOver;
  }

  #isAway({ fault }: ModelEngine): boolean {
    return fault === 'down' || fault === 'hung';
  }

  #isHeldNow(engine: ModelEngine): boolean {
    const left = this.holds.get(engine);
    if (left === undefined) return false;
    if (left > 1) this.holds.set(engine, left - 1);
    else this.holds.delete(engine);
    return left === 1;
  }

  #reach(host: string): ModelEngine {
    const engine = this.at(host);
    if (engine === undefined || engine.fault === 'down') {
      throw new SwarmError('ENGINE_UNREACHABLE', `Cannot connect to engine at ${host}: connection refused`);
    }
    return engine;
  }
}

export function hostOf(number: number): string {
  return `10.0.0.${number}`;
}

/** The last part of the discovery URL a container was given. */
function tokenOf({ files }: ModelContainer): string | undefined {
  return files[containerPaths.discovery]?.content.trim().split('/').at(-1);
}

function timeout({ number }: ModelEngine): SwarmError {
  return new SwarmError('ENGINE_TIMEOUT', `Cannot reach engine ${number}: no answer in time`);
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
