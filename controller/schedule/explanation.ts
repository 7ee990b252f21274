// Why a decision came out as it did, as data: who was left out by which filter, the scores, the wishes not met.
import type { FilterName } from './candidate.js';

/** One engine that a filter, or the lack of resources, left out. */
export interface LeftOut {
  readonly name: string;
  readonly address: string;
  readonly filter: FilterName | 'resources';
  /** What is true of this engine, as the predicate of a sentence: `has no label region`. */
  readonly why: string;
}

/** Engines left out for one shared reason, with their number in words a user can act on. */
export interface ReasonCount {
  readonly filter: FilterName | 'resources';
  readonly count: number;
  /** Predicate for one engine: `has no label region`. */
  readonly one: string;
  /** Predicate for several engines: `have no label region`. */
  readonly many: string;
  /** Distinct values that tell these engines apart, such as their value of the label. */
  readonly samples: readonly string[];
  /** Names of the engines, in the order of the candidates. */
  readonly names: readonly string[];
  /** What the user can look at. */
  readonly hint?: string;
}

export interface Score {
  readonly name: string;
  readonly address: string;
  /** Weight of the strategy: lowest is best for spread, highest for binpack; drawn anew for random. */
  readonly weight: number;
  /** Number of containers in any state, pending ones included: decides between equal weights. */
  readonly containers: number;
}

export interface Explanation {
  /** Number of engines looked at. */
  readonly total: number;
  /** In the order of the filters, then of the candidates. */
  readonly leftOut: readonly LeftOut[];
  /** `leftOut` grouped by filter and reason. */
  readonly reasons: readonly ReasonCount[];
  /** The engines that remained, best first; empty when refused. */
  readonly scores: readonly Score[];
  /** Soft expressions, as the user wrote them, that the best engine does not satisfy. */
  readonly unmetPreferences: readonly string[];
  /** Remarks on the request itself, such as a regular expression that does not compile. */
  readonly notes: readonly string[];
}
