// The files of a state directory that are worth keeping, as data: read in one consistent state, also while an operator
// works on them. What can be made again (images, the copy of a repository) and what belongs to this machine (engines,
// sockets, the lock) is not among them.
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../base/clock.js';
import { reasonOf, SwarmError, systemCodeOf } from '../base/errors.js';

/** One file; `path` is relative to the state directory, with slashes. */
export interface StateFile {
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  readonly text: string;
}

/**
 * Entries of the state directory. precious: they cannot be made again; secret: with keys and tokens; derived: only nice to
 * have, so that they may be a moment older than the rest.
 */
export const stateEntries = [
  { name: 'version', isSecret: false, isDerived: false },
  { name: 'installation', isSecret: false, isDerived: false },
  { name: 'objects', isSecret: false, isDerived: false },
  { name: 'debts', isSecret: false, isDerived: false },
  { name: 'late', isSecret: false, isDerived: false },
  { name: 'clusters', isSecret: true, isDerived: false },
  { name: 'pki', isSecret: true, isDerived: false },
  { name: 'status', isSecret: false, isDerived: true },
  { name: 'events', isSecret: false, isDerived: true },
] as const;

/**
 * Not kept, and not to survive when older files take the place of newer ones: the mark of versions handed out (without it
 * they go on above all that can have been), what containers were last given, and what others undid.
 */
export const volatileFiles = ['objects/resource-version', 'delivered.json', 'fights.json'] as const;

// An operator that is told a thousand things a second leaves a quiet moment between two; a minute without one is a fault.
const mostPasses = 200;
const pauseMs = 50;
const filesAtOnce = 8;

interface Found {
  readonly path: string;
  readonly mode: number;
  /** Changes whenever the content does: files are replaced, never edited. */
  readonly mark: string;
}

/**
 * Every file, sorted by path. Those that are not derived are as they were together at one moment.
 * @throws {STATE_CORRUPT} a file cannot be read
 * @throws {TIMEOUT} they never stopped changing
 */
export async function readStateFiles(
  directory: string,
  o: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<readonly StateFile[]> {
  const known = new Map<string, { readonly mark: string; readonly file: StateFile }>();
  for (let pass = 0; pass < mostPasses; pass += 1) {
    o.signal.throwIfAborted();
    const before = await list(directory);
    await readChanged(directory, before, known);
    const after = await list(directory);
    if (marksOf(before) === marksOf(after) && before.every(({ path: name }) => known.has(name))) {
      return before.flatMap(({ path: name }) => known.get(name)?.file ?? []);
    }
    await o.clock.sleep(pauseMs, o.signal);
  }
  throw new SwarmError('TIMEOUT', `Cannot read state in "${directory}": it keeps changing`, {
    hint: 'Try again when less is going on',
  });
}

async function readChanged(
  directory: string,
  found: readonly Found[],
  known: Map<string, { readonly mark: string; readonly file: StateFile }>,
): Promise<void> {
  const changed = found.filter(({ path: name, mark }) => known.get(name)?.mark !== mark);
  for (let start = 0; start < changed.length; start += filesAtOnce) {
    const slice = changed.slice(start, start + filesAtOnce);
    await Promise.all(
      slice.map(async ({ path: name, mode, mark }) => {
        const text = await orMissing(name, () => readFile(path.join(directory, name), 'utf8'));
        if (text !== undefined) known.set(name, { mark, file: { path: name, mode, text } });
      }),
    );
  }
}

/** What must be the same before and after reading, as text to compare. */
function marksOf(found: readonly Found[]): string {
  const derived = new Set<string>(stateEntries.filter(({ isDerived }) => isDerived).map(({ name }) => name));
  return found
    .filter(({ path: name }) => !derived.has(name.split('/')[0] ?? ''))
    .map(({ path: name, mark }) => `${name} ${mark}`)
    .join('\n');
}

async function list(directory: string): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const { name } of stateEntries) await walk(directory, name, found);
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function walk(directory: string, name: string, found: Found[]): Promise<void> {
  const entry = await orMissing(name, () => stat(path.join(directory, name), { bigint: true }));
  if (entry === undefined) return;
  if (entry.isDirectory()) {
    const names = (await orMissing(name, () => readdir(path.join(directory, name)))) ?? [];
    for (const inner of names) await walk(directory, `${name}/${inner}`, found);
    return;
  }
  if (!entry.isFile() || name.endsWith('.tmp') || volatileFiles.some((other) => other === name)) return;
  const mark = `${entry.ino} ${entry.size} ${entry.mtimeNs} ${entry.ctimeNs}`;
  found.push({ path: name, mode: Number(entry.mode & 0o777n), mark });
}

/** @returns undefined when it went meanwhile */
async function orMissing<T>(name: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw new SwarmError('STATE_CORRUPT', `Cannot read state file "${name}": ${reasonOf(error)}`, {
      cause: error,
    });
  }
}
