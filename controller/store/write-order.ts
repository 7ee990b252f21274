// The order of writes: one at a time for each key, many keys at once on the disk, and visible in one order for all.

/** A place in the order in which changes become visible. */
export interface Turn {
  /** Resolves when every earlier turn is over. */
  readonly come: Promise<void>;
  /** Ends this turn, at the latest when it has come; must be called whatever happens. */
  end(): void;
}

export class WriteOrder {
  /** The last write of each key that has any. */
  readonly #tails = new Map<string, Promise<unknown>>();
  #lastTurn: Promise<void> = Promise.resolve();

  /** Runs `work` after every earlier work of the same key, also after one that failed. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const result = (this.#tails.get(key) ?? Promise.resolve()).then(work);
    const tail = result
      .catch(() => undefined)
      .then(() => {
        if (this.#tails.get(key) === tail) this.#tails.delete(key);
      });
    this.#tails.set(key, tail);
    return result;
  }

  takeTurn(): Turn {
    const come = this.#lastTurn;
    let resolve = (): void => undefined;
    const ended = new Promise<void>((done) => (resolve = done));
    this.#lastTurn = come.then(() => ended);
    return { come, end: resolve };
  }

  /** Resolves when everything that was begun before has ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#tails.values());
  }
}
