// Creates whose outcome is unknown because their engine stopped answering: their clients got another answer, so what the
// engine makes of them late is removed as soon as it shows. Never a container that was started: somebody uses it.
import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import type { CachedContainer, ClusterView, PooledEngine } from '../engine/cluster-view.js';
import { swarmIdLabel } from '../engine/container-row.js';
import { removeUnstarted } from './placement/make-container.js';

export interface DoubtfulCreate {
  readonly engine: PooledEngine;
  /** The label value of that one try; no other container has it. */
  readonly swarmId: string;
  readonly name: string;
}

export interface DoubtfulCreates {
  note(create: DoubtfulCreate): void;
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
  readonly shutdown: AbortSignal;
}): DoubtfulCreates {
  const { cluster, clock, logger, shutdown } = options;
  const open: Entry[] = [];
  let isWatching = false;
  const forget = (entry: Entry): void => {
    const at = open.indexOf(entry);
    if (at >= 0) open.splice(at, 1);
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
      const engine = cluster.engines().find(({ address }) => address === entry.engine.address);
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
  return {
    open,
    note: (create) => {
      if (open.length >= maxOpen) open.shift();
      open.push({ ...create, healthyMs: 0 });
      logger.warn('A create got no answer; should the engine make the container late, it is removed', {
        container: create.name,
        node: create.engine.name,
      });
      if (!isWatching) void watch();
    },
  };
}
