// The one door to the files of a state directory: durable writes, refused while nobody knows what the disk holds, and made
// again once it is well. What the files are to hold is known to those who own them.
import { constants } from 'node:fs';
import * as nodeFileSystem from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../base/clock.js';
import { messageOf, SwarmError } from '../base/errors.js';
import { isJsonObject } from '../base/json.js';
import type { Logger } from '../base/log.js';
import { SyncedDirectories } from '../base/synced-directories.js';
import {
  makePrivateDirectory,
  probeDirectory,
  writeFileAtomically,
  type DirectoryChange,
  type DurableFileSystem,
} from '../base/write-file-atomically.js';
import { WriteHealth } from './write-health.js';

export type StateFileSystem = DurableFileSystem &
  Pick<typeof nodeFileSystem, 'readdir' | 'readFile' | 'unlink'>;

/** Changes of files, each durable when it resolves, but for one. All throw {STATE_UNWRITABLE}. */
export interface StateDoor {
  /** Replaces a file as a whole. @param mode permission bits, default 0600 */
  write(file: string, data: string, mode?: number): Promise<void>;
  /** The same without a sync: a power cut may leave it torn or missing. For what whoever reads it then makes again. */
  writeRemakable(file: string, data: string, mode?: number): Promise<void>;
  /** Removes a file, or a directory with all that is in it; what is gone already is fine. */
  remove(target: string): Promise<void>;
  /** Renames within one directory. */
  move(from: string, to: string): Promise<void>;
  /** Makes a directory and its parents, private to this user. */
  makeDirectory(directory: string): Promise<void>;
  /** Makes the names in a directory durable, also where a sync that failed has left them looking so. */
  touch(directory: string): Promise<void>;
}

/** Who owns files of the state. */
export interface StatePart {
  /** Writes anew what was acknowledged, and removes what was not: the disk may hold either. Nobody else writes meanwhile. */
  rewrite(door: StateDoor): Promise<void>;
  /** Called whenever the disk is well again, for what nobody tries again. */
  resume?(): void;
}

export interface StateDiskOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default: the real one. */
  readonly fileSystem?: StateFileSystem;
  /**
   * There while nobody knows what the disk holds, so that a later process is told: until the machine restarts, too, what it
   * reads may not be on the disk. It needs no sync: it is lost only together with the doubt. Default: no such file.
   */
  readonly doubtFile?: string;
  /** Told of each transition. */
  readonly onChange?: (failure: SwarmError | undefined) => void;
}

export class StateDisk implements StateDoor {
  readonly fileSystem: StateFileSystem;
  readonly #health: WriteHealth;
  readonly #parts: StatePart[] = [];
  /** Directories in which the last change failed, and how many bytes it had. */
  readonly #failing = new Map<string, number>();
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #doubtFile: string | undefined;
  readonly #door: StateDoor;

  constructor(options: StateDiskOptions) {
    this.fileSystem = options.fileSystem ?? nodeFileSystem;
    this.#door = rawDoor(this.fileSystem);
    this.#doubtFile = options.doubtFile;
    this.#health = new WriteHealth({
      ...{ clock: options.clock, logger: options.logger },
      retry: (isDoubtful) => this.#retry(isDoubtful),
      onChange: (failure) => {
        options.onChange?.(failure);
        if (failure === undefined) for (const part of this.#parts) part.resume?.();
      },
    });
  }

  /** Why the state cannot be written now. */
  get failure(): SwarmError | undefined {
    return this.#health.failure;
  }

  join(part: StatePart): void {
    this.#parts.push(part);
  }

  /** What is on the disk is unknown after a failed sync, and a repeated one would report success for lost data. */
  refuseDoubt(): void {
    const { failure, isDoubtful } = this.#health;
    if (isDoubtful && failure !== undefined) throw failure;
  }

  write(file: string, data: string, mode?: number): Promise<void> {
    return this.#change(path.dirname(file), data.length, (door) => door.write(file, data, mode));
  }

  writeRemakable(file: string, data: string, mode?: number): Promise<void> {
    return this.#change(path.dirname(file), data.length, (door) => door.writeRemakable(file, data, mode));
  }

  async remove(target: string): Promise<void> {
    await this.#change(path.dirname(target), 0, (door) => door.remove(target));
    for (const place of this.#failing.keys()) {
      if (place === target || place.startsWith(`${target}${path.sep}`)) this.#isWell(place);
    }
  }

  move(from: string, to: string): Promise<void> {
    return this.#change(path.dirname(to), 0, (door) => door.move(from, to));
  }

  makeDirectory(directory: string): Promise<void> {
    return this.#change(path.dirname(directory), 0, (door) => door.makeDirectory(directory));
  }

  touch(directory: string): Promise<void> {
    return this.#change(directory, 0, (door) => door.touch(directory));
  }

  /** Takes over the doubt of an earlier process, if there is one: all is written again in a moment. */
  async inheritDoubt(): Promise<void> {
    const file = this.#doubtFile;
    if (file === undefined) return;
    if ((await this.fileSystem.readFile(file, 'utf8').catch(() => undefined)) === undefined) return;
    const message = `Cannot write state in "${path.dirname(file)}": a sync failed before the restart, and all is written again first`;
    this.#health.failed(new SwarmError('STATE_UNWRITABLE', message), true);
  }

  /** Resolves when nothing is tried any more. Idempotent. */
  close(): Promise<void> {
    return this.#health.close();
  }

  async #change(place: string, bytes: number, work: (door: StateDoor) => Promise<void>): Promise<void> {
    this.refuseDoubt();
    const attempt = work(this.#door);
    this.#underWay.add(attempt);
    try {
      await attempt;
    } catch (error) {
      const isDoubtful = isFailedSync(error);
      this.#failing.set(place, bytes);
      this.#health.failed(error, isDoubtful);
      if (isDoubtful) await this.#noteDoubt();
      throw error;
    } finally {
      this.#underWay.delete(attempt);
    }
    // A sync that failed for another file may have taken this one's data with it.
    this.refuseDoubt();
    this.#isWell(place);
  }

  #isWell(place: string): void {
    this.#failing.delete(place);
    if (this.#failing.size === 0) this.#health.succeeded();
  }

  async #retry(isDoubtful: boolean): Promise<void> {
    if (isDoubtful) {
      // What was under way when the sync failed is refused, but may be on the disk.
      await Promise.allSettled(this.#underWay);
      for (const part of this.#parts) await part.rewrite(this.#door);
    }
    for (const [place, bytes] of this.#failing) {
      await guard(place, () => probeDirectory(place, { bytes, fileSystem: this.fileSystem }));
      this.#failing.delete(place);
    }
    // Elsewhere it failed meanwhile.
    if (this.#failing.size > 0 && this.failure !== undefined) throw this.failure;
    if (isDoubtful && this.#doubtFile !== undefined) await this.#door.remove(this.#doubtFile);
  }

  /** Best effort: a process that lives on knows of it anyway. */
  async #noteDoubt(): Promise<void> {
    if (this.#doubtFile === undefined) return;
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW;
    const handle = await this.fileSystem.open(this.#doubtFile, flags, 0o600).catch(() => undefined);
    await handle?.close().catch(() => undefined);
  }
}

/** Without a look at whether writing is allowed. */
function rawDoor(fileSystem: StateFileSystem): StateDoor {
  const directories = new SyncedDirectories(fileSystem);
  const inDirectory: DirectoryChange = (directory, change) => directories.change(directory, change);
  /** @param target what is there no more afterwards */
  const leave = (target: string, change: () => Promise<void>): Promise<void> =>
    guard(path.dirname(target), () =>
      inDirectory(path.dirname(target), async () => {
        await change();
        directories.forget(target);
      }),
    );
  return {
    write: (file, data, mode = 0o600) =>
      guard(path.dirname(file), () => writeFileAtomically(file, data, { mode, fileSystem, inDirectory })),
    writeRemakable: (file, data, mode = 0o600) =>
      guard(path.dirname(file), () =>
        writeFileAtomically(file, data, { mode, fileSystem, isDurable: false }),
      ),
    remove: (target) => leave(target, () => fileSystem.rm(target, { recursive: true, force: true })),
    move: (from, to) => leave(from, () => fileSystem.rename(from, to)),
    makeDirectory: (directory) =>
      guard(path.dirname(directory), () => makePrivateDirectory(directory, fileSystem)),
    touch: (directory) => guard(directory, () => probeDirectory(directory, { bytes: 0, fileSystem })),
  };
}

async function guard(place: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof SwarmError) throw error;
    throw new SwarmError('STATE_UNWRITABLE', `Cannot write state in "${place}": ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Whether a failed write leaves it open what is on the disk: a repeated sync would report success for lost data. */
function isFailedSync(error: unknown): boolean {
  const cause = error instanceof SwarmError ? error.cause : error;
  return isJsonObject(cause) && (cause['syscall'] === 'fsync' || cause['code'] === 'EIO');
}
