// The state directory of an operator: made when it is missing, refused in words a user understands when it cannot be.
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { reasonOf, SwarmError } from '../../../controller/base/errors.js';
import { makePrivateDirectory } from '../../../controller/base/write-file-atomically.js';

/** Idempotent. @throws {STATE_UNWRITABLE} it cannot be made, or this user may not write there */
export async function ensureStateDirectory(directory: string): Promise<void> {
  try {
    await makePrivateDirectory(directory);
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new SwarmError(
      'STATE_UNWRITABLE',
      `Cannot use state directory "${directory}": ${reasonOf(error)}`,
      {
        cause: error,
        hint: 'Run as the user it belongs to, or name another one with --state-dir',
      },
    );
  }
}
