// Chooses the engine for one container: filters, then preferences, then the strategy. Pure: no I/O, no clock.
import type { Candidate, FilterName, StrategyName } from './candidate.js';
import type { Explanation } from './explanation.js';
import type { PlacementRequest } from './placement-request.js';

export interface ScheduleOptions {
  readonly request: PlacementRequest;
  /** A snapshot; must not change while the decision is in use. */
  readonly candidates: readonly Candidate[];
  readonly strategy: StrategyName;
  /** In order of application; a filter that is not listed is not applied. */
  readonly filters: readonly FilterName[];
  /** Uniform in [0, 1); only the random strategy asks. */
  readonly random: () => number;
}

export type Decision =
  | {
      readonly type: 'placed';
      readonly best: Candidate;
      /** Every engine that would do, best first; computed when first read. */
      readonly ranked: readonly Candidate[];
      /** Computed when first read. */
      readonly explanation: Explanation;
    }
  | {
      readonly type: 'refused';
      /** The classic wording, then one line per reason with counts. */
      readonly message: string;
      readonly explanation: Explanation;
    };

export declare function schedule(options: ScheduleOptions): Decision;
