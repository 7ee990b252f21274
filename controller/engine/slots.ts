// A bound on how many things go on at once, first come first served. A free slot costs a count, no promise and no queue.

export class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Takes a slot if one is free. */
  tryTake(): boolean {
    if (this.#free === 0) return false;
    this.#free -= 1;
    return true;
  }

  /**
   * Takes a slot as soon as it is this caller's turn.
   * @param over rejects when the caller no longer wants it; its reason is thrown, and no slot is held
   */
  async take(over: Promise<unknown>): Promise<void> {
    if (this.tryTake()) return;
    let resume = (): void => undefined;
    const turn = new Promise<void>((resolve) => {
      resume = resolve;
      this.#waiting.add(resolve);
    });
    try {
      await Promise.race([turn, over]);
    } catch (error) {
      // The turn may have come in the same moment: then the next in line gets it.
      if (!this.#waiting.delete(resume)) this.give();
      throw error;
    }
  }

  /** Gives a slot back. */
  give(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
