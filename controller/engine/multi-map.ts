// A map to usually one value, sometimes several: the lone value is stored bare, as a Set each would cost megabytes.

export class MultiMap<V extends object> {
  readonly #entries = new Map<string, V | V[]>();

  /** The values of `key` in the order they were added. */
  get(key: string): readonly V[] {
    const entry = this.#entries.get(key);
    return entry === undefined ? [] : Array.isArray(entry) ? entry : [entry];
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  keys(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** Adds a value; one that is there already is not added again. */
  add(key: string, value: V): void {
    const values = this.get(key);
    if (values.length === 0) this.#entries.set(key, value);
    else if (!values.includes(value)) this.#entries.set(key, [...values, value]);
  }

  /** Puts a value in the place of another, where that is. */
  replace(key: string, before: V, value: V): void {
    const entry = this.#entries.get(key);
    if (entry === before) this.#entries.set(key, value);
    else if (Array.isArray(entry))
      this.#entries.set(
        key,
        entry.map((other) => (other === before ? value : other)),
      );
  }

  delete(key: string, value: V): void {
    const rest = this.get(key).filter((other) => other !== value);
    const [first] = rest;
    if (first === undefined) this.#entries.delete(key);
    else this.#entries.set(key, rest.length === 1 ? first : rest);
  }
}
