// Choosing an engine for a create, and holding its place until the cache knows the container: decisions in one process
// are made one after the other, each seeing the creates that are still under way.
import { SwarmError } from '../../base/errors.js';
import type { ClusterView, PooledEngine } from '../../engine/cluster-view.js';
import type { CandidateContainer, FilterName, StrategyName } from '../../schedule/candidate.js';
import { pendingContainer } from '../../schedule/pending-container.js';
import type { PlacementRequest } from '../../schedule/placement-request.js';
import { schedule } from '../../schedule/schedule.js';
import { listCandidates } from './candidates.js';

export interface Placement {
  readonly engine: PooledEngine;
  /** Engines that would do as well, best first. */
  readonly others: readonly PooledEngine[];
  /** Lets go of the place: call it when the cache has the container, or the create failed. */
  readonly release: () => void;
}

export interface PlaceOptions {
  readonly request: PlacementRequest;
  /** Unique while the create is under way. */
  readonly id: string;
  readonly name: string;
  /** Engines that may take it; absent: all. */
  readonly only?: ReadonlySet<string> | undefined;
  /** Addresses of engines that failed already. */
  readonly except?: ReadonlySet<string> | undefined;
}

export interface Placer {
  /** @throws SwarmError NO_ELIGIBLE_ENGINE with the classic's wording and the reasons per filter */
  place(options: PlaceOptions): Placement;
}

export function createPlacer(options: {
  readonly cluster: Pick<ClusterView, 'engines' | 'containersOf' | 'images'>;
  readonly strategy: StrategyName;
  readonly filters: readonly FilterName[];
  readonly overcommit: number;
  readonly random: () => number;
  /** Whether an engine takes no new containers. Default: none is. */
  readonly isCordoned?: ((engine: { readonly id: string; readonly address: string }) => boolean) | undefined;
}): Placer {
  const pending = new Map<string, CandidateContainer[]>();
  return {
    place: ({ request, id, name, only, except }) => {
      const present = listCandidates(options.cluster, {
        pending,
        overcommit: options.overcommit,
        only,
      }).filter((candidate) => except?.has(candidate.address) !== true);
      const candidates = present.filter((candidate) => options.isCordoned?.(candidate) !== true);
      if (candidates.length === 0 && present.length > 0) {
        throw new SwarmError(
          'NO_ELIGIBLE_ENGINE',
          `Cannot place ${name === '' ? 'the container' : `container "${name}"`}: every engine that may take it is cordoned (${present.length})`,
          {
            hint: 'Uncordon one: docker node update --availability active NODE, or set spec.unschedulable of its Node to false',
          },
        );
      }
      const decision = schedule({
        request,
        candidates,
        strategy: options.strategy,
        filters: options.filters,
        random: options.random,
      });
      if (decision.type === 'refused') throw new SwarmError('NO_ELIGIBLE_ENGINE', decision.message);
      const engines = new Map(options.cluster.engines().map((engine) => [engine.address, engine]));
      const engine = engines.get(decision.best.address);
      if (engine === undefined) {
        throw new SwarmError(
          'NO_ELIGIBLE_ENGINE',
          `Cannot place container "${name}": the chosen engine has left`,
        );
      }
      const container = pendingContainer({ request, candidate: decision.best, id, name });
      const held = pending.get(engine.address) ?? [];
      pending.set(engine.address, [...held, container]);
      return {
        engine,
        others: decision.ranked.slice(1).flatMap(({ address }) => engines.get(address) ?? []),
        release: () => {
          const left = (pending.get(engine.address) ?? []).filter((other) => other !== container);
          if (left.length > 0) pending.set(engine.address, left);
          else pending.delete(engine.address);
        },
      };
    },
  };
}
