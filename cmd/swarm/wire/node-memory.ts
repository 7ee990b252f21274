// The file in which a manager keeps what `docker node update` set, so that a drained node stays drained over a restart.
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, SwarmError, systemCodeOf } from '../../../controller/base/errors.js';
import { writeFileAtomically } from '../../../controller/base/write-file-atomically.js';
import type { NodeMemory } from '../../../controller/manager/node-table.js';

/** @param file missing: nothing was set so far. @throws {STATE_CORRUPT} when it is there and cannot be read */
export async function readNodeMemory(file: string): Promise<NodeMemory> {
  let text: string | undefined;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') {
      throw new SwarmError('STATE_CORRUPT', `Cannot read "${file}": ${messageOf(error)}`, { cause: error });
    }
  }
  return {
    text,
    write: async (changed) => {
      await mkdir(path.dirname(file), { recursive: true });
      await writeFileAtomically(file, changed);
    },
  };
}
