// All engines as candidates, each in a slot of its own, with a log of the slots that changed: whoever keeps something
// of every engine catches up with the few that changed since it looked last.
import type { Candidate } from '../candidate.js';
import { SlotSet } from './slot-set.js';

/** A place in the log; `layout` changes when every slot may hold another engine. */
export interface Position {
  readonly layout: number;
  readonly written: number;
}

export class Fleet<C extends Candidate = Candidate> {
  #slots: (C | undefined)[] = [];
  #present = new SlotSet(0);
  #count = 0;
  #layout = 0;
  #written = 0;
  /** The last slots that changed; whoever is further behind looks at all of them, which costs no more. */
  #log = new Int32Array(0);
  #candidates: readonly C[] | undefined;

  /** Number of slots, empty ones included. */
  get size(): number {
    return this.#slots.length;
  }

  /** Number of candidates. */
  get count(): number {
    return this.#count;
  }

  /** Slots with a candidate; not to be changed. */
  get present(): SlotSet {
    return this.#present;
  }

  get position(): Position {
    return { layout: this.#layout, written: this.#written };
  }

  at(slot: number): C | undefined {
    return this.#slots[slot];
  }

  /** The candidates in the order of the slots; a snapshot. */
  candidates(): readonly C[] {
    this.#candidates ??= this.#slots.filter((candidate) => candidate !== undefined);
    return this.#candidates;
  }

  /** Takes over another set of engines. */
  reset(slots: readonly (C | undefined)[]): void {
    this.#slots = [...slots];
    this.#present = new SlotSet(slots.length);
    this.#count = 0;
    for (const [slot, candidate] of slots.entries()) {
      if (candidate === undefined) continue;
      this.#present.add(slot);
      this.#count += 1;
    }
    this.#layout += 1;
    this.#written = 0;
    this.#log = new Int32Array(Math.max(1, slots.length));
    this.#candidates = undefined;
  }

  /** Puts what an engine looks like now in its slot; undefined = not to be considered. */
  set(slot: number, candidate: C | undefined): void {
    const before = this.#slots[slot];
    if (before === candidate) return;
    this.#slots[slot] = candidate;
    this.#candidates = undefined;
    if (candidate === undefined) {
      this.#present.delete(slot);
      this.#count -= 1;
    } else if (before === undefined) {
      this.#present.add(slot);
      this.#count += 1;
    }
    this.#log[this.#written % this.#log.length] = slot;
    this.#written += 1;
  }

  /**
   * Calls `visit` for each slot that changed since, some of them more than once.
   * @returns false when that is not known, and nothing was called
   */
  eachChangeSince(position: Position | undefined, visit: (slot: number) => void): boolean {
    const length = this.#log.length;
    if (position?.layout !== this.#layout || this.#written - position.written > length) return false;
    for (let at = position.written; at < this.#written; at += 1) visit(this.#log[at % length] ?? 0);
    return true;
  }
}
