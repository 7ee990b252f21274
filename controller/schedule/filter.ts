// What a filter is: made once per request, it keeps or leaves out each engine, and can say why in the user's words.
import type { Candidate, FilterName } from './candidate.js';
import type { Expression } from './expression.js';

export interface Filter {
  readonly name: FilterName;
  /** False when the request asks nothing of this filter: it keeps every engine, and need not be asked. */
  readonly isNeeded: boolean;
  /** Whether the container may run there: `tests` all say so. */
  keeps(candidate: Candidate): boolean;
  readonly tests: readonly Test[];
  /** Why `candidate` is left out. Only asked for candidates that are not kept. */
  explain(candidate: Candidate): Reason;
  /** What a refusal lists for this filter, in the classic wording; undefined when the request asks nothing of it. */
  readonly condition?: string;
  /** Soft expressions, in the order given. */
  readonly preferences: readonly Preference[];
  /** Remarks on the request itself. */
  readonly notes: readonly string[];
}

/** One question to an engine, whose answers may be kept for as long as the engine does not change. */
export interface Test<C extends Candidate = Candidate> {
  /** Tests with equal keys give equal answers, whichever request they belong to. */
  readonly key: string;
  readonly keeps: (candidate: C) => boolean;
}

/** One soft expression. */
export interface Preference {
  readonly expression: Expression;
  /** As that of a test. */
  readonly key: string;
  satisfiedBy(candidate: Candidate): boolean;
}

/** A sentence about one engine and about several: `has no label region`, `have no label region`. */
export interface Reason {
  readonly one: string;
  readonly many: string;
  /** A value of this engine that tells it from others left out for the same reason. */
  readonly sample?: string;
  /** What the user can look at or do. */
  readonly hint?: string;
}
