// Writes a whole directory of the state anew, for those who read their files each time they need them and keep no copy.
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { systemCodeOf } from '../base/errors.js';
import type { StateDoor } from './state-disk.js';

// As many as Node has threads for files.
const filesAtOnce = 4;

/**
 * Every file below `directory`, as it is read: its content was synced before it got its name, unless it can be made again,
 * so only the name, or which of two versions has it, can be in doubt. A directory that is missing is fine. Unfinished writes are left out.
 */
export async function rewriteTree(directory: string, door: StateDoor): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (entries === undefined) return;
  const files = entries.filter((entry) => entry.isFile() && !entry.name.endsWith('.tmp'));
  for (let start = 0; start < files.length; start += filesAtOnce) {
    await Promise.all(
      files.slice(start, start + filesAtOnce).map(async ({ name }) => {
        const file = path.join(directory, name);
        await door.write(file, await readFile(file, 'utf8'), (await stat(file)).mode & 0o777);
      }),
    );
  }
  // The names of directories, and of files that were removed.
  if (entries.length > files.length || files.length === 0) await door.touch(directory);
  for (const entry of entries) {
    if (entry.isDirectory()) await rewriteTree(path.join(directory, entry.name), door);
  }
}
