// Asks an engine for a sign of life whenever there was none for a while: when, and how often after a failure.
import type { Clock } from '../base/clock.js';
import { probeGridMs, probeStartGridMs, type TimerGrid } from './timer-grid.js';

// Detection of a hung engine with the default failureRetry of 3: the last contact may be 3.8 s old when a ping starts,
// three pings time out after 2 s each, and up to 50 ms pass between them: 9.9 s. A refused connection fails at once, so
// tries are at least 1.5 s apart and an engine that restarts within 3 s stays healthy.
const intervalMs = 3_800;
// Whoever was heard of by all at once is not to be asked by all at once.
const jitter = 0.05;
// A rest that is shorter than the grid might end late; and one that jitter ended is over.
const dueMs = intervalMs * (1 - jitter) - probeStartGridMs;
const spacingMs = 1_500 + probeGridMs;

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
  /** Rejects when there is no answer. */
  readonly ping: (setTimer: Clock['setTimer']) => Promise<void>;
  readonly onContact: () => void;
  readonly onFailure: (error: unknown) => void;
}

export class HealthProbe {
  readonly #options: HealthProbeOptions;
  #isClosed = false;
  #endRest: () => void = () => undefined;

  constructor(options: HealthProbeOptions) {
    this.#options = options;
  }

  /** Ends a rest at once; a ping under way ends with its connection. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#endRest();
  }

  /** Resolves when it is closed. */
  async run(): Promise<void> {
    const { clock, random, timers, starts, isHealthy, lastContactMs, ping, onContact, onFailure } =
      this.#options;
    while (!this.#isOver()) {
      const idleMs = clock.monotonic() - lastContactMs();
      if (!isHealthy() || idleMs < dueMs) {
        // Jitter only shortens, so that the bound above holds.
        const restMs = isHealthy() ? intervalMs - idleMs : intervalMs;
        await this.#rest(starts, restMs - intervalMs * jitter * random());
        continue;
      }
      const startedMs = clock.monotonic();
      try {
        await ping(timers.setTimer);
        onContact();
      } catch (error) {
        if (this.#isOver()) return;
        onFailure(error);
        await this.#rest(timers, spacingMs - (clock.monotonic() - startedMs));
      }
    }
  }

  /** A method, since a value that was false before a wait need not be so after. */
  #isOver(): boolean {
    return this.#isClosed;
  }

  /** Without a signal to listen to each time. */
  #rest(timers: TimerGrid, delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = timers.setTimer(delayMs, resolve);
      this.#endRest = () => {
        cancel();
        resolve();
      };
    });
  }
}
