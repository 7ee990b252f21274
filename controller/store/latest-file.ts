// One file that always holds the latest of what somebody keeps in memory, and that nobody waits for: one write at a time,
// what changes meanwhile and a moment longer goes into one more, and what could not be written is written once the disk is
// well.
import type { Clock } from '../base/clock.js';
import type { StateDisk, StateDoor, StatePart } from './state-disk.js';

/** While a thousand things change in a row the file is written once a second, not as fast as the disk can. */
const restMs = 1000;

export class LatestFile implements StatePart {
  readonly #file: string;
  readonly #disk: StateDisk;
  readonly #read: () => string;
  readonly #clock: Pick<Clock, 'sleep'>;
  readonly #closing = new AbortController();
  #writing: Promise<void> | undefined;
  #isDirty = false;

  /** @param o.read what the file is to hold now */
  constructor(o: {
    readonly file: string;
    readonly disk: StateDisk;
    readonly clock: Pick<Clock, 'sleep'>;
    readonly read: () => string;
  }) {
    this.#file = o.file;
    this.#clock = o.clock;
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
    this.#closing.abort();
    while (this.#writing !== undefined) await this.#writing;
  }

  async rewrite(door: StateDoor): Promise<void> {
    this.#isDirty = false;
    await door.write(this.#file, this.#read());
  }

  resume(): void {
    if (this.#isDirty && !this.#closing.signal.aborted) this.#start();
  }

  #start(): void {
    this.#writing ??= this.#writeAll();
  }

  #rest(): Promise<void> {
    return this.#clock.sleep(restMs, this.#closing.signal).catch(() => undefined);
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
      if (isWritten) {
        await this.#rest();
        continue;
      }
      // The disk has told of it, and tells when it is well.
      this.#isDirty = true;
      break;
    }
    this.#writing = undefined;
  }
}
