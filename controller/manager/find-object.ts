// From references to networks and volumes: on which engines they are, and which of them to ask.
import { stringAt } from '../base/json.js';
import type { CachedObject, ClusterView } from '../engine/cluster-view.js';
import { ambiguousReference, ApiError } from './api-error.js';
import { isReachable } from './find-container.js';

/** How much a wrong choice would cost: reading may pick one of several, changing may not. */
export type Purpose = 'read' | 'change';

/** @throws ApiError 404 when there is none, 409 when several of one name are on different engines, 503 */
export function findNetwork(
  cluster: Pick<ClusterView, 'networks'>,
  { reference, purpose }: { reference: string; purpose: Purpose },
): CachedObject {
  const networks = cluster.networks();
  const nameOf = (network: CachedObject): string => stringAt(network.summary, 'Name') ?? '';
  const found = firstNonEmpty([
    () => networks.filter((network) => network.id === reference),
    () => networks.filter((network) => nameOf(network) === reference),
    () => networks.filter((network) => isQualified(network, { name: nameOf(network), reference })),
    () => (/^[0-9a-f]{4,}$/.test(reference) ? networks.filter(({ id }) => id.startsWith(reference)) : []),
  ]);
  if (found.length === 0) throw new ApiError(404, `network ${reference} not found`);
  // Networks with an ID in common are one network, seen from several engines.
  const ids = new Set(found.map(({ id }) => id));
  if (ids.size > 1 && purpose === 'change') {
    throw ambiguousReference(
      'network',
      reference,
      found.map((network) => `${network.engine.name}/${nameOf(network)}`).sort(),
    );
  }
  return chooseReachable(found, `network ${reference}`);
}

/** @throws ApiError 404, 409, 503 */
export function findVolume(
  cluster: Pick<ClusterView, 'volumes' | 'containers'>,
  { reference, purpose }: { reference: string; purpose: Purpose },
): CachedObject {
  const found = findVolumes(cluster, reference);
  if (found.length === 0) throw new ApiError(404, `get ${reference}: no such volume`);
  const isShared = found.every(({ summary }) => (summary['Scope'] ?? 'local') !== 'local');
  if (found.length > 1 && purpose === 'change' && !isShared) {
    throw ambiguousReference(
      'volume',
      reference,
      found.map((volume) => `${volume.engine.name}/${volume.id}`).sort(),
    );
  }
  return chooseReachable(found, `volume ${reference}`);
}

/** Volumes of this name, or the one of this `node/name`. */
export function findVolumes(
  cluster: Pick<ClusterView, 'volumes'>,
  reference: string,
): readonly CachedObject[] {
  const volumes = cluster.volumes();
  return firstNonEmpty([
    () => volumes.filter(({ id }) => id === reference),
    () => volumes.filter((volume) => isQualified(volume, { name: volume.id, reference })),
  ]);
}

/** `node/name`, where the node goes by its name or its ID. */
function isQualified(
  { engine }: CachedObject,
  { name, reference }: { name: string; reference: string },
): boolean {
  return reference.endsWith(name) && [`${engine.name}/${name}`, `${engine.id}/${name}`].includes(reference);
}

function chooseReachable(found: readonly CachedObject[], what: string): CachedObject {
  const sorted = [...found].sort((a, b) => compareText(a.engine.name, b.engine.name));
  const reachable = sorted.find(({ engine }) => isReachable(engine));
  if (reachable === undefined) {
    throw new ApiError(503, `${what} is on unhealthy node ${sorted[0]?.engine.name ?? ''}`);
  }
  return reachable;
}

function firstNonEmpty(searches: readonly (() => readonly CachedObject[])[]): readonly CachedObject[] {
  for (const search of searches) {
    const found = search();
    if (found.length > 0) return found;
  }
  return [];
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
