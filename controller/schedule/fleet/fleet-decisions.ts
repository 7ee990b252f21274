// The decisions of `schedule()` at a cost that hardly depends on the number of engines: what each test said of each
// engine and the order of the engines are kept, and only engines that changed since are looked at again.
import type { Candidate, FilterName, StrategyName } from '../candidate.js';
import type { Filter, Preference, Reason, Test } from '../filter.js';
import { filterTable } from '../filter-table.js';
import { shownScore } from '../placement-record.js';
import type { PlacementRequest } from '../placement-request.js';
import { explainResources, resourcesTest } from '../resources.js';
import type { DecisionBrief } from '../schedule.js';
import { mostAlternatives } from '../schedule.js';
import { createRanking, rankRule } from '../strategy.js';
import { mostExamples, recordExclusions, type Counter } from '../tally.js';
import type { Fleet } from './fleet.js';
import { RankedOrder } from './ranked-order.js';
import { RecentlyUsed } from './recently-used.js';
import { SlotSet } from './slot-set.js';
import { Verdicts } from './verdicts.js';

/** A test that comes before the filters, with what it says of engines that it leaves out. */
export interface PriorTest<C extends Candidate> {
  readonly by: string;
  readonly why: string;
  /** Slots that it leaves out; or the test itself, where its answers may be kept. */
  readonly leavesOut: SlotSet | Test<C>;
}

export interface FleetRequest<C extends Candidate> {
  readonly request: PlacementRequest;
  readonly priors: readonly PriorTest<C>[];
}

export interface FleetDecision<C> {
  readonly best: C;
  /** As of `schedule()`, but `total` and `leftOut` are of all engines of the fleet. */
  readonly brief: DecisionBrief;
}

// A test that nobody has asked for lately costs one look at each engine. Bits of 256 tests over 5,000 engines are 160 KB.
const mostTests = 256;
/** Of 5,000 engines one takes 300 KB. */
const mostOrders = 8;
/** More preferences are compared engine by engine: their combinations double with each. */
const mostCombined = 6;

export class FleetDecisions<C extends Candidate> {
  readonly #fleet: Fleet<C>;
  readonly #strategy: StrategyName;
  readonly #filters: readonly FilterName[];
  readonly #random: () => number;
  readonly #verdicts = new RecentlyUsed<Verdicts<C>>(mostTests);
  readonly #orders = new RecentlyUsed<RankedOrder>(mostOrders);

  constructor(options: {
    readonly fleet: Fleet<C>;
    readonly strategy: StrategyName;
    readonly filters: readonly FilterName[];
    readonly random: () => number;
  }) {
    this.#fleet = options.fleet;
    this.#strategy = options.strategy;
    this.#filters = options.filters;
    this.#random = options.random;
  }

  /** @returns undefined when no engine will do; `schedule()` has the words for that */
  decide({ request, priors }: FleetRequest<C>): FleetDecision<C> | undefined {
    const left = new SlotSet(this.#fleet.size, this.#fleet.present);
    const passedOver = priors.map(({ by, why, leavesOut }) => {
      const counter = counterOf(by, () => ({ one: why, many: why }));
      this.#sift(left, leavesOut, counter);
      return counter;
    });
    const filters = this.#filters.map((name) => filterTable[name](request));
    const counters = filters
      .filter((filter) => filter.isNeeded)
      .map((filter) => {
        const counter = counterOf(filter.name, (candidate) => filter.explain(candidate));
        this.#siftBy(left, filter, counter);
        return counter;
      });
    const resources = counterOf('resources', (candidate) => explainResources(candidate, request));
    const fits = resourcesTest(request);
    if (fits !== undefined) this.#sift(left, fits, resources);
    const all = [...passedOver, ...counters, resources];
    const fitting = this.#fleet.count - all.reduce((sum, { count }) => sum + count, 0);
    if (fitting === 0) return undefined;
    const preferences = filters.flatMap((filter) => filter.preferences);
    const leaders = this.#leaders({ request, preferences, left, fitting });
    const [best] = leaders;
    if (best === undefined) return undefined;
    return {
      best: best.candidate,
      brief: {
        total: this.#fleet.count,
        fitting,
        scores: leaders.map(({ candidate, weight }) => ({
          node: candidate.name,
          score: shownScore(weight, this.#strategy),
          containers: candidate.containerCount,
        })),
        leftOut: recordExclusions(all),
        unmet: preferences
          .filter((preference) => !preference.satisfiedBy(best.candidate))
          .map(({ expression }) => expression.text),
        notes: filters.flatMap(({ notes }) => notes),
      },
    };
  }

  #siftBy(left: SlotSet, { tests }: Filter, counter: Counter): void {
    const [first, ...others] = tests;
    if (first === undefined) return;
    if (others.length === 0) {
      this.#sift(left, first, counter);
      return;
    }
    // The examples are the first that any of them leaves out.
    const kept = new SlotSet(this.#fleet.size, left);
    for (const test of tests) kept.remove(this.#failing(test).slots);
    const out = new SlotSet(this.#fleet.size, left);
    out.remove(kept);
    this.#sift(left, out, counter);
  }

  #sift(left: SlotSet, by: SlotSet | Test<C>, counter: Counter): void {
    const failing = by instanceof SlotSet ? { slots: by, isEmpty: false } : this.#failing(by);
    if (failing.isEmpty) return;
    counter.count += left.sift(failing.slots, mostExamples, (slot) => {
      counter.examples.push(this.#candidateAt(slot));
    });
  }

  #failing(test: Test<C>): { readonly slots: SlotSet; readonly isEmpty: boolean } {
    return this.#verdicts
      .get(test.key, () => new Verdicts<C>())
      .failing(this.#fleet, (candidate) => test.keeps(candidate));
  }

  #leaders(options: {
    request: PlacementRequest;
    preferences: readonly Preference[];
    left: SlotSet;
    fitting: number;
  }): readonly { readonly candidate: C; readonly weight: number }[] {
    const { request, preferences, left, fitting } = options;
    const strategy = this.#strategy;
    if (strategy === 'random' || preferences.length > mostCombined) {
      const candidates: C[] = [];
      left.each((slot) => candidates.push(this.#candidateAt(slot)));
      return createRanking({ request, strategy, preferences, random: this.#random })
        .first(candidates, { most: mostAlternatives, accepts: () => true })
        .map(({ candidate, weight }) => ({ candidate: candidate as C, weight })); // it is one of those given
    }
    const key = `${request.cpus} ${request.memoryBytes}`;
    const order = this.#orders.get(key, () => new RankedOrder(rankRule({ strategy, request })));
    if (preferences.length === 0) {
      const found = order.first(this.#fleet, { slots: left, count: fitting, most: mostAlternatives });
      return found.map(({ slot, weight }) => ({ candidate: this.#candidateAt(slot), weight }));
    }
    const unsatisfied = preferences.map((preference) =>
      this.#failing({ key: preference.key, keeps: (candidate) => preference.satisfiedBy(candidate) }),
    );
    const leaders: { readonly candidate: C; readonly weight: number }[] = [];
    for (const wanted of combinations(preferences.length)) {
      const slots = new SlotSet(this.#fleet.size, left);
      for (const [index, { slots: failing }] of unsatisfied.entries()) {
        if (wanted[index] === true) slots.remove(failing);
        else slots.keep(failing);
      }
      const count = slots.count;
      const most = mostAlternatives - leaders.length;
      if (count === 0) continue;
      for (const { slot, weight } of order.first(this.#fleet, { slots, count, most })) {
        leaders.push({ candidate: this.#candidateAt(slot), weight });
      }
      if (leaders.length === mostAlternatives) break;
    }
    return leaders;
  }

  #candidateAt(slot: number): C {
    const candidate = this.#fleet.at(slot);
    if (candidate === undefined) throw new Error(`slot ${slot} has no candidate`);
    return candidate;
  }
}

function counterOf(by: string, explain: (candidate: Candidate) => Reason): Counter {
  return { by, explain, examples: [], count: 0 };
}

/** Every way to satisfy some of `count` preferences, best first: more of them, and of equally many the earliest. */
function combinations(count: number): readonly (readonly boolean[])[] {
  const all = Array.from({ length: 2 ** count }, (_unused, bits) =>
    Array.from({ length: count }, (_none, index) => (bits & (1 << (count - 1 - index))) !== 0),
  );
  const met = (combination: readonly boolean[]): number => combination.filter(Boolean).length;
  // Sorting is stable, and the higher number has the earlier preference.
  return all.reverse().sort((a, b) => met(b) - met(a));
}
