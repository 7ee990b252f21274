// The strategies: how good an engine is for a request, and which of two engines is better.
import type { Candidate, StrategyName } from './candidate.js';
import type { Preference } from './filter.js';
import type { PlacementRequest } from './placement-request.js';

export interface ScoredCandidate {
  readonly candidate: Candidate;
  /** Low is better for spread and random, high for binpack. */
  readonly weight: number;
  /** One entry per preference, in their order. */
  readonly satisfied: readonly boolean[];
}

export interface ScoreOptions {
  readonly strategy: StrategyName;
  readonly request: PlacementRequest;
  readonly preferences: readonly Preference[];
  readonly random: () => number;
}

const none: readonly boolean[] = [];

export function scoreCandidate(candidate: Candidate, options: ScoreOptions): ScoredCandidate {
  const { strategy, request, preferences, random } = options;
  return {
    candidate,
    weight: strategy === 'random' ? random() : weigh(candidate, { strategy, request }),
    satisfied:
      preferences.length === 0 ? none : preferences.map((preference) => preference.satisfiedBy(candidate)),
  };
}

/**
 * Order of two candidates, best first, and total: preferences, weight, number of containers, name, address.
 * Preferences first: more satisfied is better; of equally many, the one that satisfies the earliest. Each preference
 * speaks of one engine alone, so this equals dropping preferences one by one until an engine is left.
 */
export function compareScored(strategy: StrategyName): (a: ScoredCandidate, b: ScoredCandidate) => number {
  const direction = strategy === 'binpack' ? -1 : 1;
  return (a, b) =>
    comparePreferences(a.satisfied, b.satisfied) ||
    direction * (a.weight - b.weight) ||
    direction * (a.candidate.containers.length - b.candidate.containers.length) ||
    compareText(a.candidate.name, b.candidate.name) ||
    compareText(a.candidate.address, b.candidate.address);
}

/** The best in one pass; undefined when there is none. */
export function bestOf(
  scored: readonly ScoredCandidate[],
  compare: (a: ScoredCandidate, b: ScoredCandidate) => number,
): ScoredCandidate | undefined {
  let best = scored[0];
  for (const one of scored) if (best !== undefined && compare(one, best) < 0) best = one;
  return best;
}

// Classic swarm's formula in its integer arithmetic: share of each resource in percent, 100 when none is asked for,
// plus ten times the health indicator, so that a flaky engine loses to a busy one.
function weigh(
  candidate: Candidate,
  { strategy, request }: { readonly strategy: 'spread' | 'binpack'; readonly request: PlacementRequest },
): number {
  const { cpus, usedCpus, memoryBytes, usedMemoryBytes } = candidate;
  const cpuScore = share({ wanted: request.cpus, used: usedCpus, total: cpus });
  const memoryScore = share({ wanted: request.memoryBytes, used: usedMemoryBytes, total: memoryBytes });
  const health = strategy === 'spread' ? -10 : 10;
  return cpuScore + memoryScore + health * candidate.healthIndicator;
}

function share({ wanted, used, total }: { wanted: number; used: number; total: number }): number {
  return wanted > 0 ? Math.floor(((used + wanted) * 100) / total) : 100;
}

function comparePreferences(a: readonly boolean[], b: readonly boolean[]): number {
  if (a.length === 0) return 0;
  const more = count(b) - count(a);
  if (more !== 0) return more;
  const differs = a.findIndex((satisfied, index) => satisfied !== b[index]);
  return differs < 0 ? 0 : a[differs] === true ? -1 : 1;
}

function count(satisfied: readonly boolean[]): number {
  let total = 0;
  for (const one of satisfied) if (one) total += 1;
  return total;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
