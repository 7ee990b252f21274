// The identity of a state directory: a UUID that every container we make carries, so that two operators never touch each
// other's containers. A new directory has one to offer, which counts once something was made with it.
import { SwarmError } from '../base/errors.js';
import { readTextIfThere } from '../base/read-text.js';
import type { StateDisk, StateDoor, StatePart } from '../store/state-disk.js';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export class Installation implements StatePart {
  readonly #file: string;
  readonly #disk: StateDisk;
  #id: string;
  #isSettled: boolean;

  private constructor(o: {
    readonly file: string;
    readonly disk: StateDisk;
    readonly id: string;
    readonly isSettled: boolean;
  }) {
    this.#file = o.file;
    this.#disk = o.disk;
    this.#id = o.id;
    this.#isSettled = o.isSettled;
    o.disk.join(this);
  }

  /**
   * Call it with the state directory locked.
   * @throws {STATE_CORRUPT} a new identity would make our own containers look foreign
   */
  static async open(o: {
    readonly file: string;
    readonly disk: StateDisk;
    readonly randomUuid: () => string;
  }): Promise<Installation> {
    const { file } = o;
    const text = await readTextIfThere(file, { code: 'STATE_CORRUPT' });
    if (text === undefined) return new Installation({ ...o, id: o.randomUuid(), isSettled: false });
    if (uuid.test(text.trim())) return new Installation({ ...o, id: text.trim(), isSettled: true });
    throw new SwarmError('STATE_CORRUPT', `Cannot use "${file}": it must hold a UUID`, {
      hint: 'Restore the file; its UUID is the label io.swarmctl.installation of every container swarmctl made',
    });
  }

  get id(): string {
    return this.#id;
  }

  /** false: the directory is new, and another identity may be taken over. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Keeps the identity for good: `id`, or the one there is. @throws {STATE_UNWRITABLE} */
  async settle(id = this.#id): Promise<void> {
    if (this.#isSettled) return;
    await this.#disk.write(this.#file, `${id}\n`);
    this.#id = id;
    this.#isSettled = true;
  }

  async rewrite(door: StateDoor): Promise<void> {
    if (this.#isSettled) await door.write(this.#file, `${this.#id}\n`);
    else await door.remove(this.#file);
  }
}
