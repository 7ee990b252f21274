// The file in which a manager keeps what `docker node update` set, so that a drained node stays drained over a restart.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, SwarmError, systemCodeOf } from '../../../controller/base/errors.js';
import { writeFileAtomically } from '../../../controller/base/write-file-atomically.js';
import type { NodeMemory } from '../../../controller/manager/node-table.js';

/**
 * Reads what was set before; nothing when the file is missing.
 * @param stateDirectory of this manager, locked by it
 * @throws {STATE_CORRUPT} when the file is there and cannot be read
 */
export async function readNodeMemory(stateDirectory: string): Promise<NodeMemory> {
  const file = path.join(stateDirectory, 'availability.json');
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
    write: (changed) => writeFileAtomically(file, changed),
  };
}
