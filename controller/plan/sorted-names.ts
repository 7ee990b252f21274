// A sorted list of names that says at which place a name is.

export class SortedNames {
  readonly #names: string[] = [];

  get size(): number {
    return this.#names.length;
  }

  add(name: string): void {
    const rank = this.rank(name);
    if (this.#names[rank] !== name) this.#names.splice(rank, 0, name);
  }

  delete(name: string): void {
    const rank = this.rank(name);
    if (this.#names[rank] === name) this.#names.splice(rank, 1);
  }

  /** How many names come before this one. */
  rank(name: string): number {
    let low = 0;
    let high = this.#names.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#names[middle] ?? '') < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  first(count: number): readonly string[] {
    return this.#names.slice(0, count);
  }
}
