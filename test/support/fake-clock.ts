// A clock that only moves when a test says so: timers fire in order inside `advance`.
import { sleepWith, type CancelTimer, type Clock } from '../../controller/base/clock.js';

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

export class FakeClock implements Clock {
  #nowMs: number;
  /** How far the wall clock is ahead of the monotonic one. */
  #aheadMs = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
  }

  readonly now = (): number => this.#nowMs + this.#aheadMs;
  readonly monotonic = (): number => this.#nowMs;

  readonly setTimer = (delayMs: number, callback: () => void): CancelTimer => {
    const timer: Timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  readonly sleep = (delayMs: number, signal?: AbortSignal): Promise<void> =>
    sleepWith(this.setTimer, { delayMs, signal });

  /** Number of timers that have not fired yet. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Sets the wall clock, and only it, forward: as if the process had been stopped meanwhile. */
  setAhead(byMs: number): void {
    this.#aheadMs += byMs;
  }

  /**
   * Moves time to the next timer and fires what is due then, without letting promises settle.
   * @returns false when no timer is set
   */
  fireNext(): boolean {
    const next = [...this.#timers].sort(byTime)[0];
    if (next === undefined) return false;
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    for (const timer of [...this.#timers].filter(({ atMs }) => atMs <= this.#nowMs).sort(byTime)) {
      // One that fires may cancel another.
      if (this.#timers.delete(timer)) timer.callback();
    }
    return true;
  }

  /** Moves time forward, fires what is due in order, and lets promise callbacks run between timers. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.atMs <= endMs).sort(byTime)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.callback();
      await settle();
    }
    this.#nowMs = endMs;
  }
}

function byTime(a: Timer, b: Timer): number {
  return a.atMs - b.atMs || a.order - b.order;
}

/** Lets queued promise callbacks and immediates run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
