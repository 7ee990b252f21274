// How long this manager has seen copies that were made and not started: whoever makes one starts it within seconds, so one
// that stays so was left behind.
import type { Clock } from '../../base/clock.js';
import type { CachedContainer } from '../../engine/cluster-view.js';
import { replacesLabel } from '../../engine/superseded.js';

// Between create and start lie one look at every engine and some connects: seconds on a slow fleet.
const freshMs = 20_000;

export class CopyAges {
  readonly #clock: Clock;
  #firstSeenMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  look(containers: readonly CachedContainer[]): void {
    const seen = new Map<string, number>();
    for (const { id, state, labels } of containers) {
      if (state === 'created' && replacesLabel in labels)
        seen.set(id, this.#firstSeenMs.get(id) ?? this.#clock.monotonic());
    }
    this.#firstSeenMs = seen;
  }

  isFresh(id: string): boolean {
    const firstMs = this.#firstSeenMs.get(id);
    return firstMs === undefined || this.#clock.monotonic() - firstMs < freshMs;
  }
}
