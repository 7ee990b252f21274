// How long an engine's events are trusted before it is read whole again. Engines drop events silently, rarely and when they
// are busy: so an engine that did it, or that has much to tell, is read often, and one that never did seldom.

/** Engines hold about as many for each reader, and drop what comes while that is full. */
const busyEvents = 500;

export interface RefreshPaceOptions {
  /** In [0, 1). */
  readonly random: () => number;
  readonly minMs: number;
  readonly maxMs: number;
}

export class RefreshPace {
  readonly #options: RefreshPaceOptions;
  #longestMs: number;
  #isFirst = true;
  #events = 0;

  constructor(options: RefreshPaceOptions) {
    this.#options = options;
    this.#longestMs = options.maxMs;
  }

  /** Time until the next read: between half of what is trusted now and all of it, so that a fleet is not read at once. */
  nextMs(): number {
    const { random, minMs, maxMs } = this.#options;
    // Engines that were met together are read apart from the first time on.
    const shortestMs = this.#isFirst ? minMs : Math.max(minMs, this.#longestMs / 2);
    const longestMs = Math.max(shortestMs, Math.min(maxMs, this.#longestMs));
    return shortestMs + random() * (longestMs - shortestMs);
  }

  /** @returns whether the engine became busy by them, so that it is to be read sooner than was said */
  onEvents(count: number): boolean {
    const before = this.#events;
    this.#events += count;
    if (before >= busyEvents || this.#events < busyEvents) return false;
    const trustedMs = this.#longestMs;
    this.#doubt();
    return this.#longestMs < trustedMs;
  }

  /** @param isNews it said something that no event had told */
  onRead(isNews: boolean): void {
    const { maxMs } = this.#options;
    const wasBusy = this.#events >= busyEvents;
    this.#isFirst = false;
    this.#events = 0;
    if (isNews || wasBusy) this.#doubt();
    else this.#longestMs = Math.min(maxMs, this.#longestMs * 2);
  }

  #doubt(): void {
    const { minMs, maxMs } = this.#options;
    this.#longestMs = Math.min(maxMs, minMs * 2);
    this.#isFirst = false;
  }
}
