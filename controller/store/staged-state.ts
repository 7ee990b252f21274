// Replaces the files of a state directory all at once: they are written aside, a marker commits them, and whoever holds
// the lock next carries it through. The directory itself stays: it may be a mount.
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { SwarmError, systemCodeOf } from '../base/errors.js';
import { isJsonObject, tryParseJson } from '../base/json.js';
import { makePrivateDirectory, syncDirectory, writeFileAtomically } from '../base/write-file-atomically.js';
import { stateEntries, volatileFiles, type StateFile } from './state-files.js';

const stagedName = 'staged.new';
const markerName = 'staged';

/** What is moved: everything a state file may be in, and what must not outlive its replacement. */
const movedEntries: readonly string[] = [
  ...stateEntries.map(({ name }) => name),
  ...volatileFiles.filter((name) => !name.includes('/')),
];

/**
 * Call it with the directory locked. When it resolves the files are there, and those before are in `kept`; killed before,
 * either nothing has happened or `finishStaged` does the rest.
 * @param o.kept name of a directory in `directory` that does not exist
 */
export async function replaceStateFiles(
  directory: string,
  o: { readonly files: readonly StateFile[]; readonly kept: string },
): Promise<void> {
  const staged = path.join(directory, stagedName);
  await rm(staged, { recursive: true, force: true });
  await makePrivateDirectory(staged);
  const directories = new Set<string>([staged]);
  for (const { path: name, mode, text } of o.files) {
    const file = path.join(staged, name);
    for (let parent = path.dirname(file); !directories.has(parent); parent = path.dirname(parent)) {
      directories.add(parent);
    }
    await makePrivateDirectory(path.dirname(file));
    await writeFileAtomically(file, text, { mode });
  }
  for (const one of directories) await syncDirectory(one);
  const entries = [...new Set(o.files.map((file) => file.path.split('/')[0] ?? ''))];
  const marker = `${JSON.stringify({ kept: o.kept, entries })}\n`;
  await writeFileAtomically(path.join(directory, markerName), marker);
  await finishStaged(directory);
}

/**
 * Carries a replacement through that was committed, and clears away one that was not. Call it with the directory locked.
 * @returns whether there was one to carry through
 */
export async function finishStaged(directory: string): Promise<boolean> {
  const markerFile = path.join(directory, markerName);
  const staged = path.join(directory, stagedName);
  const marker = await readMarker(markerFile);
  if (marker === undefined) {
    await rm(staged, { recursive: true, force: true });
    return false;
  }
  const aside = path.join(directory, marker.kept);
  await mkdir(aside, { recursive: true, mode: 0o700 });
  for (const name of movedEntries) {
    const [old, next] = [path.join(directory, name), path.join(staged, name)];
    const isNew = marker.entries.includes(name);
    const isDone = isNew && !(await exists(next));
    if (isDone) continue;
    if (!(await exists(path.join(aside, name))) && (await exists(old))) {
      await rename(old, path.join(aside, name));
    }
    if (isNew) await rename(next, old);
  }
  await syncDirectory(aside);
  await syncDirectory(directory);
  await rm(markerFile, { force: true });
  await syncDirectory(directory);
  await rm(staged, { recursive: true, force: true });
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
