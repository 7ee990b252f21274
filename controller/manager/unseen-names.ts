// Names on engines that have not answered since this manager started: of those only containers that may move are known, by
// what was saved of them.
import type { ClusterView } from '../engine/cluster-view.js';

interface SavedName {
  readonly id: string;
  /** Without a slash. */
  readonly name: string;
  readonly engine: { readonly address: string };
}

/** ID of the container that has the name on such an engine; undefined when none is known to. */
export function findUnseenHolder(
  name: string,
  {
    cluster,
    saved,
    isRemoved,
  }: {
    readonly cluster: Pick<ClusterView, 'engines'>;
    readonly saved: { list(): readonly SavedName[] };
    /** Whether it is to be removed as soon as its engine answers. */
    readonly isRemoved: (id: string) => boolean;
  },
): string | undefined {
  const silent = cluster.engines().filter(({ state, id }) => state === 'pending' && id === '');
  if (silent.length === 0) return undefined;
  const addresses = new Set(silent.map(({ address }) => address));
  return saved
    .list()
    .find((one) => one.name === name && addresses.has(one.engine.address) && !isRemoved(one.id))?.id;
}
