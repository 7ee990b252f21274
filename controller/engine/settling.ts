// Reads of containers that were just made: clients are answered before them, and whoever lists next waits for them, but
// never for an engine that is slow.
import type { Clock } from '../base/clock.js';

/** Ample for an engine that just made a container, also on a busy host; then a list without every detail is better than none. */
const waitedForMs = 1000;

export class Settling {
  readonly #clock: Clock;
  readonly #open = new Set<Promise<void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param read never rejects */
  add(read: Promise<void>): void {
    let over = (): void => undefined;
    const limited = new Promise<void>((resolve) => (over = resolve));
    this.#open.add(limited);
    const end = (): void => {
      cancel();
      this.#open.delete(limited);
      over();
    };
    const cancel = this.#clock.setTimer(waitedForMs, end);
    void read.then(end);
  }

  /** Resolves when the reads that were added so far are over, or waited for long enough; undefined when there are none. */
  settled(): Promise<unknown> | undefined {
    return this.#open.size === 0 ? undefined : Promise.all(this.#open);
  }
}
