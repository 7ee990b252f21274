// The strategies: how good an engine is for a request, and which of two engines is better.
import type { Candidate, StrategyName } from './candidate.js';
import type { Preference } from './filter.js';
import type { RankKey, RankRule } from './fleet/ranked-order.js';
import type { PlacementRequest } from './placement-request.js';

export interface ScoredCandidate {
  readonly candidate: Candidate;
  /** Low is better for spread and random, high for binpack. */
  readonly weight: number;
  /** One entry per preference, in their order. */
  readonly satisfied: readonly boolean[];
}

export interface RankingOptions {
  readonly strategy: StrategyName;
  readonly request: PlacementRequest;
  readonly preferences: readonly Preference[];
  readonly random: () => number;
}

/** How candidates compare for one request: the same answers whenever asked, also with the random strategy. */
export interface Ranking {
  /** The first `most` of `sort` over those that are accepted, found in one pass. */
  first(
    candidates: readonly Candidate[],
    options: { readonly most: number; readonly accepts: (candidate: Candidate) => boolean },
  ): readonly ScoredCandidate[];
  /** Best first. */
  sort(candidates: readonly Candidate[]): readonly ScoredCandidate[];
}

const none: readonly boolean[] = [];

/**
 * The order without preferences: weight, number of containers, name, address. Two requests of one size have one order.
 * @param options.strategy random has no order that lasts
 */
export function rankRule(options: {
  readonly strategy: Exclude<StrategyName, 'random'>;
  readonly request: Pick<PlacementRequest, 'cpus' | 'memoryBytes'>;
}): RankRule {
  const direction = directionOf(options.strategy);
  return {
    weigh: (candidate) => weigh(candidate, options),
    compare: (a, b) => direction * (a.weight - b.weight) || compareTied(a, b, direction),
  };
}

/**
 * Order of two candidates, best first, and total: preferences, weight, number of containers, name, address.
 * Preferences first: more satisfied is better; of equally many, the one that satisfies the earliest. Each preference
 * speaks of one engine alone, so this equals dropping preferences one by one until an engine is left.
 */
export function createRanking(options: RankingOptions): Ranking {
  const { preferences } = options;
  const direction = directionOf(options.strategy);
  const weigh = weigher(options);
  const score = (candidate: Candidate): ScoredCandidate => ({
    candidate,
    weight: weigh(candidate),
    satisfied:
      preferences.length === 0 ? none : preferences.map((preference) => preference.satisfiedBy(candidate)),
  });
  const compare = (a: ScoredCandidate, b: ScoredCandidate): number =>
    comparePreferences(a.satisfied, b.satisfied) ||
    direction * (a.weight - b.weight) ||
    compareTied(a.candidate, b.candidate, direction);
  return {
    sort: (candidates) => candidates.map(score).sort(compare),
    first: (candidates, { most, accepts }) => {
      const leaders: ScoredCandidate[] = [];
      for (const candidate of candidates) {
        if (!accepts(candidate)) continue;
        const last = leaders.length < most ? undefined : leaders[leaders.length - 1];
        // A create looks at every engine of the cluster: one that loses by its weight is not worth an object.
        if (last !== undefined && preferences.length === 0) {
          const lead = direction * (last.weight - weigh(candidate));
          if (lead < 0 || (lead === 0 && compareTied(candidate, last.candidate, direction) > 0)) continue;
        }
        const scored = score(candidate);
        if (last !== undefined && compare(scored, last) > 0) continue;
        const at = leaders.findIndex((leader) => compare(scored, leader) < 0);
        leaders.splice(at < 0 ? leaders.length : at, 0, scored);
        if (leaders.length > most) leaders.pop();
      }
      return leaders;
    },
  };
}

function directionOf(strategy: StrategyName): 1 | -1 {
  return strategy === 'binpack' ? -1 : 1;
}

type TieKey = Pick<RankKey, 'containerCount' | 'name' | 'address'>;

function compareTied(a: TieKey, b: TieKey, direction: 1 | -1): number {
  return (
    direction * (a.containerCount - b.containerCount) ||
    compareText(a.name, b.name) ||
    compareText(a.address, b.address)
  );
}

/** The strategy's weight of a candidate. */
function weigher({
  strategy,
  request,
  random,
}: Pick<RankingOptions, 'strategy' | 'request' | 'random'>): (candidate: Candidate) => number {
  if (strategy !== 'random') return (candidate) => weigh(candidate, { strategy, request });
  const drawn = new Map<Candidate, number>();
  return (candidate) => {
    const before = drawn.get(candidate);
    if (before !== undefined) return before;
    const weight = random();
    drawn.set(candidate, weight);
    return weight;
  };
}

// Classic swarm's formula in its integer arithmetic: share of each resource in percent, 100 when none is asked for,
// plus ten times the health indicator, so that a flaky engine loses to a busy one.
function weigh(
  candidate: Candidate,
  {
    strategy,
    request,
  }: {
    readonly strategy: 'spread' | 'binpack';
    readonly request: Pick<PlacementRequest, 'cpus' | 'memoryBytes'>;
  },
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
