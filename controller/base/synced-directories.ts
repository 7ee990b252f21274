// Changes of the names in directories, made durable together: those that end while a sync is under way share the next one,
// and a directory stays open as long as somebody changes names in it. For who writes hundreds of files at once.
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { DurableFileSystem } from './write-file-atomically.js';

interface Opened {
  readonly handle: Promise<FileHandle>;
  users: number;
  /** Began before the changes that wait for `next` were made. */
  running: Promise<void> | undefined;
  next: Promise<void> | undefined;
}

export class SyncedDirectories {
  readonly #fileSystem: Pick<DurableFileSystem, 'open'>;
  readonly #opened = new Map<string, Opened>();

  constructor(fileSystem: Pick<DurableFileSystem, 'open'>) {
    this.#fileSystem = fileSystem;
  }

  /** As `withSyncedDirectory`, which is for one change alone. */
  async change(directory: string, work: () => Promise<void>): Promise<void> {
    const opened = this.#enter(directory);
    try {
      await opened.handle;
      await work();
      await syncOf(opened);
    } catch (error) {
      // Who comes later is not to be told of a sync that failed before.
      this.#abandon(directory, opened);
      throw error;
    } finally {
      await this.#leave(directory, opened);
    }
  }

  /** `target` was removed or renamed: a directory that is made there later is another one. */
  forget(target: string): void {
    for (const directory of [...this.#opened.keys()]) {
      if (directory === target || directory.startsWith(`${target}${path.sep}`))
        this.#opened.delete(directory);
    }
  }

  #enter(directory: string): Opened {
    const known = this.#opened.get(directory);
    if (known !== undefined) {
      known.users += 1;
      return known;
    }
    const handle = this.#fileSystem.open(directory, constants.O_RDONLY);
    const opened: Opened = { handle, users: 1, running: undefined, next: undefined };
    this.#opened.set(directory, opened);
    return opened;
  }

  async #leave(directory: string, opened: Opened): Promise<void> {
    opened.users -= 1;
    if (opened.users > 0) return;
    this.#abandon(directory, opened);
    const handle = await opened.handle.catch(() => undefined);
    await handle?.close();
  }

  #abandon(directory: string, opened: Opened): void {
    if (this.#opened.get(directory) === opened) this.#opened.delete(directory);
  }
}

/** A sync that begins after this call. Once one has failed all that wait fail with it: a later one may hide what is lost. */
function syncOf(opened: Opened): Promise<void> {
  opened.next ??= startAfter(opened);
  return opened.next;
}

async function startAfter(opened: Opened): Promise<void> {
  await opened.running;
  const handle = await opened.handle;
  opened.running = opened.next;
  opened.next = undefined;
  await handle.sync();
}
