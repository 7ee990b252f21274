// The identity of a state directory: a UUID that every container we make carries, so that two operators never touch each
// other's containers. A new directory has one to offer, which counts once something was made with it.
import { reasonOf, SwarmError } from '../base/errors.js';
import { readTextIfThere } from '../base/read-text.js';
import { writeFileAtomically } from '../base/write-file-atomically.js';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export class Installation {
  readonly #file: string | undefined;
  #id: string;
  #isSettled: boolean;

  private constructor(o: {
    readonly file: string | undefined;
    readonly id: string;
    readonly isSettled: boolean;
  }) {
    this.#file = o.file;
    this.#id = o.id;
    this.#isSettled = o.isSettled;
  }

  /**
   * Call it with the state directory locked.
   * @throws {STATE_CORRUPT} a new identity would make our own containers look foreign
   */
  static async open(file: string, randomUuid: () => string): Promise<Installation> {
    const text = await readTextIfThere(file, { code: 'STATE_CORRUPT' });
    if (text === undefined) return new Installation({ file, id: randomUuid(), isSettled: false });
    if (uuid.test(text.trim())) return new Installation({ file, id: text.trim(), isSettled: true });
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
    if (this.#file !== undefined) {
      await writeFileAtomically(this.#file, `${id}\n`).catch((error: unknown) => {
        throw new SwarmError('STATE_UNWRITABLE', `Cannot write "${this.#file ?? ''}": ${reasonOf(error)}`, {
          cause: error,
        });
      });
    }
    this.#id = id;
    this.#isSettled = true;
  }
}
