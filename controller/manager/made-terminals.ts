// Which containers that were made here have a terminal. Engines before API 1.42 do not say it where newer clients want to
// know, and an inspection in the middle of every attach and start is a round trip that waits for the container's lock.

/** A container is attached to and started soon after it was made; of others the engine is asked. ~150 bytes each. */
const mostRemembered = 10_000;

export class MadeTerminals {
  readonly #known = new Map<string, boolean>();

  /** @param body of the create, as the engine took it; one whose spelling leaves a doubt is not remembered */
  note(id: string, body: Readonly<Record<string, unknown>>): void {
    const { Tty: tty = false } = body;
    // Engines take any spelling of a field, and of several the last.
    const spellings = Object.keys(body).filter((key) => key.toLowerCase() === 'tty');
    if (typeof tty !== 'boolean' || spellings.some((key) => key !== 'Tty')) return;
    this.#known.set(id, tty);
    const [oldest] = this.#known.keys();
    if (this.#known.size > mostRemembered && oldest !== undefined) this.#known.delete(oldest);
  }

  /** Undefined when only its engine knows. */
  has(id: string): boolean | undefined {
    return this.#known.get(id);
  }
}
