// From the reference in a request to the one container it means, and to an engine that can be asked about it.
import type { CachedContainer, ClusterView, PooledEngine } from '../engine/cluster-view.js';
import { ambiguousReference, ApiError, noSuchContainer } from './api-error.js';

/** @throws ApiError 404 when there is none, 409 when several answer to the reference */
export function findContainer(
  cluster: Pick<ClusterView, 'findContainer'>,
  reference: string,
): CachedContainer {
  const lookup = cluster.findContainer(reference);
  switch (lookup.type) {
    case 'found':
      return lookup.container;
    case 'missing':
      throw noSuchContainer(reference);
    case 'ambiguous':
      throw ambiguousReference(
        'container',
        reference,
        lookup.candidates.map((candidate) => qualifiedName(candidate)).sort(),
      );
  }
}

/** Like `findContainer`, but also refuses at once when the engine does not answer. @throws ApiError 404, 409, 503 */
export function findReachableContainer(
  cluster: Pick<ClusterView, 'findContainer'>,
  reference: string,
): CachedContainer {
  const container = findContainer(cluster, reference);
  if (!isReachable(container.engine)) {
    throw new ApiError(503, `Container ${reference} running on unhealthy node ${container.engine.name}`);
  }
  return container;
}

/** For changes that end a container: why it cannot be done now, and what can. */
export function unreachable(
  { engine }: CachedContainer,
  { reference }: { readonly reference: string },
): ApiError {
  const why = engine.error === undefined ? '' : ` (${engine.error})`;
  return new ApiError(
    503,
    `Container ${reference} running on unhealthy node ${engine.name}: it cannot be stopped before the node answers again${why}; docker rm -f removes it from the cluster now, and from the node as soon as that is back`,
  );
}

/** Like `findReachableContainer`, for what ends the container. @throws ApiError 404, 409, 503 */
export function findEndableContainer(
  cluster: Pick<ClusterView, 'findContainer'>,
  reference: string,
): CachedContainer {
  const container = findContainer(cluster, reference);
  if (!isReachable(container.engine)) throw unreachable(container, { reference });
  return container;
}

export function isReachable(engine: PooledEngine): boolean {
  return engine.state === 'healthy';
}

/** `node/name`, or `node/short-id` for a container without a name. */
export function qualifiedName(container: CachedContainer): string {
  return `${container.engine.name}/${container.names[0] ?? container.id.slice(0, 12)}`;
}

export function reachableEngines(cluster: Pick<ClusterView, 'engines'>): readonly PooledEngine[] {
  return cluster.engines().filter(isReachable);
}

/** @throws ApiError 503 when no engine answers */
export function anyEngine(cluster: Pick<ClusterView, 'engines'>): PooledEngine {
  const engine = reachableEngines(cluster)[0];
  if (engine === undefined) throw new ApiError(503, 'No healthy node available in the cluster');
  return engine;
}
