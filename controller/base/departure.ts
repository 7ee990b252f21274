// Tells once that somebody is gone. An AbortSignal tells the same, but costs as much as a third of a small HTTP request, and
// most requests are answered before anybody asks: it is made when something needs one.

export class Departure {
  readonly #listeners = new Set<() => void>();
  #reason: Error | undefined;
  #controller: AbortController | undefined;

  get isGone(): boolean {
    return this.#reason !== undefined;
  }

  /** Why; undefined while they are there. */
  get reason(): Error | undefined {
    return this.#reason;
  }

  /** Aborts when they are gone. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Calls `listener` when they are gone, at once when they are already. @returns takes it back; idempotent */
  onGone(listener: () => void): () => void {
    if (this.isGone) listener();
    else this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** To be called by whoever sees them go; the first reason counts. */
  leave(reason: Error): void {
    if (this.isGone) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }
}
