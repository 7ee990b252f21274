// Creates whose outcome is unknown because their engine stopped answering: their clients got another answer, so what the
// engine makes of them late is removed as soon as it shows. Never a container that was started: somebody uses it.
import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { isJsonObject, stringAt } from '../base/json.js';
import type { CachedContainer, ClusterView } from '../engine/cluster-view.js';
import { swarmIdLabel } from '../engine/container-row.js';
import { removeUnstarted } from './placement/make-container.js';
import { createKeeper, parseKeptList, type TextMemory } from './text-memory.js';

export interface DoubtfulCreate {
  /** Of its engine, `host:port`. */
  readonly address: string;
  readonly node: string;
  /** The label value of that one try; no other container has it. */
  readonly swarmId: string;
  readonly name: string;
}

export interface DoubtfulCreates {
  /** Durable when it resolves, where anything is. Never rejects. */
  note(create: DoubtfulCreate): Promise<void>;
  /** Those that may still show, oldest first. */
  readonly open: readonly DoubtfulCreate[];
}

interface Entry extends DoubtfulCreate {
  healthyMs: number;
}

const lookEveryMs = 1_000;
// An engine works off what it took before within minutes of answering again: pulls are requests of their own.
const forgottenAfterHealthyMs = 10 * 60_000;
// One per client that lost an answer; beyond it the oldest are left to the warning about equal names.
const maxOpen = 10_000;

export function createDoubtfulCreates(options: {
  readonly cluster: Pick<ClusterView, 'containersOf' | 'engines' | 'reportOutcome' | 'refreshContainer'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Absent: they are forgotten with the process. */
  readonly memory?: TextMemory | undefined;
  readonly shutdown: AbortSignal;
}): DoubtfulCreates {
  const { cluster, clock, logger, shutdown } = options;
  const keepText = createKeeper(options.memory);
  const kept = parseKeptList(options.memory?.text, { what: 'creates without an answer', read: readCreate });
  const open: Entry[] = kept.map((create) => ({ ...create, healthyMs: 0 }));
  let isWatching = false;
  const keep = async (): Promise<void> => {
    const list = open.map(({ address, node, swarmId, name }) => ({ address, node, swarmId, name }));
    try {
      await keepText(`${JSON.stringify(list)}\n`);
    } catch (error) {
      logger.error(`Cannot keep creates without an answer: ${messageOf(error)}`);
    }
  };
  const forget = (entry: Entry): void => {
    const at = open.indexOf(entry);
    if (at >= 0) open.splice(at, 1);
    void keep();
  };
  const settle = async (entry: Entry, { engine, id, state }: CachedContainer): Promise<void> => {
    if (state !== 'created') {
      forget(entry);
      return;
    }
    try {
      const status = await removeUnstarted(engine, { cluster, version: '1.24', id });
      if (status >= 500) return;
      forget(entry);
      if (status < 400)
        logger.warn('Removed a container that was created after its client had been told that it failed', {
          container: entry.name,
          id,
          node: engine.name,
        });
    } catch (error) {
      logger.debug('Cannot remove a container that was created late', { id, error: messageOf(error) });
    }
  };
  const look = async (): Promise<void> => {
    for (const entry of [...open]) {
      // By address: an engine that left discovery and came back is another object.
      const engine = cluster.engines().find(({ address }) => address === entry.address);
      if (engine?.state !== 'healthy') continue;
      // Looked for on its own engine only: labels can be copied by a commit.
      const late = cluster.containersOf(engine).find(({ labels }) => labels[swarmIdLabel] === entry.swarmId);
      if (late !== undefined) await settle(entry, late);
      entry.healthyMs += lookEveryMs;
      if (entry.healthyMs > forgottenAfterHealthyMs) forget(entry);
    }
  };
  const watch = async (): Promise<void> => {
    isWatching = true;
    try {
      while (open.length > 0) {
        await clock.sleep(lookEveryMs, shutdown);
        await look();
      }
    } catch {
      // The manager shuts down.
    } finally {
      isWatching = false;
    }
  };
  if (open.length > 0) void watch();
  return {
    open,
    note: async (create) => {
      if (open.length >= maxOpen) open.shift();
      open.push({ ...create, healthyMs: 0 });
      logger.warn('A create got no answer; should the engine make the container late, it is removed', {
        container: create.name,
        node: create.node,
      });
      if (!isWatching) void watch();
      await keep();
    },
  };
}

function readCreate(entry: unknown): DoubtfulCreate | undefined {
  if (!isJsonObject(entry)) return undefined;
  const [address, swarmId] = [stringAt(entry, 'address'), stringAt(entry, 'swarmId')];
  if (address === undefined || swarmId === undefined) return undefined;
  return { address, swarmId, node: stringAt(entry, 'node') ?? '', name: stringAt(entry, 'name') ?? '' };
}
