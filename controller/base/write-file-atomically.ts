// Durable replacement of one file: temp → fsync → rename → fsync(directory). A reader, or the next start after a
// kill at any line, sees the old bytes or the new ones, never a mixture.
import { constants } from 'node:fs';
import * as nodeFileSystem from 'node:fs/promises';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { systemCodeOf } from './errors.js';

const { mkdir, readdir } = nodeFileSystem;

/** The calls a durable write is made of; tests replace them to end the process, or the disk, between any two. */
export type DurableFileSystem = Pick<typeof nodeFileSystem, 'open' | 'rename' | 'rm'>;

/** Makes what `change` does to the names in `directory` durable. */
export type DirectoryChange = (directory: string, change: () => Promise<void>) => Promise<void>;

/**
 * Writes `data` to `file`, replacing what is there.
 * @param options.mode permission bits, set when the file is made (default 0600: most of our files hold secrets)
 * @param options.inDirectory default: a sync for this file alone
 * @param options.isDurable default true; without, a power cut may leave it torn or missing: for what is made again then
 */
export async function writeFileAtomically(
  file: string,
  data: string | Uint8Array,
  options: {
    readonly mode?: number;
    readonly fileSystem?: DurableFileSystem;
    readonly inDirectory?: DirectoryChange;
    readonly isDurable?: boolean;
  } = {},
): Promise<void> {
  const { fileSystem = nodeFileSystem, isDurable = true } = options;
  const { open, rename, rm } = fileSystem;
  const inDirectory: DirectoryChange =
    options.inDirectory ?? ((directory, change) => withSyncedDirectory(directory, change, fileSystem));
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`; // as `unfinishedWrite` knows it
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const handle = await open(temporary, flags, options.mode ?? 0o600);
  try {
    try {
      await handle.writeFile(data);
      if (isDurable) await handle.sync();
    } finally {
      await handle.close();
    }
    if (isDurable) await inDirectory(path.dirname(file), () => rename(temporary, file));
    else await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Finds out whether writes of that size succeed in `directory`, and makes the names in it durable: a file is made, synced and
 * removed again.
 */
export async function probeDirectory(
  directory: string,
  o: { readonly bytes: number; readonly fileSystem?: DurableFileSystem },
): Promise<void> {
  const { rm } = o.fileSystem ?? nodeFileSystem;
  // The name of an unfinished write: whoever finds it after a kill clears it away.
  const file = path.join(directory, `probe.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await writeFileAtomically(file, Buffer.alloc(o.bytes), o);
  } finally {
    await rm(file, { force: true });
  }
}

const unfinishedWrite = /\.[0-9a-f]{12}\.tmp$/;

/**
 * Removes what killed writers left in `directory`, which may be missing. Only for who knows that nobody writes there now,
 * by a lock for example: a write that is under way would fail.
 */
export async function removeUnfinishedWrites(directory: string): Promise<void> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  });
  for (const name of names.filter((entry) => unfinishedWrite.test(entry))) {
    await nodeFileSystem.rm(path.join(directory, name), { force: true });
  }
}

/** Makes a directory and its parents, private to this user; durable when it resolves. */
export async function makePrivateDirectory(
  directory: string,
  fileSystem: Pick<DurableFileSystem, 'open'> = nodeFileSystem,
): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = path.resolve(directory); ; made = path.dirname(made)) {
    await syncDirectory(path.dirname(made), fileSystem);
    if (made === path.resolve(first) || made === path.dirname(made)) return;
  }
}

/** Makes a rename or unlink in `directory` durable. */
export async function syncDirectory(
  directory: string,
  fileSystem: Pick<DurableFileSystem, 'open'> = nodeFileSystem,
): Promise<void> {
  await withSyncedDirectory(directory, () => Promise.resolve(), fileSystem);
}

/**
 * Makes what `change` does to the names in `directory` durable. The directory is opened before, so that all that can fail
 * after the change is the sync itself.
 */
export async function withSyncedDirectory(
  directory: string,
  change: () => Promise<void>,
  fileSystem: Pick<DurableFileSystem, 'open'> = nodeFileSystem,
): Promise<void> {
  const handle = await fileSystem.open(directory, constants.O_RDONLY);
  try {
    await change();
    await handle.sync();
  } finally {
    await handle.close();
  }
}
