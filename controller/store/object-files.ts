// The precious half of the state directory: one file per object, and the high-water mark of resourceVersion. Nothing
// is edited in place, and a damaged file is set aside by name, never taken for "no object".
import path from 'node:path';
import type { ObjectKey } from '../api/object-key.js';
import { kinds } from '../api/resources.js';
import { messageOf, SwarmError } from '../base/errors.js';
import { isJsonObject } from '../base/json.js';
import { makePrivateDirectory, withSyncedDirectory } from '../base/write-file-atomically.js';
import { decodeRecord, encodeRecord, type StoredRecord } from './record.js';
import type { StateDisk, StateDoor, StateFileSystem } from './state-disk.js';

export interface Quarantined {
  /** New path of the damaged file. */
  readonly file: string;
  /** The object it was of, as its name says. */
  readonly key: ObjectKey | undefined;
  readonly why: string;
}

export interface LoadedObjects {
  readonly records: readonly StoredRecord[];
  /** No version greater than this was ever handed out. */
  readonly highestVersion: number;
  readonly quarantined: readonly Quarantined[];
}

// Node reads with four threads; twice as many keep them busy.
const filesAtOnce = 8;

// When the high-water mark is lost, versions go on above anything that can have been handed out: status changes have
// versions that are in no file, but there is never more than one in a millisecond since 1970.
const versionAfterLoss = (seen: number, nowMs: number): number => Math.max(seen + 1_000_000, nowMs);

export class ObjectFiles {
  readonly #objects: string;
  readonly #mark: string;
  readonly #fileSystem: StateFileSystem;
  readonly #disk: StateDisk;

  constructor(directory: string, disk: StateDisk) {
    this.#objects = path.join(directory, 'objects');
    this.#mark = path.join(this.#objects, 'resource-version');
    this.#fileSystem = disk.fileSystem;
    this.#disk = disk;
  }

  /**
   * Reads everything; removes left-over temporary files, and sets damaged ones aside as `*.corrupt-<ms>`.
   * @throws {STATE_CORRUPT} a file was written by a newer version of this program
   * @throws {STATE_UNWRITABLE} the directory cannot be read or prepared
   */
  async load(nowMs: number): Promise<LoadedObjects> {
    return this.#guard(async () => {
      await makePrivateDirectory(this.#objects, this.#fileSystem);
      const names = (await this.#fileSystem.readdir(this.#objects)).sort();
      const records: StoredRecord[] = [];
      const quarantined: Quarantined[] = [];
      for (const name of names.filter((entry) => entry.endsWith('.tmp'))) {
        await this.#fileSystem.unlink(path.join(this.#objects, name));
      }
      const files = names.filter((name) => name.endsWith('.json'));
      for (let start = 0; start < files.length; start += filesAtOnce) {
        const some = files.slice(start, start + filesAtOnce);
        for (const found of await Promise.all(
          some.map((name) => this.#loadRecord(path.join(this.#objects, name), nowMs)),
        )) {
          if ('resource' in found) records.push(found);
          else quarantined.push(found);
        }
      }
      const highestVersion = await this.#loadMark(records, nowMs, quarantined);
      return { records, highestVersion, quarantined };
    });
  }

  /** Durable when it resolves. @throws {STATE_UNWRITABLE} */
  async put(record: StoredRecord, door: StateDoor = this.#disk): Promise<void> {
    await door.write(this.#fileOf(keyOf(record)), encodeRecord(record));
  }

  /** Durable when it resolves; a file that is gone already is fine. @throws {STATE_UNWRITABLE} */
  async remove(key: ObjectKey): Promise<void> {
    await this.#disk.remove(this.#fileOf(key));
  }

  /** Promises that no version above `version` is handed out before the next call. @throws {STATE_UNWRITABLE} */
  async reserveVersions(version: number, door: StateDoor = this.#disk): Promise<void> {
    await door.write(this.#mark, `${version}\n`);
  }

  /**
   * Writes everything anew, and removes what is not among it: for a disk of which nobody knows what it holds.
   * @throws {STATE_UNWRITABLE}
   */
  async rewrite(
    records: readonly StoredRecord[],
    { version, door }: { readonly version: number; readonly door: StateDoor },
  ): Promise<void> {
    await this.reserveVersions(version, door);
    for (let start = 0; start < records.length; start += filesAtOnce) {
      await Promise.all(records.slice(start, start + filesAtOnce).map((record) => this.put(record, door)));
    }
    const wanted = new Set(records.map((record) => fileName(keyOf(record))));
    for (const name of await this.#guard(() => this.#fileSystem.readdir(this.#objects))) {
      const isLeft = name.endsWith('.tmp') || (name.endsWith('.json') && !wanted.has(name));
      if (isLeft) await door.remove(path.join(this.#objects, name));
    }
  }

  #fileOf(key: ObjectKey): string {
    return path.join(this.#objects, fileName(key));
  }

  async #loadRecord(file: string, nowMs: number): Promise<StoredRecord | Quarantined> {
    const decoded = decodeRecord(await this.#fileSystem.readFile(file, 'utf8'));
    if (decoded.type === 'newer') {
      throw new SwarmError(
        'STATE_CORRUPT',
        `Cannot read state file "${file}": a newer swarmctl wrote it (format ${decoded.format})`,
        { hint: 'Start the newer swarmctl, or restore a backup of the state directory' },
      );
    }
    const key = keyOfFile(path.basename(file));
    if (decoded.type === 'ok' && path.basename(file) === fileName(keyOf(decoded.record)))
      return decoded.record;
    const why = decoded.type === 'ok' ? 'it is of another object' : decoded.why;
    return { file: await this.#setAside(file, nowMs), key, why };
  }

  async #loadMark(
    records: readonly StoredRecord[],
    nowMs: number,
    quarantined: Quarantined[],
  ): Promise<number> {
    const seen = Math.max(
      0,
      ...records.map(({ resource }) => Number(resource.metadata.resourceVersion ?? 0)),
    );
    let text: string;
    try {
      text = await this.#fileSystem.readFile(this.#mark, 'utf8');
    } catch (error) {
      if (!isMissing(error)) throw error;
      return records.length === 0 && quarantined.length === 0 ? 0 : versionAfterLoss(seen, nowMs);
    }
    if (/^\d{1,15}\n$/.test(text)) return Math.max(seen, Number(text));
    quarantined.push({
      file: await this.#setAside(this.#mark, nowMs),
      key: undefined,
      why: 'it is not a number',
    });
    return versionAfterLoss(seen, nowMs);
  }

  async #setAside(file: string, nowMs: number): Promise<string> {
    const target = `${file}.corrupt-${nowMs}`;
    const fileSystem = this.#fileSystem;
    await withSyncedDirectory(this.#objects, () => fileSystem.rename(file, target), fileSystem);
    return target;
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof SwarmError) throw error;
      throw new SwarmError(
        'STATE_UNWRITABLE',
        `Cannot read state in "${this.#objects}": ${messageOf(error)}`,
        { cause: error },
      );
    }
  }
}

export function fileName(key: ObjectKey): string {
  return `${key.kind.toLowerCase()}.${key.name}.json`;
}

function keyOf({ resource }: StoredRecord): ObjectKey {
  return { kind: resource.kind, name: resource.metadata.name };
}

/** The key a file name stands for: kinds have no dots, names may. */
function keyOfFile(name: string): ObjectKey | undefined {
  const kind = kinds.find((known) => name.startsWith(`${known.toLowerCase()}.`));
  return kind === undefined ? undefined : { kind, name: name.slice(kind.length + 1, -'.json'.length) };
}

function isMissing(error: unknown): boolean {
  return isJsonObject(error) && error['code'] === 'ENOENT';
}
