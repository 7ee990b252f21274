// Counts, while the engines are looked at once, which filter left out how many, with a few of them as examples.
import type { Candidate } from './candidate.js';
import type { Filter, Reason } from './filter.js';
import type { RecordedExclusion } from './placement-record.js';
import type { PlacementRequest } from './placement-request.js';
import { explainResources, fitsResources } from './resources.js';

/** Examples kept per filter: reasons are worded for these only, however many engines there are. */
export const mostExamples = 3;

/** Engines left out by one thing. */
export interface Counter {
  readonly by: string;
  readonly explain: (candidate: Candidate) => Reason;
  /** The first few. */
  readonly examples: Candidate[];
  count: number;
}

export class Tally {
  readonly #request: PlacementRequest;
  readonly #filters: readonly Filter[];
  readonly #counters: readonly Counter[];
  readonly #resources: Counter;
  #accepted = 0;

  /** @param filters in order of application, without those that keep every engine */
  constructor(request: PlacementRequest, filters: readonly Filter[]) {
    this.#request = request;
    this.#filters = filters;
    this.#counters = filters.map((filter) => ({
      by: filter.name,
      explain: (candidate) => filter.explain(candidate),
      examples: [],
      count: 0,
    }));
    this.#resources = {
      by: 'resources',
      explain: (candidate) => explainResources(candidate, request),
      examples: [],
      count: 0,
    };
  }

  get accepted(): number {
    return this.#accepted;
  }

  /** Whether every filter keeps the engine and it has the resources; to be asked once per engine. */
  accepts(candidate: Candidate): boolean {
    for (let index = 0; index < this.#filters.length; index += 1) {
      if (this.#filters[index]?.keeps(candidate) === false) return note(this.#counters[index], candidate);
    }
    if (!fitsResources(candidate, this.#request)) return note(this.#resources, candidate);
    this.#accepted += 1;
    return true;
  }

  /** In the order of the filters; engines with one reason together. */
  leftOut(): readonly RecordedExclusion[] {
    return recordExclusions([...this.#counters, this.#resources]);
  }
}

/** What is kept of the counts; engines with one reason together. */
export function recordExclusions(counters: readonly Counter[]): readonly RecordedExclusion[] {
  return counters.flatMap((counter) => {
    if (counter.count === 0) return [];
    const byReason = new Map<string, string[]>();
    for (const candidate of counter.examples) {
      const { one, sample } = counter.explain(candidate);
      // The engine's own name is said anyway.
      const why = sample === undefined || sample === candidate.name ? one : `${one} (${sample})`;
      byReason.set(why, [...(byReason.get(why) ?? []), candidate.name]);
    }
    const groups = [...byReason];
    const rest = counter.count - counter.examples.length;
    const isAlone = groups.length === 1;
    return [
      ...groups.map(([why, nodes]) => ({
        by: counter.by,
        count: nodes.length + (isAlone ? rest : 0),
        nodes,
        why,
      })),
      ...(rest > 0 && !isAlone ? [{ by: counter.by, count: rest, nodes: [], why: '' }] : []),
    ];
  });
}

function note(counter: Counter | undefined, candidate: Candidate): false {
  if (counter === undefined) return false;
  counter.count += 1;
  if (counter.examples.length < mostExamples) counter.examples.push(candidate);
  return false;
}
