// Containers that were removed while their engine did not answer: users do not see them any more, and they are removed as
// soon as the engine is back. The same goes for the other copies of a container that was rescheduled, so that what a user
// removed does not come back with an engine.
import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import { isJsonObject, stringAt } from '../base/json.js';
import type { Logger } from '../base/log.js';
import type { CachedContainer, ClusterView } from '../engine/cluster-view.js';
import { swarmIdLabel } from '../engine/container-row.js';
import { answerWithin, callForBody, messageIn } from './call-engine.js';
import { enginePath } from './engine-path.js';
import { createKeeper, parseKeptList, type TextMemory } from './text-memory.js';

export interface RemovalDebt {
  readonly id: string;
  readonly name: string;
  /** `com.docker.swarm.id`: a copy of it is another container with the same one. `''` where it has none. */
  readonly swarmId: string;
  /** ID and name of its engine; `''` where no engine in the cluster has it now. */
  readonly engineId: string;
  readonly node: string;
  /** Its anonymous volumes go with it. */
  readonly withVolumes: boolean;
  /** When it was asked for, epoch ms. */
  readonly atMs: number;
}

export interface RemovalDebtsOptions {
  readonly cluster: Pick<
    ClusterView,
    'engines' | 'containersWithId' | 'replacementsOf' | 'bury' | 'refreshContainer' | 'reportOutcome'
  >;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Absent: debts are gone with the process. */
  readonly memory?: TextMemory | undefined;
  readonly shutdown: AbortSignal;
}

const lookEveryMs = 1_000;
// Of an engine that nobody knows, nobody can say that it will never come back; a month is longer than any repair.
const forgottenAfterMs = 30 * 24 * 3_600_000;
// 200 bytes each: the file stays at 2 MB.
const mostDebts = 10_000;
/** Removing is in every version of the API. */
const version = '1.24';

export class RemovalDebts {
  readonly #options: RemovalDebtsOptions;
  readonly #keep: (text: string) => Promise<void>;
  readonly #debts = new Map<string, RemovalDebt>();
  readonly #held = new Set<string>();
  readonly #told = new Set<string>();
  #isWatching = false;

  /** @throws {STATE_CORRUPT} the memory cannot be understood: without it, removed containers would come back */
  constructor(options: RemovalDebtsOptions) {
    this.#options = options;
    this.#keep = createKeeper(options.memory);
    const kept = parseKeptList(options.memory?.text, { what: 'removed containers', read: readDebt });
    for (const debt of kept) this.#debts.set(debt.id, debt);
    this.#bury();
    if (this.#debts.size > 0) void this.#watch();
  }

  /** Whether the container was removed, or is being removed now: nothing may be started in its place. */
  has(id: string): boolean {
    return this.#debts.has(id) || this.#held.has(id);
  }

  /** Keeps containers from being moved until the returned function is called. */
  hold(ids: readonly string[]): () => void {
    const mine = ids.filter((id) => !this.#held.has(id));
    for (const id of mine) this.#held.add(id);
    return () => {
      for (const id of mine) this.#held.delete(id);
    };
  }

  /** They are gone for users when this resolves, and durable. @throws {STATE_UNWRITABLE} nothing has changed then */
  async add(debts: readonly RemovalDebt[]): Promise<void> {
    if (debts.length === 0) return;
    const added = debts.filter(({ id }) => !this.#debts.has(id));
    for (const debt of debts) this.#debts.set(debt.id, debt);
    while (this.#debts.size > mostDebts) {
      const [oldest] = this.#debts.keys();
      if (oldest !== undefined) this.#debts.delete(oldest);
    }
    try {
      await this.#save();
    } catch (error) {
      for (const { id } of added) this.#debts.delete(id);
      throw error;
    }
    this.#bury();
    if (!this.#isWatching) void this.#watch();
  }

  #save(): Promise<void> {
    return this.#keep(`${JSON.stringify([...this.#debts.values()])}\n`);
  }

  #bury(): void {
    this.#options.cluster.bury(new Map([...this.#debts.values()].map(({ id, engineId }) => [id, engineId])));
  }

  async #watch(): Promise<void> {
    const { clock, logger, shutdown } = this.#options;
    this.#isWatching = true;
    while (this.#debts.size > 0 && !shutdown.aborted) {
      try {
        await this.#look();
      } catch (error) {
        logger.error(`Cannot look after removed containers: ${messageOf(error)}`);
      }
      await clock.sleep(lookEveryMs, shutdown).catch(() => undefined);
    }
    this.#isWatching = false;
  }

  async #look(): Promise<void> {
    const { clock } = this.#options;
    const settled: RemovalDebt[] = [];
    for (const debt of [...this.#debts.values()]) {
      const isOver = clock.now() - debt.atMs > forgottenAfterMs && debt.engineId === '';
      if (isOver || (await this.#settle(debt))) settled.push(debt);
    }
    if (settled.length === 0) return;
    for (const { id } of settled) {
      this.#debts.delete(id);
      this.#told.delete(id);
    }
    this.#bury();
    // Kept once too often costs one question to its engine.
    await this.#save().catch((error: unknown) => this.#tellOnce('state', messageOf(error)));
  }

  /** @returns whether nothing is left of it */
  async #settle(debt: RemovalDebt): Promise<boolean> {
    const { cluster } = this.#options;
    const { id, engineId, swarmId } = debt;
    const own = cluster
      .containersWithId(id)
      .filter(({ engine }) => engineId === '' || engine.id === engineId);
    const copies = cluster
      .replacementsOf(id)
      .filter(({ labels }) => swarmId !== '' && labels[swarmIdLabel] === swarmId);
    let isGone = own.length > 0 || copies.length > 0;
    for (const container of [...own, ...copies]) if (!(await this.#remove(debt, container))) isGone = false;
    if (isGone && own.length > 0) return true;
    // An engine that answers was listed: what it does not have is gone.
    const engine = cluster.engines().find((one) => engineId !== '' && one.id === engineId);
    return own.length === 0 && engine?.state === 'healthy' && copies.length === 0;
  }

  async #remove(debt: RemovalDebt, { id, engine }: CachedContainer): Promise<boolean> {
    const { cluster, logger } = this.#options;
    if (engine.state !== 'healthy') return false;
    try {
      const query = new URLSearchParams({ force: '1', ...(debt.withVolumes ? { v: '1' } : {}) });
      const answer = await callForBody(cluster, engine, {
        method: 'DELETE',
        path: enginePath(engine, { version, path: `/containers/${id}`, query }),
        headersTimeoutMs: answerWithin.slow,
      });
      await cluster.refreshContainer(engine, id);
      if (answer.status >= 400 && answer.status !== 404) {
        this.#tellOnce(debt.id, `node ${engine.name}: ${messageIn(answer)}`);
        return false;
      }
      logger.info(
        `Removed container ${debt.name} from ${engine.name}: it was removed while its node was down`,
        {
          id,
        },
      );
      return true;
    } catch (error) {
      this.#tellOnce(debt.id, messageOf(error));
      return false;
    }
  }

  #tellOnce(key: string, why: string): void {
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#options.logger.warn(
      `Cannot remove what was removed while its node was down, trying again: ${why}`,
      {
        id: key,
      },
    );
  }
}

function readDebt(entry: unknown): RemovalDebt | undefined {
  if (!isJsonObject(entry)) return undefined;
  const { withVolumes, atMs } = entry;
  const [id, name, swarmId, engineId, node] = ['id', 'name', 'swarmId', 'engineId', 'node'].map((key) =>
    stringAt(entry, key),
  );
  if (id === undefined || typeof withVolumes !== 'boolean' || typeof atMs !== 'number') return undefined;
  return {
    id,
    name: name ?? '',
    swarmId: swarmId ?? '',
    engineId: engineId ?? '',
    node: node ?? '',
    withVolumes,
    atMs,
  };
}
