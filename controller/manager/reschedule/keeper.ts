// Keeps the saved containers in step with the cache: each container with the policy is inspected when it is new or
// changed, while its engine answers. Of an engine that does not, what was saved last stays.
import type PQueue from 'p-queue';
import type { Clock } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import { objectAt } from '../../base/json.js';
import type { Logger } from '../../base/log.js';
import type { CachedContainer, ClusterView, PooledEngine } from '../../engine/cluster-view.js';
import { isUp } from '../../engine/superseded.js';
import { readReschedulePolicy } from '../../schedule/directives.js';
import { answerWithin, callForBody } from '../call-engine.js';
import { enginePath } from '../engine-path.js';
import { parseJsonObject } from '../read-all.js';
import { saveContainer } from './saved-container.js';
import type { SavedContainers } from './saved-containers.js';

export interface KeeperOptions {
  readonly cluster: Pick<
    ClusterView,
    'movable' | 'networks' | 'volumes' | 'findContainer' | 'reportOutcome' | 'engines'
  >;
  readonly saved: SavedContainers;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether a user removed the container: then it is not to be kept. */
  readonly isRemoved: (id: string) => boolean;
  /** Newest API version of the manager: engines tell all they know up to it. */
  readonly version: string;
  /** Paces the inspections. */
  readonly queue: PQueue;
}

// `docker update` at the engine itself changes restart policies, which no list shows. 30,000 containers are then 50
// inspections a second, a hundredth of what a manager can do.
const oldAfterMs = 10 * 60_000;
const retryAfterMs = 5_000;

interface Seen {
  readonly key: string;
  readonly claims: CachedContainer['claims'];
  readonly againAtMs: number;
}

export class ContainerKeeper {
  readonly #options: KeeperOptions;
  readonly #seen = new Map<string, Seen>();
  readonly #busy = new Set<string>();
  #problem = '';
  /** The list that was looked through last, and when to do so although it is the same. */
  #looked: { readonly movable: readonly CachedContainer[]; readonly againAtMs: number } = {
    movable: [],
    againAtMs: 0,
  };

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** Starts what is due. @returns when all of it is saved, or failed and will be tried again; never rejects */
  async sync(): Promise<void> {
    const { cluster, saved, clock, isRemoved } = this.#options;
    const nowMs = clock.monotonic();
    if (cluster.movable() === this.#looked.movable && nowMs < this.#looked.againAtMs) return;
    this.#looked = { movable: cluster.movable(), againAtMs: nowMs + retryAfterMs };
    const present = new Map<string, CachedContainer>();
    const work: Promise<void>[] = [];
    for (const container of cluster.movable()) {
      if (
        container.engine.state !== 'healthy' ||
        isRemoved(container.id) ||
        readReschedulePolicy(container.labels) !== 'on-node-failure'
      )
        continue;
      present.set(container.id, container);
      const key = keyOf(container);
      const seen = this.#seen.get(container.id);
      const isKnown = seen?.key === key && seen.claims === container.claims && nowMs < seen.againAtMs;
      if (isKnown || this.#busy.has(container.id)) continue;
      work.push(this.#save(container, key));
    }
    // An engine that answers was listed: what it does not have is gone.
    const up = new Set(
      cluster.engines().flatMap(({ id, state }) => (state === 'healthy' && id !== '' ? [id] : [])),
    );
    for (const { id, engine } of saved.list())
      if (up.has(engine.id) && !present.has(id)) work.push(this.#forget(id));
    for (const id of this.#seen.keys())
      if (saved.header(id) === undefined && !present.has(id)) this.#seen.delete(id);
    await Promise.all(work);
  }

  /** Forgets a container for good, unless its engine answers again and still has it. @throws {STATE_UNWRITABLE} */
  async forget(id: string): Promise<void> {
    this.#seen.delete(id);
    await this.#options.saved.remove(id);
  }

  async #save(container: CachedContainer, key: string): Promise<void> {
    const { clock, queue } = this.#options;
    const { id, claims } = container;
    this.#busy.add(id);
    try {
      await queue.add(() => this.#inspect(container));
      this.#seen.set(id, { key, claims, againAtMs: clock.monotonic() + oldAfterMs });
      this.#problem = '';
    } catch (error) {
      this.#seen.set(id, { key, claims, againAtMs: clock.monotonic() + retryAfterMs });
      this.#report(error);
    } finally {
      this.#busy.delete(id);
    }
  }

  async #inspect({ id, engine, state }: CachedContainer): Promise<void> {
    const { cluster, saved, clock, version } = this.#options;
    if (engine.state !== 'healthy') return;
    const answer = await callForBody(cluster, engine, {
      method: 'GET',
      path: enginePath(engine, { version, path: `/containers/${id}/json` }),
      headersTimeoutMs: answerWithin.quick,
    });
    // Gone meanwhile: the cache will say so.
    if (answer.status !== 200) return;
    const before = saved.header(id);
    const hasEnded = !isUp({ state }) && before !== undefined;
    const endedAtMs = hasEnded ? (isUp(before) ? clock.now() : before.endedAtMs) : undefined;
    const container = saveContainer(parseJsonObject(answer.body), {
      engine: identityOf(engine),
      state,
      endedAtMs,
      networks: cluster.networks().filter((network) => network.engine === engine),
      volumes: cluster.volumes().filter((volume) => volume.engine === engine),
      nameOf: (reference) => {
        const found = cluster.findContainer(reference);
        return found.type === 'found' && found.container.engine === engine
          ? found.container.names[0]
          : undefined;
      },
    });
    if (container !== undefined) await saved.put(container);
  }

  async #forget(id: string): Promise<void> {
    try {
      await this.#options.saved.remove(id);
    } catch (error) {
      this.#report(error);
    }
  }

  /** Once until it works again: a full disk would fill the log too. */
  #report(error: unknown): void {
    const message = messageOf(error);
    if (message !== this.#problem)
      this.#options.logger.error(`Cannot save what moves when its engine is lost: ${message}`);
    this.#problem = message;
  }
}

export function identityOf({ id, name, address, specs }: PooledEngine): {
  id: string;
  name: string;
  address: string;
  cpus: number;
} {
  return { id, name, address, cpus: specs?.cpus ?? 0 };
}

/** Changes when the inspection may have: ages and counters are not part of it. */
function keyOf({ state, names, summary, memoryBytes, cpus }: CachedContainer): string {
  const networks = objectAt(objectAt(summary, 'NetworkSettings'), 'Networks');
  return JSON.stringify([state, names, memoryBytes, cpus, Object.keys(networks).sort()]);
}
