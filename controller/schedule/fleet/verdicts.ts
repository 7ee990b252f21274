// What one test says of every engine of the fleet, kept from one decision to the next.
import type { Candidate } from '../candidate.js';
import type { Test } from '../filter.js';
import type { Fleet, Position } from './fleet.js';
import { SlotSet } from './slot-set.js';

export class Verdicts<C extends Candidate> {
  #position: Position | undefined;
  #failing = new SlotSet(0);
  #count = 0;

  /**
   * The slots whose candidates do not pass, once the changed ones were asked.
   * @param keeps says the same whenever it is asked of the same candidate
   */
  failing(fleet: Fleet<C>, keeps: Test<C>['keeps']): { readonly slots: SlotSet; readonly isEmpty: boolean } {
    const ask = (slot: number): void => {
      const candidate = fleet.at(slot);
      const fails = candidate !== undefined && !keeps(candidate);
      if (fails === this.#failing.has(slot)) return;
      if (fails) this.#failing.add(slot);
      else this.#failing.delete(slot);
      this.#count += fails ? 1 : -1;
    };
    if (!fleet.eachChangeSince(this.#position, ask)) {
      this.#failing = new SlotSet(fleet.size);
      this.#count = 0;
      for (let slot = 0; slot < fleet.size; slot += 1) ask(slot);
    }
    this.#position = fleet.position;
    return { slots: this.#failing, isEmpty: this.#count === 0 };
  }
}
