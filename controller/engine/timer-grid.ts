// Timers that fire together, at moments some way apart: of a fleet hundreds fall due each second, and waking up for each
// of them, and arming it, costs more than what is then done.
import type { CancelTimer, Clock } from '../base/clock.js';

/** Between moments at which engines that did not answer are asked again, or given up. */
export const probeGridMs = 50;
/** Between moments at which engines are probed: pings of a fleet leave together, five times a second. */
export const probeStartGridMs = 200;

interface Moment {
  readonly number: number;
  readonly due: Set<() => void>;
  readonly cancel: CancelTimer;
}

export class TimerGrid {
  readonly #clock: Pick<Clock, 'monotonic' | 'setTimer'>;
  readonly #stepMs: number;
  /** By their number since the clock began. */
  readonly #moments = new Map<number, Moment>();

  /** @param options.stepMs between two moments */
  constructor(options: { readonly clock: Pick<Clock, 'monotonic' | 'setTimer'>; readonly stepMs: number }) {
    this.#clock = options.clock;
    this.#stepMs = options.stepMs;
  }

  /** Calls `callback` once, up to a step before `delayMs` is over; never at once. */
  readonly setTimer = (delayMs: number, callback: () => void): CancelTimer => {
    const nowMs = this.#clock.monotonic();
    const last = Math.floor((nowMs + delayMs) / this.#stepMs);
    const number = Math.max(last, Math.floor(nowMs / this.#stepMs) + 1);
    const moment = this.#moments.get(number) ?? this.#begin(number, nowMs);
    // A function of its own: the same callback may be due twice.
    const call = (): void => callback();
    moment.due.add(call);
    return () => this.#cancel(moment, call);
  };

  #begin(number: number, nowMs: number): Moment {
    const due = new Set<() => void>();
    const cancel = this.#clock.setTimer(number * this.#stepMs - nowMs, () => {
      this.#moments.delete(number);
      for (const call of due) call();
    });
    const moment = { number, due, cancel };
    this.#moments.set(number, moment);
    return moment;
  }

  /** A moment at which nothing is due any more keeps nobody waiting. */
  #cancel(moment: Moment, call: () => void): void {
    moment.due.delete(call);
    if (moment.due.size > 0 || this.#moments.get(moment.number) !== moment) return;
    moment.cancel();
    this.#moments.delete(moment.number);
  }
}
