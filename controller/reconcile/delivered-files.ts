// Remembers which files the process in each container has read, by container ID. Only a saving: what is forgotten is
// delivered again, which needs no restart.
import { readFile } from 'node:fs/promises';
import type { Clock } from '../base/clock.js';
import { isJsonObject } from '../base/json.js';
import { LatestFile } from '../store/latest-file.js';
import type { StateDisk } from '../store/state-disk.js';

export interface DeliveredFilesOptions {
  readonly file: string;
  readonly disk: StateDisk;
  readonly clock: Pick<Clock, 'sleep'>;
}

export class DeliveredFiles {
  readonly #file: LatestFile | undefined;
  readonly #hashes: Map<string, string>;

  private constructor(hashes: Map<string, string>, o?: DeliveredFilesOptions) {
    this.#hashes = hashes;
    const read = (): string => `${JSON.stringify(Object.fromEntries(hashes))}\n`;
    this.#file = o === undefined ? undefined : new LatestFile({ ...o, read });
  }

  /** @param o undefined keeps everything in memory only */
  static async open(o: DeliveredFilesOptions | undefined): Promise<DeliveredFiles> {
    return new DeliveredFiles(o === undefined ? new Map<string, string>() : await readHashes(o.file), o);
  }

  get(containerId: string): string | undefined {
    return this.#hashes.get(containerId);
  }

  set(containerId: string, filesHash: string): void {
    if (this.#hashes.get(containerId) === filesHash) return;
    this.#hashes.set(containerId, filesHash);
    this.#file?.changed();
  }

  forget(containerId: string): void {
    if (this.#hashes.delete(containerId)) this.#file?.changed();
  }

  /** Resolves when everything is on disk. */
  async close(): Promise<void> {
    await this.#file?.close();
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
