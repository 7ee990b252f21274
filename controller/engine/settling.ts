// Reads of containers that clients know more of than the cache: what they just made, and what an event told them of.
// Whoever lists next waits for these reads, but never for an engine that is slow.
import type { Clock } from '../base/clock.js';

/** Ample for an engine that just made a container, also on a busy host; then a list without every detail is better than none. */
const waitedForMs = 1000;

export class Settling {
  readonly #clock: Clock;
  /** Reads, each with the IDs it is about; undefined: every list may show what it reads. */
  readonly #open = new Map<Promise<void>, ReadonlySet<string> | undefined>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * @param read never rejects
   * @param ids containers it is about; absent: which lists show them is only known when it is over
   */
  add(read: Promise<void>, ids?: ReadonlySet<string>): void {
    let over = (): void => undefined;
    const limited = new Promise<void>((resolve) => (over = resolve));
    this.#open.set(limited, ids);
    const end = (): void => {
      cancel();
      this.#open.delete(limited);
      over();
    };
    const cancel = this.#clock.setTimer(waitedForMs, end);
    void read.then(end);
  }

  /**
   * Resolves when the reads that were added so far are over, or waited for long enough; undefined when there are none.
   * @param among asked only where there are reads: IDs of the containers that matter; absent or undefined: all
   */
  settled(among: () => ReadonlySet<string> | undefined = () => undefined): Promise<unknown> | undefined {
    if (this.#open.size === 0) return undefined;
    const wanted = among();
    const reads = [...this.#open].flatMap(([read, ids]) =>
      wanted === undefined || ids === undefined || haveCommon(ids, wanted) ? [read] : [],
    );
    return reads.length === 0 ? undefined : Promise.all(reads);
  }
}

function haveCommon(few: ReadonlySet<string>, many: ReadonlySet<string>): boolean {
  for (const id of few) if (many.has(id)) return true;
  return false;
}
