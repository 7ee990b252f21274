// Asks an engine for a sign of life whenever there was none for a while: when, and how often after a failure.
import type { CancelTimer, Clock } from '../base/clock.js';
import { probeGridMs, probeStartGridMs, type TimerGrid } from './timer-grid.js';

// Detection of a hung engine with the default failureRetry of 3: the last contact may be 5.2 s old when a ping starts,
// three of them count as failed when there is no answer 1.5 s after each, and up to 50 ms pass between them: 9.9 s.
// Each may still be answered while the next ones are asked, so that an engine which takes up to 4.5 s stays healthy with
// fewer pings than if each were given up in turn. A refused connection fails at once, so tries are at least 1.5 s apart
// and an engine that restarts within 3 s stays healthy.
const intervalMs = 5_200;
const lateMs = 1_500;
const timeoutMs = 3 * lateMs;
// Whoever was heard of by all at once is not to be asked by all at once.
const jitter = 0.05;
// A rest that is shorter than the grid might end late; and one that jitter ended is over.
const dueMs = intervalMs * (1 - jitter) - probeStartGridMs;
const spacingMs = lateMs + probeGridMs;

export interface HealthProbeOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** In [0, 1). */
  readonly random: () => number;
  /** Of all engines together: early by up to `probeGridMs`. */
  readonly timers: TimerGrid;
  /** For rests between pings: early by up to `probeStartGridMs`. */
  readonly starts: TimerGrid;
  /** Only an engine that is healthy is asked; others are connected to. */
  readonly isHealthy: () => boolean;
  /** When the engine was heard of last, of the monotonic clock. */
  readonly lastContactMs: () => number;
  /** Calls `onEnd` once, with the reason when there is no answer, and `late.onLate` before, when it takes long. */
  readonly ping: (options: {
    readonly setTimer: Clock['setTimer'];
    readonly timeoutMs: number;
    readonly late: { readonly afterMs: number; readonly onLate: (failure: Error) => void };
    readonly onEnd: (failure: Error | undefined) => void;
  }) => void;
  /** Also of an engine that is not healthy any more: when a late answer comes. */
  readonly onContact: () => void;
  readonly onFailure: (error: unknown) => void;
}

export class HealthProbe {
  readonly #options: HealthProbeOptions;
  #isClosed = false;
  #isPinging = false;
  #endRest: CancelTimer = () => undefined;
  #onOver: () => void = () => undefined;

  constructor(options: HealthProbeOptions) {
    this.#options = options;
  }

  /** Ends a rest at once; a ping under way ends with its connection. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#endRest();
    if (!this.#isPinging) this.#onOver();
  }

  /** Resolves when it is closed. Each step calls the next: of a fleet, promises would cost as much as what is done. */
  run(): Promise<void> {
    return new Promise((resolve) => {
      this.#onOver = resolve;
      this.#look();
    });
  }

  #look(): void {
    if (this.#isClosed) {
      this.#onOver();
      return;
    }
    const { clock, random, starts, isHealthy, lastContactMs } = this.#options;
    const idleMs = clock.monotonic() - lastContactMs();
    if (isHealthy() && idleMs >= dueMs) {
      this.#ping();
      return;
    }
    // Jitter only shortens, so that the bound above holds.
    const restMs = isHealthy() ? intervalMs - idleMs : intervalMs;
    this.#rest(starts, restMs - intervalMs * jitter * random());
  }

  #ping(): void {
    const { clock, timers, ping, onContact, onFailure } = this.#options;
    const startedMs = clock.monotonic();
    let isPassed = false;
    // Once: what a ping that was late says afterwards is no second failure.
    const pass = (failure: Error | undefined): void => {
      if (isPassed) return;
      isPassed = true;
      this.#isPinging = false;
      if (failure !== undefined && !this.#isClosed) onFailure(failure);
      if (failure === undefined || this.#isClosed) this.#look();
      else this.#rest(timers, spacingMs - (clock.monotonic() - startedMs));
    };
    this.#isPinging = true;
    ping({
      setTimer: timers.setTimer,
      timeoutMs,
      late: { afterMs: lateMs, onLate: pass },
      onEnd: (failure) => {
        if (failure === undefined) onContact();
        pass(failure);
      },
    });
  }

  #rest(timers: TimerGrid, delayMs: number): void {
    this.#endRest = timers.setTimer(delayMs, () => this.#look());
  }
}
