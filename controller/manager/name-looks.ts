// Asks every engine, not the cache, for containers of certain names. Creates that wait at the same time share one round,
// so a fleet is asked as often as its engines can answer, however many creates there are.
import { isJsonObject, stringAt } from '../base/json.js';
import type { ClusterView } from '../engine/cluster-view.js';
import { answerWithin, callForBody, fanOutLimit, settleAll } from './call-engine.js';
import { enginePath } from './engine-path.js';
import { reachableEngines } from './find-container.js';
import { parseJson } from './lossless-json.js';

export interface NameHolder {
  readonly id: string;
  readonly name: string;
  /** By the clock of its engine, epoch seconds. */
  readonly createdSeconds: number;
  readonly state: string;
}

// Names have 63 characters where they are host names too: a round is a path of 8 kB at most for nearly everybody.
const namesInRound = 100;
// A look-up in an engine's memory; one that needs longer is on its way to be found unhealthy.
const lookWithinMs = Math.min(3_000, answerWithin.quick);
/** The oldest API that any engine here speaks: names, states and times are in every version. */
const version = '1.24';

interface Waiting {
  readonly name: string;
  readonly resolve: (holders: readonly NameHolder[]) => void;
}

export class NameLooks {
  readonly #cluster: Pick<ClusterView, 'engines' | 'reportOutcome'>;
  #waiting: Waiting[] = [];
  #isLooking = false;

  constructor(cluster: Pick<ClusterView, 'engines' | 'reportOutcome'>) {
    this.#cluster = cluster;
  }

  /**
   * Every container of exactly this name at engines that answer, as they are after this call began. An engine that does
   * not answer is as if it had none. Never rejects.
   */
  look(name: string): Promise<readonly NameHolder[]> {
    return new Promise((resolve) => {
      this.#waiting.push({ name, resolve });
      if (!this.#isLooking) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#isLooking = true;
    while (this.#waiting.length > 0) {
      const round = this.#waiting.splice(0, namesInRound);
      const holders = await this.#ask([...new Set(round.map(({ name }) => name))]);
      for (const { name, resolve } of round) resolve(holders.filter((holder) => holder.name === name));
    }
    this.#isLooking = false;
  }

  async #ask(names: readonly string[]): Promise<readonly NameHolder[]> {
    const patterns = names.map((name) => [`^/${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`, true]);
    const filters = JSON.stringify({ name: Object.fromEntries(patterns) as Record<string, unknown> });
    const query = new URLSearchParams({ all: '1', filters });
    const answers = await settleAll(reachableEngines(this.#cluster), fanOutLimit, async (engine) => {
      const answer = await callForBody(this.#cluster, engine, {
        method: 'GET',
        path: enginePath(engine, { version, path: '/containers/json', query }),
        headersTimeoutMs: lookWithinMs,
      });
      return answer.status === 200 ? parseHolders(parseJson(answer.body.toString('utf8'))) : [];
    });
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  }
}

function parseHolders(entries: unknown): readonly NameHolder[] {
  return (Array.isArray(entries) ? (entries as unknown[]) : []).flatMap((entry) => {
    if (!isJsonObject(entry)) return [];
    const { Names: given, Created: created } = entry;
    const names = (Array.isArray(given) ? (given as unknown[]) : []).filter(
      (name): name is string => typeof name === 'string',
    );
    const holder = {
      id: stringAt(entry, 'Id') ?? '',
      createdSeconds: typeof created === 'number' ? created : 0,
      state: stringAt(entry, 'State') ?? '',
    };
    return names.map((name) => ({ ...holder, name: name.replace(/^\//, '') }));
  });
}
