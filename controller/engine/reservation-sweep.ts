// Confirms in the background what labels say about reservations: `docker update` changes limits and cannot change labels,
// so after a start, or a gap in an engine's events, each container is inspected once, slowly.
import type { Clock } from '../base/clock.js';
import { probeStartGridMs } from './timer-grid.js';

/** First contacts and lists come first, which all add to it; requests for them are what a user waits for. */
const startAfterMs = 5_000;
/** An engine that is met again all the time must not hold up what the others wait for. */
const startWithinMs = 300_000;
// What is inspected here only confirms labels; containers without them do not wait for it. An inspection costs ~0.7 ms, so
// five a second stay below half a per cent of a core: 30,000 take 100 minutes, a small cluster seconds. They leave when
// pings do, for which the process is awake anyway.
const spacingMs = probeStartGridMs;
// Engines that are slow to answer hold up this many inspections, and then the sweep waits: it has time.
const mostAtOnce = 4;

type Work = () => Promise<void>;

export class ReservationSweep {
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  #waiting: Work[] = [];
  #addedAtMs = 0;
  #isRunning = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Does `work`, which must not reject, after everything that was added before. */
  add(work: Work): void {
    if (this.#isOver()) return;
    this.#waiting.push(work);
    this.#addedAtMs = this.#clock.monotonic();
    if (!this.#isRunning) void this.#run();
  }

  /** Drops what waits; idempotent. */
  close(): void {
    this.#stop.abort();
    this.#waiting = [];
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    await this.#awaitQuiet();
    while (this.#waiting.length > 0 && !this.#isOver()) {
      // Taken as a batch: shifting a list of thousands for each would cost more than the work.
      const batch = this.#waiting.splice(0);
      for (const work of batch) {
        if (this.#isOver()) break;
        this.#start(work);
        await this.#pause(spacingMs - (this.#clock.monotonic() % spacingMs));
        if (this.#underWay.size >= mostAtOnce) await Promise.race(this.#underWay);
      }
    }
    this.#isRunning = false;
  }

  /** Until nothing was added for a while. */
  async #awaitQuiet(): Promise<void> {
    const beganMs = this.#clock.monotonic();
    while (!this.#isOver()) {
      const nowMs = this.#clock.monotonic();
      const restMs = Math.min(this.#addedAtMs + startAfterMs, beganMs + startWithinMs) - nowMs;
      if (restMs <= 0) return;
      await this.#pause(restMs);
    }
  }

  #start(work: Work): void {
    const done = work().finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
  }

  #isOver(): boolean {
    return this.#stop.signal.aborted;
  }

  #pause(ms: number): Promise<void> {
    return this.#clock.sleep(ms, this.#stop.signal).catch(() => undefined);
  }
}
