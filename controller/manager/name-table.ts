// Container names are unique in the whole cluster: names being created or renamed to are reserved here, atomically.
import type { CachedContainer, ClusterView, PooledEngine } from '../engine/cluster-view.js';
import { nameInUse } from './api-error.js';

export interface NameTable {
  /**
   * Claims `name` until the returned function is called; by then the cache must know the container, or it failed.
   * An empty name is always free.
   * @param claimant ID shown to others that want the name meanwhile
   * @param options.except ID of a container whose own name it is: it does not stand in the way
   * @throws ApiError 409 when a container or another claim has the name
   */
  reserve(name: string, claimant: string, options?: { readonly except?: string }): () => void;
}

type Containers = Pick<ClusterView, 'containers' | 'findContainer'>;

/** @param findUnseen ID of a container that has the name on an engine which has not answered yet */
export function createNameTable(
  cluster: Containers,
  findUnseen: (name: string) => string | undefined = () => undefined,
): NameTable {
  const claims = new Map<string, string>();
  return {
    reserve: (requested, claimant, { except } = {}) => {
      const name = requested.replace(/^\//, '');
      if (name === '') return () => undefined;
      const claim = claims.get(name);
      if (claim !== undefined) throw nameInUse(name, claim);
      const holder = findHolder(cluster, { name, except });
      if (holder !== undefined) throw nameInUse(name, holder);
      const unseen = findUnseen(name);
      if (unseen !== undefined && unseen !== except) throw nameInUse(name, unseen);
      claims.set(name, claimant);
      return () => {
        if (claims.get(name) === claimant) claims.delete(name);
      };
    },
  };
}

/** A container that has exactly this name on any engine; IDs that happen to read the same do not count. */
function findHolder(
  cluster: Containers,
  { name, except }: { readonly name: string; readonly except: string | undefined },
): string | undefined {
  const found = cluster.findContainer(name);
  if (found.type === 'missing') return undefined;
  const holds = ({ id, names }: CachedContainer): boolean => id !== except && names.includes(name);
  if (found.type === 'found' && holds(found.container)) return found.container.id;
  return cluster.containers().find(holds)?.id;
}

/**
 * Another container of this name on another engine: two managers, or somebody at an engine, gave it away at once.
 * `engine` has one of them.
 */
export function nameTwin(
  cluster: Pick<ClusterView, 'findContainer'>,
  { name, engine }: { readonly name: string; readonly engine: PooledEngine },
): CachedContainer | undefined {
  if (name === '') return undefined;
  const found = cluster.findContainer(name);
  if (found.type !== 'ambiguous') return undefined;
  return found.candidates.find((other) => other.engine !== engine && other.names.includes(name));
}
