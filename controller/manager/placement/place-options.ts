// What a create may ask of the choice of its engine, beside what its body says.
import type { PooledEngine } from '../../engine/cluster-view.js';
import type { PlacementRequest } from '../../schedule/placement-request.js';
import type { ApiNeed } from '../api-needs.js';

export interface PlaceOptions {
  readonly request: PlacementRequest;
  /** Unique while the create is under way. */
  readonly id: string;
  readonly name: string;
  /** Engines that may take it; absent: all. */
  readonly only?: ReadonlySet<string> | undefined;
  /** What `only` is about, as the predicate of the others: `does not have network "front"`. */
  readonly onlyBecause?: string | undefined;
  /** Addresses of engines that failed already. */
  readonly except?: ReadonlySet<string> | undefined;
  /** What the engine's API must know; absent: nothing. */
  readonly needs?: readonly ApiNeed[] | undefined;
}

/** Engines that take no new containers, by declaration or by `docker node update`. */
export interface Cordons {
  isCordoned(engine: Pick<PooledEngine, 'id' | 'address'>): boolean;
  /** Another number when `isCordoned` may answer otherwise than before. */
  version(): number;
}
