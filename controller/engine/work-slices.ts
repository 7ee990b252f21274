// Work on large or many answers, cut into slices: in one turn of the event loop only so much of it is done as a request
// that waits does not notice, however many answers came at once.
import type { Clock } from '../base/clock.js';

/** A turn does other things too, and requests may wait a few times as long. */
const sliceMs = 4;

/** Work that pauses after each small step; what it returns is its outcome. */
export type Steps<T> = Generator<undefined, T, undefined>;

export class WorkSlices {
  readonly #clock: Pick<Clock, 'monotonic'>;
  /** Each does one step, and says whether it was the last. */
  readonly #jobs: (() => boolean)[] = [];
  /** Whether the time was over in the middle of the first job. */
  #isCut = false;
  /** When this turn's slice is over; undefined: it has not begun. */
  #endsMs: number | undefined;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** Does the work, before it returns where this turn has the time. Rejects with what a step throws. */
  run<T>(steps: Steps<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const job = (): boolean => {
        try {
          const { done, value } = steps.next();
          if (done === true) resolve(value);
          return done === true;
        } catch (error) {
          reject(error instanceof Error ? error : new Error('work failed', { cause: error }));
          return true;
        }
      };
      this.#jobs.push(job);
      if (this.#endsMs === undefined) this.#begin();
      if (this.#jobs.length === 1) this.#work();
    });
  }

  #begin(): void {
    this.#endsMs = this.#clock.monotonic() + sliceMs;
    setImmediate(() => {
      this.#endsMs = undefined;
      if (this.#jobs.length === 0) return;
      // A long one lets those go first that came meanwhile.
      if (this.#isCut) this.#jobs.push(...this.#jobs.splice(0, 1));
      this.#isCut = false;
      this.#begin();
      this.#work();
    });
  }

  #work(): void {
    const hasTime = (): boolean => this.#clock.monotonic() < (this.#endsMs ?? 0);
    while (hasTime()) {
      const [job] = this.#jobs;
      if (job === undefined) return;
      let isDone = job();
      while (!isDone && hasTime()) isDone = job();
      if (isDone) this.#jobs.shift();
      else this.#isCut = true;
    }
  }
}
