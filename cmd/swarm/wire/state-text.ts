// Small files of a manager's state directory: what must survive a restart, each one text that is replaced as a whole.
import path from 'node:path';
import { readTextIfThere } from '../../../controller/base/read-text.js';
import { writeFileAtomically } from '../../../controller/base/write-file-atomically.js';
import type { TextMemory } from '../../../controller/manager/text-memory.js';

/** Files by what is in them. */
export const stateFiles = {
  /** What `docker node update` set. */
  availability: 'availability.json',
  /** Containers that were removed while their engine was down. */
  removals: 'removals.json',
  /** Creates whose engine never said what became of them. */
  doubtfulCreates: 'doubtful-creates.json',
  /** What names of images mean, and which IDs are one image. */
  images: 'images.json',
} as const;

/**
 * Reads what was kept before; nothing when the file is missing.
 * @param stateDirectory of this manager, locked by it; undefined: nothing outlives the process
 * @throws {STATE_CORRUPT} when the file is there and cannot be read
 */
export async function readStateText(
  stateDirectory: string | undefined,
  name: keyof typeof stateFiles,
): Promise<TextMemory | undefined> {
  if (stateDirectory === undefined) return undefined;
  const file = path.join(stateDirectory, stateFiles[name]);
  const text = await readTextIfThere(file, { code: 'STATE_CORRUPT' });
  return {
    text,
    write: (changed) => writeFileAtomically(file, changed),
  };
}
