// A set of slots of the fleet as bits: 5,000 engines are 157 numbers, so asking all of them costs what asking one does.

export class SlotSet {
  readonly #words: Uint32Array;

  /** @param source of which this is a copy; absent: empty */
  constructor(size: number, source?: SlotSet) {
    this.#words = source === undefined ? new Uint32Array((size + 31) >>> 5) : source.#words.slice();
  }

  has(slot: number): boolean {
    return ((this.#words[slot >>> 5] ?? 0) & (1 << (slot & 31))) !== 0;
  }

  add(slot: number): void {
    this.#words[slot >>> 5]! |= 1 << (slot & 31); // slots are within the size
  }

  delete(slot: number): void {
    this.#words[slot >>> 5]! &= ~(1 << (slot & 31)); // as above
  }

  /** Keeps what is in `other` as well. */
  keep(other: SlotSet): void {
    const words = this.#words;
    const others = other.#words;
    for (let at = 0; at < words.length; at += 1) words[at]! &= others[at]!; // sets of one fleet have one length
  }

  /** Takes out what is in `other`. */
  remove(other: SlotSet): void {
    const words = this.#words;
    const others = other.#words;
    for (let at = 0; at < words.length; at += 1) words[at]! &= ~others[at]!; // as above
  }

  /**
   * Takes out what is in `other`.
   * @param note called with the lowest `most` of the slots taken out, in ascending order
   * @returns how many were taken out
   */
  sift(other: SlotSet, most: number, note: (slot: number) => void): number {
    const words = this.#words;
    const others = other.#words;
    let count = 0;
    for (let at = 0; at < words.length; at += 1) {
      let out = words[at]! & others[at]!; // as above
      if (out === 0) continue;
      words[at]! &= ~out;
      for (; count < most && out !== 0; count += 1) {
        note((at << 5) + lowest(out));
        out &= out - 1;
      }
      count += ones(out);
    }
    return count;
  }

  get count(): number {
    let total = 0;
    for (const word of this.#words) total += ones(word);
    return total;
  }

  /** Calls `visit` with each slot, ascending. */
  each(visit: (slot: number) => void): void {
    const words = this.#words;
    for (let at = 0; at < words.length; at += 1) {
      for (let left = words[at]!; left !== 0; left &= left - 1) visit((at << 5) + lowest(left)); // within the length
    }
  }
}

function lowest(word: number): number {
  return 31 - Math.clz32(word & -word);
}

function ones(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
