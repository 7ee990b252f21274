// A bounded memory by key that forgets what was not asked for the longest.

/** Longer keys are not worth their room: they are made by generated requests, which do not come again. */
const longestKey = 1024;

export class RecentlyUsed<V> {
  readonly #most: number;
  readonly #values = new Map<string, V>();

  constructor(most: number) {
    this.#most = most;
  }

  /** @param make makes what is not there */
  get(key: string, make: () => V): V {
    const known = this.#values.get(key);
    if (known !== undefined) {
      this.#values.delete(key);
      this.#values.set(key, known);
      return known;
    }
    const value = make();
    if (key.length > longestKey) return value;
    this.#values.set(key, value);
    const [oldest] = this.#values.size > this.#most ? this.#values.keys() : [];
    if (oldest !== undefined) this.#values.delete(oldest);
    return value;
  }
}
