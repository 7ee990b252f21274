// Time during which the service could hear heartbeats: monotonic time without the gaps in which the process stood still
// (SIGSTOP, a frozen machine). Leases measured in it never end because the service itself was away.
import type { Clock } from '../base/clock.js';

const tickMs = 1000;
// A tick may be late by as much again on a loaded machine; whatever is beyond that is a gap.
const longestStepMs = 2 * tickMs;

export class ServedTime {
  readonly #clock: Clock;
  readonly #onTick: () => void;
  #lastMs: number;
  #servedMs = 0;
  #cancelTimer: () => void = () => undefined;
  #isClosed = false;

  /** @param options.onTick called about every second */
  constructor(options: { readonly clock: Clock; readonly onTick: () => void }) {
    this.#clock = options.clock;
    this.#onTick = options.onTick;
    this.#lastMs = options.clock.monotonic();
    this.#schedule();
  }

  /** Milliseconds served since the start. */
  now(): number {
    const nowMs = this.#clock.monotonic();
    this.#servedMs += Math.min(nowMs - this.#lastMs, longestStepMs);
    this.#lastMs = nowMs;
    return this.#servedMs;
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer();
  }

  #schedule(): void {
    this.#cancelTimer = this.#clock.setTimer(tickMs, () => {
      this.now();
      if (this.#isClosed) return;
      this.#schedule();
      this.#onTick();
    });
  }
}
