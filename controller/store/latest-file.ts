// One file that always holds the latest of what somebody keeps in memory, and that nobody waits for: one write at a time,
// what changes meanwhile goes into one more, and what could not be written is written once the disk is well.
import type { StateDisk, StateDoor, StatePart } from './state-disk.js';

export class LatestFile implements StatePart {
  readonly #file: string;
  readonly #disk: StateDisk;
  readonly #read: () => string;
  #writing: Promise<void> | undefined;
  #isDirty = false;
  #isClosed = false;

  /** @param o.read what the file is to hold now */
  constructor(o: { readonly file: string; readonly disk: StateDisk; readonly read: () => string }) {
    this.#file = o.file;
    this.#disk = o.disk;
    this.#read = o.read;
    o.disk.join(this);
  }

  /** Writes soon. */
  changed(): void {
    this.#isDirty = true;
    this.#start();
  }

  /** Resolves when everything is on the disk, or cannot be. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#writing !== undefined) await this.#writing;
  }

  async rewrite(door: StateDoor): Promise<void> {
    this.#isDirty = false;
    await door.write(this.#file, this.#read());
  }

  resume(): void {
    if (this.#isDirty && !this.#isClosed) this.#start();
  }

  #start(): void {
    this.#writing ??= this.#writeAll();
  }

  /** Says in the same turn in which it ends that it has ended: what changes later is not passed over. */
  async #writeAll(): Promise<void> {
    while (this.#isDirty) {
      this.#isDirty = false;
      // Never in the turn in which it was started.
      const isWritten = await Promise.resolve()
        .then(() => this.#disk.write(this.#file, this.#read()))
        .then(
          () => true,
          () => false,
        );
      if (isWritten) continue;
      // The disk has told of it, and tells when it is well.
      this.#isDirty = true;
      break;
    }
    this.#writing = undefined;
  }
}
