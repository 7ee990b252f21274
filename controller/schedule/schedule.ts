// Chooses the engine for one container: filters, then resources, then preferences and the strategy. Pure.
import type { Candidate, FilterName, StrategyName } from './candidate.js';
import { explainDecision, type Exclusion } from './explain.js';
import type { Explanation } from './explanation.js';
import type { Filter } from './filter.js';
import { filterTable } from './filter-table.js';
import type { PlacementRequest } from './placement-request.js';
import { shownScore, type PlacementRecord } from './placement-record.js';
import { refusalMessage, type RefusalCause } from './refusal.js';
import { explainResources, fitsResources } from './resources.js';
import { createRanking, type ScoredCandidate } from './strategy.js';
import { Tally } from './tally.js';

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
      /** What is kept of the decision with the container. */
      readonly brief: DecisionBrief;
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

export type DecisionBrief = Pick<
  PlacementRecord,
  'total' | 'fitting' | 'scores' | 'leftOut' | 'unmet' | 'notes'
>;

/** The chosen engine and three more: enough to see by how much it won. */
export const mostAlternatives = 4;

/** Decides where the container goes. Never throws. */
export function schedule(options: ScheduleOptions): Decision {
  const { request, candidates, strategy, random } = options;
  const filters = options.filters.map((name) => filterTable[name](request));
  const preferences = filters.flatMap((filter) => filter.preferences);
  const ranking = createRanking({ request, strategy, preferences, random });
  const needed = filters.filter((filter) => filter.isNeeded);
  const tally = new Tally(request, needed);
  const leaders = ranking.first(candidates, {
    most: mostAlternatives,
    accepts: (candidate) => tally.accepts(candidate),
  });
  const [best] = leaders;
  // Who was left out by what is only worth finding out when somebody asks.
  const outcome = once(() => applyFilters(options, filters));
  if (best === undefined) return refuse(options, outcome());
  const unmet = preferences
    .filter((_preference, index) => best.satisfied[index] === false)
    .map(({ expression }) => expression.text);
  const sorted = once(() => ranking.sort(outcome().fitting));
  const ranked = once(() => sorted().map(({ candidate }) => candidate));
  const explanation = once(() =>
    explainDecision({
      total: candidates.length,
      exclusions: exclusionsOf(request, outcome()),
      ranked: sorted(),
      unmetPreferences: unmet,
      notes: notesOf(filters),
    }),
  );
  return {
    type: 'placed',
    best: best.candidate,
    get ranked() {
      return ranked();
    },
    brief: {
      total: candidates.length,
      fitting: tally.accepted,
      scores: leaders.map(({ candidate, weight }) => ({
        node: candidate.name,
        score: shownScore(weight, strategy),
        containers: candidate.containerCount,
      })),
      leftOut: tally.leftOut(),
      unmet,
      notes: notesOf(filters),
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
  /** Filters that were applied: all of them, or up to the first that left no engine. */
  readonly steps: readonly Step[];
  /** Engines that passed every filter but lack the resources. */
  readonly unfit: readonly Candidate[];
  readonly fitting: readonly Candidate[];
  /** Why no engine fits, if none does. */
  readonly cause: RefusalCause;
}

/** The decision filter by filter, with the engines that each left out. */
function applyFilters({ request, candidates }: ScheduleOptions, filters: readonly Filter[]): Outcome {
  const steps: Step[] = [];
  let remaining = candidates;
  for (const filter of filters) {
    const input = remaining;
    remaining = filter.isNeeded ? input.filter((candidate) => filter.keeps(candidate)) : input;
    steps.push({ filter, input, kept: remaining });
    if (remaining.length === 0 && (input.length > 0 || filter.name === 'health')) {
      const cause: RefusalCause = { type: 'filter', filters: steps.map((step) => step.filter) };
      return { steps, unfit: [], fitting: [], cause };
    }
  }
  const fitting = remaining.filter((candidate) => fitsResources(candidate, request));
  const unfit = remaining.filter((candidate) => !fitsResources(candidate, request));
  return { steps, unfit, fitting, cause: { type: remaining.length === 0 ? 'empty' : 'resources' } };
}

function refuse({ request, candidates }: ScheduleOptions, outcome: Outcome): Decision {
  const ranked: readonly ScoredCandidate[] = [];
  const explanation = explainDecision({
    total: candidates.length,
    exclusions: exclusionsOf(request, outcome),
    ranked,
    unmetPreferences: [],
    notes: notesOf(outcome.steps.map(({ filter }) => filter)),
  });
  return { type: 'refused', message: refusalMessage(outcome.cause, explanation), explanation };
}

function exclusionsOf(request: PlacementRequest, { steps, unfit }: Outcome): readonly Exclusion[] {
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

function notesOf(filters: readonly Filter[]): readonly string[] {
  return filters.flatMap(({ notes }) => notes);
}

function once<T>(compute: () => T): () => T {
  let known: { readonly value: T } | undefined;
  return () => (known ??= { value: compute() }).value;
}
