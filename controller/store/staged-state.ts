// Replaces the files of a state directory all at once: they are written aside, a marker commits them, and whoever holds
// the lock next carries it through. The directory itself stays: it may be a mount.
import * as nodeFileSystem from 'node:fs/promises';
import path from 'node:path';
import { reasonOf, SwarmError, systemCodeOf } from '../base/errors.js';
import { isJsonObject, tryParseJson } from '../base/json.js';
import {
  makePrivateDirectory,
  syncDirectory,
  writeFileAtomically,
  type DurableFileSystem,
} from '../base/write-file-atomically.js';
import { stateEntries, volatileFiles, type StateFile } from './state-files.js';

const { readFile, stat } = nodeFileSystem;

const stagedName = 'staged.new';
const markerName = 'staged';

/** What is moved: everything a state file may be in, and what must not outlive its replacement. */
const movedEntries: readonly string[] = [
  ...stateEntries.map(({ name }) => name),
  ...volatileFiles.filter((name) => !name.includes('/')),
];

/** The calls that it takes; tests replace them to end the process, or the disk, between any two. */
export type StagedFileSystem = DurableFileSystem & Pick<typeof nodeFileSystem, 'mkdir'>;

/**
 * Call it with the directory locked. When it resolves the files are there, and those before are in `kept`; killed before,
 * either nothing has happened or `finishStaged` does the rest. What fails before it is committed has changed nothing.
 * @param o.kept name of a directory in `directory` that does not exist
 * @throws {STATE_UNWRITABLE}
 */
export async function replaceStateFiles(
  directory: string,
  o: {
    readonly files: readonly StateFile[];
    readonly kept: string;
    readonly fileSystem?: StagedFileSystem;
  },
): Promise<void> {
  const fileSystem = o.fileSystem ?? nodeFileSystem;
  try {
    await stage(directory, { ...o, fileSystem });
  } catch (error) {
    // Nobody may carry it through any more; then the space it took is free again.
    await discard(directory, { kept: o.kept, fileSystem }).catch(() => undefined);
    const message = `Cannot write state in "${directory}": ${reasonOf(error)}; it is as it was before`;
    throw error instanceof SwarmError ? error : new SwarmError('STATE_UNWRITABLE', message, { cause: error });
  }
  await finishStaged(directory, fileSystem);
}

async function stage(
  directory: string,
  o: {
    readonly files: readonly StateFile[];
    readonly kept: string;
    readonly fileSystem: StagedFileSystem;
  },
): Promise<void> {
  const { fileSystem } = o;
  const staged = path.join(directory, stagedName);
  await fileSystem.rm(staged, { recursive: true, force: true });
  // Both take space: once it is committed nothing should need any.
  await makePrivateDirectory(path.join(directory, o.kept), fileSystem);
  await makePrivateDirectory(staged, fileSystem);
  const directories = new Set<string>([staged]);
  for (const { path: name, mode, text } of o.files) {
    const file = path.join(staged, name);
    for (let parent = path.dirname(file); !directories.has(parent); parent = path.dirname(parent)) {
      directories.add(parent);
    }
    await makePrivateDirectory(path.dirname(file), fileSystem);
    await writeFileAtomically(file, text, { mode, fileSystem });
  }
  for (const one of directories) await syncDirectory(one, fileSystem);
  const entries = [...new Set(o.files.map((file) => file.path.split('/')[0] ?? ''))];
  const marker = `${JSON.stringify({ kept: o.kept, entries })}\n`;
  await writeFileAtomically(path.join(directory, markerName), marker, { fileSystem });
}

async function discard(
  directory: string,
  { kept, fileSystem }: { readonly kept: string; readonly fileSystem: StagedFileSystem },
): Promise<void> {
  await fileSystem.rm(path.join(directory, markerName), { force: true });
  await syncDirectory(directory, fileSystem);
  await fileSystem.rm(path.join(directory, stagedName), { recursive: true, force: true });
  await fileSystem.rm(path.join(directory, kept), { recursive: true, force: true });
}

/**
 * Carries a replacement through that was committed, and clears away one that was not. Call it with the directory locked.
 * @returns whether there was one to carry through
 */
export async function finishStaged(
  directory: string,
  fileSystem: StagedFileSystem = nodeFileSystem,
): Promise<boolean> {
  const markerFile = path.join(directory, markerName);
  const staged = path.join(directory, stagedName);
  const marker = await readMarker(markerFile);
  if (marker === undefined) {
    await fileSystem.rm(staged, { recursive: true, force: true });
    return false;
  }
  const aside = path.join(directory, marker.kept);
  await fileSystem.mkdir(aside, { recursive: true, mode: 0o700 });
  for (const name of movedEntries) {
    const [old, next] = [path.join(directory, name), path.join(staged, name)];
    const isInForce = marker.entries.includes(name) && !(await exists(next));
    if (isInForce || (await exists(path.join(aside, name))) || !(await exists(old))) continue;
    await fileSystem.rename(old, path.join(aside, name));
  }
  // What was there is safe before anything takes its name.
  await syncDirectory(aside, fileSystem);
  await syncDirectory(directory, fileSystem);
  for (const name of marker.entries) {
    const next = path.join(staged, name);
    if (await exists(next)) await fileSystem.rename(next, path.join(directory, name));
  }
  await syncDirectory(directory, fileSystem);
  await fileSystem.rm(markerFile, { force: true });
  await syncDirectory(directory, fileSystem);
  await fileSystem.rm(staged, { recursive: true, force: true });
  return true;
}

async function readMarker(
  file: string,
): Promise<{ readonly kept: string; readonly entries: readonly string[] } | undefined> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const value = tryParseJson(text);
  const { kept, entries } = isJsonObject(value) ? value : {};
  if (typeof kept === 'string' && /^[\w.-]+$/.test(kept) && Array.isArray(entries)) {
    return { kept, entries: entries.map(String) };
  }
  throw new SwarmError('STATE_CORRUPT', `Cannot use "${file}": it was damaged`, {
    hint: 'Restore the state directory from a backup into an empty directory',
  });
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    (error: unknown) => {
      if (systemCodeOf(error) === 'ENOENT') return false;
      throw error;
    },
  );
}
