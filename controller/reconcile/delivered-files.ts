// Remembers which files the process in each container has read, by container ID. Only a saving: what is forgotten is
// delivered again, which needs no restart.
import { readFile } from 'node:fs/promises';
import type { Logger } from '../base/log.js';
import { messageOf } from '../base/errors.js';
import { isJsonObject } from '../base/json.js';
import { writeFileAtomically } from '../base/write-file-atomically.js';

export class DeliveredFiles {
  readonly #file: string | undefined;
  readonly #logger: Logger;
  readonly #hashes: Map<string, string>;
  #writing: Promise<void> | undefined;
  #isDirty = false;

  private constructor(file: string | undefined, hashes: Map<string, string>, logger: Logger) {
    this.#file = file;
    this.#hashes = hashes;
    this.#logger = logger;
  }

  /** @param options.file undefined keeps everything in memory only */
  static async open(options: {
    readonly file: string | undefined;
    readonly logger: Logger;
  }): Promise<DeliveredFiles> {
    const hashes = options.file === undefined ? new Map<string, string>() : await readHashes(options.file);
    return new DeliveredFiles(options.file, hashes, options.logger);
  }

  get(containerId: string): string | undefined {
    return this.#hashes.get(containerId);
  }

  set(containerId: string, filesHash: string): void {
    if (this.#hashes.get(containerId) === filesHash) return;
    this.#hashes.set(containerId, filesHash);
    this.#write();
  }

  forget(containerId: string): void {
    if (this.#hashes.delete(containerId)) this.#write();
  }

  /** Resolves when everything is on disk. */
  async close(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  /** One write at a time; what changes meanwhile goes into one more. */
  #write(): void {
    this.#isDirty = true;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeAll(): Promise<void> {
    while (this.#isDirty && this.#file !== undefined) {
      this.#isDirty = false;
      try {
        await writeFileAtomically(this.#file, `${JSON.stringify(Object.fromEntries(this.#hashes))}\n`);
      } catch (error) {
        this.#logger.warn(`Cannot remember delivered files: ${messageOf(error)}`);
        return;
      }
    }
  }
}

async function readHashes(file: string): Promise<Map<string, string>> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (!isJsonObject(value)) return new Map();
    return new Map(
      Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
    );
  } catch {
    // Missing or damaged: see above, nothing depends on it.
    return new Map();
  }
}
