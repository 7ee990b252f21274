// The latest changes of the store, for watches: a ring that says "expired" instead of leaving something out.
import type { Resource } from '../api/resources.js';

export interface StoreEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** After the change; for DELETED, as it was last. */
  readonly object: Resource;
  readonly resourceVersion: number;
}

// A watch that fell behind by more than this lists again, as Kubernetes clients are made to do.
const capacity = 1000;

export class ChangeFeed {
  readonly #events: StoreEvent[] = [];
  /** Every change after this version is in the ring. */
  #floor: number;

  constructor(startVersion: number) {
    this.#floor = startVersion;
  }

  /** `event.resourceVersion` must be greater than every one before. */
  push(event: StoreEvent): void {
    this.#events.push(event);
    // Trimmed in steps: removing one from the front of an array for every push would move the rest each time.
    if (this.#events.length >= capacity * 2) {
      const removed = this.#events.splice(0, this.#events.length - capacity);
      this.#floor = removed.at(-1)?.resourceVersion ?? this.#floor;
    }
  }

  /** Changes after a version, oldest first; `expired` when some of them are gone or the version is of another store. */
  since(version: number, current: number): readonly StoreEvent[] | 'expired' {
    if (version < this.#floor || version > current) return 'expired';
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#events[middle]?.resourceVersion ?? Infinity) > version) high = middle;
      else low = middle + 1;
    }
    return this.#events.slice(low);
  }
}
