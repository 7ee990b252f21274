// Who makes a container reads it into the cache, and so does the engine's event of that: whichever comes first reads for
// both, since either read begins after the container was made, and every later change has an event of its own.

/** Creates at one engine whose event is still to come; of an engine that dropped theirs, the oldest are forgotten. */
const mostAwaited = 64;

export class MadeReads {
  readonly #reads = new Map<string, Promise<void>>();

  /** The read begun by the other side; it is handed out once. */
  take(id: string): Promise<void> | undefined {
    const read = this.#reads.get(id);
    this.#reads.delete(id);
    return read;
  }

  /** A read begun by who made the container: its event is sure to come. */
  beganByMaker(id: string, read: Promise<void>): void {
    this.#reads.set(id, read);
    const [oldest] = this.#reads.keys();
    if (this.#reads.size > mostAwaited && oldest !== undefined) this.#reads.delete(oldest);
  }

  /** A read begun by events: most containers have a maker elsewhere, who does not ask. */
  beganByEvents(ids: readonly string[], read: Promise<void>): void {
    for (const id of ids) this.#reads.set(id, read);
    void read.then(() => this.forget(ids, read));
  }

  /** These must be read again; with `read`, only where that is the one. */
  forget(ids: readonly string[], read?: Promise<void>): void {
    for (const id of ids) if (read === undefined || this.#reads.get(id) === read) this.#reads.delete(id);
  }
}
