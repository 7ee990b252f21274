// Turns many rings into one call: after a quiet time, but under a storm not later than a longest time.
import type { CancelTimer, Clock } from '../base/clock.js';

export class Debounce {
  readonly #clock: Clock;
  readonly #quietMs: number;
  readonly #maxMs: number;
  readonly #callback: () => void;
  #firstMs: number | undefined;
  #cancel: CancelTimer | undefined;

  constructor(o: {
    readonly clock: Clock;
    readonly quietMs: number;
    readonly maxMs: number;
    readonly callback: () => void;
  }) {
    this.#clock = o.clock;
    this.#quietMs = o.quietMs;
    this.#maxMs = o.maxMs;
    this.#callback = o.callback;
  }

  ring(): void {
    const nowMs = this.#clock.monotonic();
    this.#firstMs ??= nowMs;
    this.#cancel?.();
    const delayMs = Math.min(this.#quietMs, this.#firstMs + this.#maxMs - nowMs);
    this.#cancel = this.#clock.setTimer(delayMs, () => {
      this.clear();
      this.#callback();
    });
  }

  /** Forgets rings that were not answered yet. */
  clear(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#firstMs = undefined;
  }
}
