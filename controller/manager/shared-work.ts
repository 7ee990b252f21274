// Work that several requests want at the same time is done once: each gets the result of the one that is under way.

export class SharedWork {
  readonly #underWay = new Map<string, Promise<unknown>>();

  /** @param key equal keys must stand for work with equal results */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const known = this.#underWay.get(key);
    if (known !== undefined) return known as Promise<T>; // whoever uses the same key does the same work
    const result = work().finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, result);
    return result;
  }
}
