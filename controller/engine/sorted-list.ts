// A list kept in order in short blocks: an insert moves a block of a few dozen entries, never the whole list. Blocks are
// replaced, not changed, so that what is made of one stays true for as long as the block is there.

/** A split leaves halves. Moving this many pointers costs less than finding the place. */
const longestBlock = 128;

export class SortedList<T> {
  #blocks: (readonly T[])[] = [];
  readonly #compare: (a: T, b: T) => number;

  /** @param compare a total order: 0 only for the same entry */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  /** All entries in order; made anew each time. */
  get items(): readonly T[] {
    const all: T[] = [];
    for (const block of this.#blocks) for (const item of block) all.push(item);
    return all;
  }

  /** The entries in order, in blocks of at most 128: a block that is the same array has the same entries. */
  get blocks(): readonly (readonly T[])[] {
    return this.#blocks.slice();
  }

  /** Adds `item`, or replaces the entry equal to it. */
  add(item: T): void {
    const at = this.#blockFor(item);
    const block = this.#blocks[at];
    if (block === undefined) {
      this.#blocks.push([item]);
      return;
    }
    const place = this.#firstNotBefore(block, item);
    const there = block[place];
    const isSame = place < block.length && this.#compare(there as T, item) === 0; // index checked on the left
    const next = isSame ? block.with(place, item) : block.toSpliced(place, 0, item);
    if (next.length <= longestBlock) this.#blocks[at] = next;
    else this.#blocks.splice(at, 1, next.slice(0, next.length / 2), next.slice(next.length / 2));
  }

  /** Removes the entry equal to `item`, if there is one. */
  delete(item: T): void {
    const at = this.#blockFor(item);
    const block = this.#blocks[at];
    if (block === undefined) return;
    const place = this.#firstNotBefore(block, item);
    if (place === block.length || this.#compare(block[place] as T, item) !== 0) return; // index checked on the left
    if (block.length === 1) this.#blocks.splice(at, 1);
    else this.#blocks[at] = block.toSpliced(place, 1);
  }

  /** The entries from the first one that is not before `item`. */
  *from(item: T): Generator<T, void, undefined> {
    const at = this.#blockFor(item);
    const block = this.#blocks[at];
    if (block === undefined) return;
    yield* block.slice(this.#firstNotBefore(block, item));
    for (let next = at + 1; next < this.#blocks.length; next += 1) yield* this.#blocks[next] ?? [];
  }

  /** The first block whose last entry is not before `item`; the last one when there is none. */
  #blockFor(item: T): number {
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const last = this.#blocks[middle]?.at(-1);
      if (this.#compare(last as T, item) < 0)
        low = middle + 1; // blocks are never empty
      else high = middle;
    }
    return low;
  }

  #firstNotBefore(block: readonly T[], item: T): number {
    let low = 0;
    let high = block.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(block[middle] as T, item) < 0)
        low = middle + 1; // middle < length
      else high = middle;
    }
    return low;
  }
}

/** At most `limit` entries of a sorted list of strings that begin with `prefix`. */
export function withPrefix(list: SortedList<string>, prefix: string, limit: number): readonly string[] {
  const found: string[] = [];
  for (const item of list.from(prefix)) {
    if (found.length === limit || !item.startsWith(prefix)) break;
    found.push(item);
  }
  return found;
}

export function compareStrings(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
