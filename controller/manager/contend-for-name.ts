// Who keeps a name that several managers gave away at the same moment. Each looks at every engine after its own container
// has the name, so of two at least one sees the other; who sees that it comes later gives the name back, and who comes
// first waits until the other has done so. Who waits in vain gives it back too: the other may not have seen anything.
import type { PooledEngine } from '../engine/cluster-view.js';
import type { NameHolder } from './name-looks.js';
import { nameTwin } from './name-table.js';
import type { ManagerServices } from './services.js';

export type NameDecision = 'keep' | 'yield' | 'wait';

type Claim = Pick<NameHolder, 'id' | 'createdSeconds' | 'state'>;

/** @param isNew this container was just made; else it has got another name */
export function decideName(
  mine: Claim,
  { others, isNew }: { readonly others: readonly Claim[]; readonly isNew: boolean },
): NameDecision {
  if (others.length === 0) return 'keep';
  // Somebody was told that it is theirs, and started it.
  if (isNew && others.some(({ state }) => state !== 'created')) return 'yield';
  return others.some((other) => comesBefore(other, mine)) ? 'yield' : 'wait';
}

function comesBefore(a: Claim, b: Claim): boolean {
  return a.createdSeconds < b.createdSeconds || (a.createdSeconds === b.createdSeconds && a.id < b.id);
}

// Who gives a name back does so with its next request: seconds on a busy engine. Waited for in full only when the other
// was answered before this one looked, and its engine's clock is behind.
const settledWithinMs = 5_000;
const firstPauseMs = 20;
const longestPauseMs = 250;

/**
 * To be called once a container has its name and the cache knows it. Costs one look-up where this manager is alone.
 * @param options.isNew it was just made; else it was renamed
 * @returns the ID of the container that has the name instead; undefined when this one keeps it
 */
export async function contendForName(
  services: Pick<ManagerServices, 'cluster' | 'clock' | 'looks' | 'others' | 'shutdown'>,
  options: {
    readonly name: string;
    readonly engine: PooledEngine;
    readonly id: string;
    readonly isNew: boolean;
  },
): Promise<string | undefined> {
  const { cluster, clock, looks, others: managers, shutdown } = services;
  const { name, id, isNew } = options;
  if (name === '' || (!managers.areThere() && nameTwin(cluster, options) === undefined)) return undefined;
  const endMs = clock.monotonic() + settledWithinMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    const holders = await looks.look(name);
    const others = holders.filter((holder) => holder.id !== id);
    const [other] = others;
    if (other === undefined) return undefined;
    // Its own engine does not tell: whoever is seen comes first.
    const mine = holders.find((holder) => holder.id === id) ?? { id, createdSeconds: Infinity, state: '' };
    if (decideName(mine, { others, isNew }) === 'yield' || clock.monotonic() >= endMs) return other.id;
    await clock.sleep(pauseMs, shutdown);
  }
}
