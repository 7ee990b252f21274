// Reads of containers that events were about, beside the events: one at a time, and what comes meanwhile is read together
// by the next, so that a burst on an engine costs two reads however long it is.
import type { Clock } from '../base/clock.js';

/** An engine that needs longer to tell of a container is slow: nobody else may wait for it. */
const slowMs = 250;

interface Round {
  readonly ids: Set<string>;
  readonly over: Promise<void>;
  readonly end: () => void;
}

export class LateReads {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #read: (ids: readonly string[]) => Promise<void>;
  #next: Round | undefined;
  /** When the read under way began; undefined: there is none. */
  #beganMs: number | undefined;
  #lastTookMs = 0;

  /** @param options.read never rejects */
  constructor(options: {
    readonly clock: Pick<Clock, 'monotonic'>;
    readonly read: (ids: readonly string[]) => Promise<void>;
  }) {
    this.#clock = options.clock;
    this.#read = options.read;
  }

  /** How long a read of some containers took, wherever it was begun: an engine that is quick again is found so. */
  took(ms: number): void {
    this.#lastTookMs = ms;
  }

  /** Whether the last read took long, or the one under way does. */
  get areSlow(): boolean {
    const takesMs = this.#beganMs === undefined ? 0 : this.#clock.monotonic() - this.#beganMs;
    return Math.max(this.#lastTookMs, takesMs) > slowMs;
  }

  /** Resolves when a read of these that begins after now is over; never rejects. */
  add(ids: Iterable<string>): Promise<void> {
    this.#next ??= aRound();
    const { over } = this.#next;
    for (const id of ids) this.#next.ids.add(id);
    if (this.#beganMs === undefined) void this.#run();
    return over;
  }

  /** The container is gone: a read that has not begun leaves it out. */
  forget(id: string): void {
    this.#next?.ids.delete(id);
  }

  async #run(): Promise<void> {
    for (let round = this.#next; round !== undefined; round = this.#next) {
      this.#next = undefined;
      this.#beganMs = this.#clock.monotonic();
      if (round.ids.size > 0) await this.#read([...round.ids]);
      round.end();
    }
    this.#beganMs = undefined;
  }
}

function aRound(): Round {
  let end = (): void => undefined;
  const over = new Promise<void>((resolve) => (end = resolve));
  return { ids: new Set(), over, end };
}
