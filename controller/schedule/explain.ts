// Builds the explanation of a decision, and says it in words.
import type { Candidate, FilterName } from './candidate.js';
import type { Explanation, LeftOut, ReasonCount, Score } from './explanation.js';
import type { Reason } from './filter.js';
import type { ScoredCandidate } from './strategy.js';

/** One engine with the reason that left it out. */
export interface Exclusion {
  readonly candidate: Candidate;
  readonly filter: FilterName | 'resources';
  readonly reason: Reason;
}

export interface ExplainOptions {
  readonly total: number;
  readonly exclusions: readonly Exclusion[];
  /** Best first. */
  readonly ranked: readonly ScoredCandidate[];
  readonly unmetPreferences: readonly string[];
  readonly notes: readonly string[];
}

export function explainDecision(options: ExplainOptions): Explanation {
  const { total, exclusions, ranked, unmetPreferences, notes } = options;
  return {
    total,
    leftOut: exclusions.map(({ candidate: { name, address }, filter, reason }): LeftOut => ({
      name,
      address,
      filter,
      why: reason.sample === undefined ? reason.one : `${reason.one} (${reason.sample})`,
    })),
    reasons: groupReasons(exclusions),
    scores: ranked.map(({ candidate: { name, address, containerCount }, weight }): Score => ({
      name,
      address,
      weight,
      containers: containerCount,
    })),
    unmetPreferences,
    notes,
  };
}

// A refusal is read on a terminal: enough to act on, not an inventory of the fleet.
const mostReasons = 8;
const mostSamples = 3;

/** One line per reason with its count: `3 of 3 engines have no label region; docker info shows …`. */
export function describeReasons({ total, reasons, notes }: Explanation): readonly string[] {
  if (total === 0) return ['the cluster has no engines', ...notes];
  const hints = new Set<string>();
  const lines = reasons.slice(0, mostReasons).map(({ count, one, many, samples, names, hint }) => {
    const listed = samples.length > 0 ? samples : count < total ? names : [];
    const examples = listed.length > 0 ? ` (${shorten(listed)})` : '';
    const isNew = hint !== undefined && !hints.has(hint);
    if (isNew) hints.add(hint);
    const subject = `${count} of ${total} ${total === 1 ? 'engine' : 'engines'}`;
    return `${subject} ${count === 1 ? one : many}${examples}${isNew ? `; ${hint}` : ''}`;
  });
  const more = reasons.length - mostReasons;
  return [...lines, ...(more > 0 ? [`and ${more} more reasons`] : []), ...notes];
}

function shorten(items: readonly string[]): string {
  const more = items.length - mostSamples;
  return [...items.slice(0, mostSamples), ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
}

function groupReasons(exclusions: readonly Exclusion[]): readonly ReasonCount[] {
  const groups = new Map<string, Exclusion[]>();
  for (const exclusion of exclusions) {
    const key = `${exclusion.filter} ${exclusion.reason.many}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [exclusion]);
    else group.push(exclusion);
  }
  return [...groups.values()].flatMap((group) => {
    const first = group[0];
    if (first === undefined) return [];
    const samples = new Set(
      group.flatMap(({ reason: { sample } }) => (sample === undefined ? [] : [sample])),
    );
    return [
      {
        filter: first.filter,
        count: group.length,
        one: first.reason.one,
        many: first.reason.many,
        samples: [...samples],
        names: group.map(({ candidate: { name } }) => name),
        ...(first.reason.hint === undefined ? {} : { hint: first.reason.hint }),
      },
    ];
  });
}
