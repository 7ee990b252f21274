// Clears away what killed writers left in a state directory: nobody reads it, but there may be keys in it.
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { systemCodeOf } from '../base/errors.js';
import { removeUnfinishedWrites } from '../base/write-file-atomically.js';
import { stateEntries } from './state-files.js';

/** Call it with the directory locked: a write that is under way would fail. */
export async function sweepUnfinished(directory: string): Promise<void> {
  await removeUnfinishedWrites(directory);
  for (const { name } of stateEntries) await sweep(path.join(directory, name));
}

/** Nothing below is a link, and no deeper than clusters, their names and what they hold. */
async function sweep(directory: string): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
    const code = systemCodeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  });
  if (entries.some(({ name }) => name.endsWith('.tmp'))) await removeUnfinishedWrites(directory);
  for (const entry of entries) if (entry.isDirectory()) await sweep(path.join(directory, entry.name));
}
