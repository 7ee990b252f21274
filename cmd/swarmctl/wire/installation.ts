// The identity of a state directory: a UUID in a file, made once. Containers carry it, so that two operators never touch
// each other's containers.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, SwarmError, systemCodeOf } from '../../../controller/base/errors.js';
import { writeFileAtomically } from '../../../controller/base/write-file-atomically.js';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Call it with the state directory locked.
 * @throws {STATE_CORRUPT} a new identity would make our own containers look foreign
 */
export async function ensureInstallation(stateDirectory: string, randomUuid: () => string): Promise<string> {
  const file = path.join(stateDirectory, 'installation');
  let text: string;
  try {
    text = (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') {
      throw new SwarmError('STATE_CORRUPT', `Cannot read "${file}": ${messageOf(error)}`, { cause: error });
    }
    const made = randomUuid();
    await writeFileAtomically(file, `${made}\n`);
    return made;
  }
  if (uuid.test(text)) return text;
  throw new SwarmError('STATE_CORRUPT', `Cannot use "${file}": it must hold a UUID`, {
    hint: 'Restore the file; its UUID is the label io.swarmctl.installation of every container swarmctl made',
  });
}
