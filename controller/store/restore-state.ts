// Puts the files of a backup into a state directory, all at once or not at all; what was there before is kept aside.
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../base/clock.js';
import { SwarmError, systemCodeOf } from '../base/errors.js';
import { makePrivateDirectory } from '../base/write-file-atomically.js';
import type { Backup } from './backup-file.js';
import { finishStaged, replaceStateFiles } from './staged-state.js';
import { stateEntries, type StateFile } from './state-files.js';
import { lockState } from './state-lock.js';
import { migrateFiles, migrations, refuseNewer } from './state-version.js';

export interface RestoreOptions {
  readonly directory: string;
  readonly clock: Clock;
  /** Of the backup, for errors. */
  readonly name: string;
  /** Replaces state that is there already. */
  readonly mayReplace: boolean;
  /** Checks everything and changes nothing. */
  readonly dryRun: boolean;
}

export interface Restored {
  readonly files: readonly StateFile[];
  /** Where the state of before is kept; absent when there was none. */
  readonly kept?: string;
}

/**
 * @throws {STATE_LOCKED} an operator works on the directory
 * @throws {STATE_EXISTS} there is state already
 * @throws {STATE_CORRUPT} the backup is of a newer version
 */
export async function restoreState(backup: Backup, o: RestoreOptions): Promise<Restored> {
  const { directory, clock } = o;
  refuseNewer(o.name, { version: backup.stateVersion, current: migrations.current });
  const files = migrateFiles(backup.files);
  if (!o.dryRun) await makePrivateDirectory(directory);
  const names = await readdir(directory).catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (names === undefined) return { files };
  const holder = `swarmctl restore with pid ${process.pid}`;
  const lock = await lockState({ directory, clock, holder });
  try {
    if (!o.dryRun) await finishStaged(directory);
    // The version alone is no state: every operator that ever looked at the directory has left it.
    const found = stateEntries.filter(({ name }) => name !== 'version' && names.includes(name));
    if (found.length > 0 && !o.mayReplace) {
      throw new SwarmError(
        'STATE_EXISTS',
        `Cannot restore into "${directory}": it has state already (${found.map(({ name }) => name).join(', ')})`,
      );
    }
    const kept = `before-restore-${clock.now()}`;
    if (!o.dryRun) await replaceStateFiles(directory, { files, kept });
    return found.length === 0 ? { files } : { files, kept: path.join(directory, kept) };
  } finally {
    await lock.release();
  }
}
