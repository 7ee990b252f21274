// Chooses the engine for one container: filters, then resources, then preferences and the strategy. Pure.
import type { Candidate, FilterName, StrategyName } from './candidate.js';
import { explainDecision, type Exclusion } from './explain.js';
import type { Explanation } from './explanation.js';
import type { Filter } from './filter.js';
import { filterTable } from './filter-table.js';
import type { PlacementRequest } from './placement-request.js';
import { refusalMessage, type RefusalCause } from './refusal.js';
import { explainResources, fitsResources } from './resources.js';
import { bestOf, compareScored, scoreCandidate, type ScoredCandidate } from './strategy.js';

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

/** Decides where the container goes. Never throws. */
export function schedule(options: ScheduleOptions): Decision {
  const { request, candidates, strategy } = options;
  const filters = options.filters.map((name) => filterTable[name](request));
  const steps: Step[] = [];
  let remaining = candidates;
  for (const filter of filters) {
    const input = remaining;
    remaining = filter.isNeeded ? input.filter((candidate) => filter.keeps(candidate)) : input;
    steps.push({ filter, input, kept: remaining });
    if (remaining.length === 0 && (input.length > 0 || filter.name === 'health')) {
      return refuse(options, { steps, cause: { type: 'filter', filters: steps.map((step) => step.filter) } });
    }
  }
  if (remaining.length === 0) return refuse(options, { steps, cause: { type: 'empty' } });
  const fitting = remaining.filter((candidate) => fitsResources(candidate, request));
  if (fitting.length === 0) {
    return refuse(options, { steps, unfit: remaining, cause: { type: 'resources' } });
  }
  const preferences = filters.flatMap((filter) => filter.preferences);
  const scoring = { request, strategy, preferences, random: options.random };
  const scored = fitting.map((candidate) => scoreCandidate(candidate, scoring));
  const compare = compareScored(strategy);
  const best = bestOf(scored, compare);
  if (best === undefined) return refuse(options, { steps, cause: { type: 'empty' } });
  const sorted = once(() => [...scored].sort(compare));
  const ranked = once(() => sorted().map(({ candidate }) => candidate));
  const explanation = once(() => {
    const unfit = remaining.filter((candidate) => !fitsResources(candidate, request));
    return explainDecision({
      total: candidates.length,
      exclusions: exclusionsOf(request, { steps, unfit }),
      ranked: sorted(),
      unmetPreferences: preferences
        .filter((_preference, index) => best.satisfied[index] === false)
        .map(({ expression }) => expression.text),
      notes: notesOf(steps),
    });
  });
  return {
    type: 'placed',
    best: best.candidate,
    get ranked() {
      return ranked();
    },
    get explanation() {
      return explanation();
    },
  };
}

/** One filter with the engines before and after it. */
interface Step {
  readonly filter: Filter;
  readonly input: readonly Candidate[];
  readonly kept: readonly Candidate[];
}

interface Outcome {
  readonly steps: readonly Step[];
  /** Engines that passed every filter but lack the resources. */
  readonly unfit?: readonly Candidate[];
}

function refuse(
  { request, candidates }: ScheduleOptions,
  outcome: Outcome & { readonly cause: RefusalCause },
): Decision {
  const ranked: readonly ScoredCandidate[] = [];
  const explanation = explainDecision({
    total: candidates.length,
    exclusions: exclusionsOf(request, outcome),
    ranked,
    unmetPreferences: [],
    notes: notesOf(outcome.steps),
  });
  return { type: 'refused', message: refusalMessage(outcome.cause, explanation), explanation };
}

function exclusionsOf(request: PlacementRequest, { steps, unfit = [] }: Outcome): readonly Exclusion[] {
  return [
    ...steps.flatMap(({ filter, input, kept }) => {
      if (input.length === kept.length) return [];
      const keptSet = new Set(kept);
      return input
        .filter((candidate) => !keptSet.has(candidate))
        .map((candidate) => ({ candidate, filter: filter.name, reason: filter.explain(candidate) }));
    }),
    ...unfit.map((candidate) => ({
      candidate,
      filter: 'resources' as const,
      reason: explainResources(candidate, request),
    })),
  ];
}

function notesOf(steps: readonly Step[]): readonly string[] {
  return steps.flatMap(({ filter }) => filter.notes);
}

function once<T>(compute: () => T): () => T {
  let known: { readonly value: T } | undefined;
  return () => (known ??= { value: compute() }).value;
}
