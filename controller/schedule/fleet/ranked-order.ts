// The engines of the fleet from best to worst for one strategy and one size of request, kept in order while they change.
import type { Candidate } from '../candidate.js';
import type { Fleet, Position } from './fleet.js';
import type { SlotSet } from './slot-set.js';

/** What the place of a candidate depends on: the candidate itself would keep all of its containers in memory. */
export interface RankKey {
  readonly weight: number;
  readonly containerCount: number;
  readonly name: string;
  readonly address: string;
}

export interface RankRule {
  readonly weigh: (candidate: Candidate) => number;
  /** Total: the better one first. */
  readonly compare: (a: RankKey, b: RankKey) => number;
}

export interface Ranked {
  readonly slot: number;
  readonly weight: number;
}

export class RankedOrder {
  readonly #rule: RankRule;
  #position: Position | undefined;
  /** By slot. */
  #keys: (RankKey | undefined)[] = [];
  /** Slots, the best first. */
  #sorted = new Int32Array(0);
  #length = 0;

  constructor(rule: RankRule) {
    this.#rule = rule;
  }

  /** The best `most` of the slots, once the changed ones are in their places. */
  first(fleet: Fleet, { slots, count, most }: { slots: SlotSet; count: number; most: number }): Ranked[] {
    this.#catchUp(fleet);
    // Walking from the best finds one of every length/count; looking at each of the few there are may be shorter.
    const found = count * count < this.#length * most ? this.#bestOf(slots, most) : this.#walk(slots, most);
    return found.map((slot) => ({ slot, weight: this.#keyOf(slot).weight }));
  }

  #walk(slots: SlotSet, most: number): number[] {
    const found: number[] = [];
    for (let at = 0; at < this.#length && found.length < most; at += 1) {
      const slot = this.#sorted[at] ?? 0;
      if (slots.has(slot)) found.push(slot);
    }
    return found;
  }

  #bestOf(slots: SlotSet, most: number): number[] {
    const found: number[] = [];
    slots.each((slot) => found.push(slot));
    return found.sort((a, b) => this.#rule.compare(this.#keyOf(a), this.#keyOf(b))).slice(0, most);
  }

  #catchUp(fleet: Fleet): void {
    const isKnown = fleet.eachChangeSince(this.#position, (slot) => {
      this.#take(slot);
      this.#put(slot, fleet.at(slot));
    });
    if (!isKnown) this.#sortAll(fleet);
    this.#position = fleet.position;
  }

  #sortAll(fleet: Fleet): void {
    this.#keys = Array.from({ length: fleet.size }, (_unused, slot) => this.#keyFor(fleet.at(slot)));
    const slots: number[] = [];
    fleet.present.each((slot) => slots.push(slot));
    slots.sort((a, b) => this.#rule.compare(this.#keyOf(a), this.#keyOf(b)));
    this.#sorted = new Int32Array(fleet.size);
    this.#sorted.set(slots);
    this.#length = slots.length;
  }

  #take(slot: number): void {
    const key = this.#keys[slot];
    if (key === undefined) return;
    const at = this.#placeOf(key);
    this.#sorted.copyWithin(at, at + 1, this.#length);
    this.#length -= 1;
    this.#keys[slot] = undefined;
  }

  #put(slot: number, candidate: Candidate | undefined): void {
    const key = this.#keyFor(candidate);
    if (key === undefined) return;
    const at = this.#placeOf(key);
    this.#sorted.copyWithin(at + 1, at, this.#length);
    this.#sorted[at] = slot;
    this.#length += 1;
    this.#keys[slot] = key;
  }

  /** How many come before the key. */
  #placeOf(key: RankKey): number {
    let from = 0;
    let to = this.#length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#rule.compare(this.#keyOf(this.#sorted[middle] ?? 0), key) < 0) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  #keyFor(candidate: Candidate | undefined): RankKey | undefined {
    if (candidate === undefined) return undefined;
    const { containerCount, name, address } = candidate;
    return { weight: this.#rule.weigh(candidate), containerCount, name, address };
  }

  #keyOf(slot: number): RankKey {
    const key = this.#keys[slot];
    if (key === undefined) throw new Error(`slot ${slot} has no candidate`);
    return key;
  }
}
