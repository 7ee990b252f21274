// What all machine stores of this host share: which set owns which subnet and bridge, and what was changed on the host
// for them and must be undone after the last one. Kept below /run, which like namespaces and bridges ends with the boot.
import { readFile, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, SwarmError, systemCodeOf } from '../base/errors.js';
import { isJsonObject } from '../base/json.js';
import {
  makePrivateDirectory,
  removeUnfinishedWrites,
  writeFileAtomically,
} from '../base/write-file-atomically.js';
import { withFileLock } from './file-lock.js';
import type { PacketRule } from './packet-rules.js';
import type { ProcessIdentity } from './processes.js';

export interface HostSet {
  /** Root of the machine store it belongs to. */
  readonly store: string;
  readonly subnet: string;
  readonly bridge: string;
  /** The process that made the set; tests use it to find sets of runs that were killed. */
  readonly creator: ProcessIdentity;
  /** Rules that were, or were about to be, added for it. */
  readonly rules: readonly PacketRule[];
}

export interface HostRecord {
  readonly version: 1;
  readonly sets: Readonly<Record<string, HostSet>>;
  /** Value of net.ipv4.ip_forward before we set it; absent when we did not. */
  readonly forwardingBefore?: string;
  /** Directories made only to mount something on them, deepest first. */
  readonly madeDirectories: readonly string[];
}

const emptyRecord: HostRecord = { version: 1, sets: {}, madeDirectories: [] };

/** Default place of the record and its lock. */
export const defaultHostDirectory = '/run/swarmctl';

/** Rules and addresses are set under the lock, which takes well under a second; a loaded host may need more. */
const lockTimeoutMs = 60_000;

export interface HostRecordAccess {
  readonly record: HostRecord;
  /** Writes the record; an empty one removes the file. */
  readonly save: (record: HostRecord) => Promise<void>;
}

/** Runs `work` with the record while no other process of this host can change it. */
export async function withHostRecord<T>(
  directory: string,
  signal: AbortSignal | undefined,
  work: (access: HostRecordAccess) => Promise<T>,
): Promise<T> {
  const lock = path.join(directory, 'lock');
  return withFileLock(lock, { timeoutMs: lockTimeoutMs, signal }, async () => {
    let current = await readHostRecord(directory);
    try {
      return await work({
        record: current,
        save: async (record) => {
          current = record;
          await saveRecord(directory, record);
        },
      });
    } finally {
      // The last one out leaves nothing; whoever waits for this lock sees that the file went and makes a new one.
      if (isEmpty(current)) {
        await rm(lock, { force: true });
        await removeIfEmpty(directory);
      }
    }
  });
}

/** @throws {STATE_CORRUPT} */
export async function readHostRecord(directory: string): Promise<HostRecord> {
  const file = recordFile(directory);
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    // Written by saveRecord only; the version tells.
    if (isJsonObject(value) && value['version'] === 1) return value as unknown as HostRecord;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return emptyRecord;
    throw new SwarmError('STATE_CORRUPT', `Cannot read "${file}": ${messageOf(error)}`, { cause: error });
  }
  throw new SwarmError('STATE_CORRUPT', `Cannot read "${file}": it is not a host record of version 1`);
}

function isEmpty(record: HostRecord): boolean {
  return (
    Object.keys(record.sets).length === 0 &&
    record.forwardingBefore === undefined &&
    record.madeDirectories.length === 0
  );
}

/** Called under the lock only, so what looks like a write under way is one that was killed. */
async function saveRecord(directory: string, record: HostRecord): Promise<void> {
  await removeUnfinishedWrites(directory);
  if (isEmpty(record)) {
    await rm(recordFile(directory), { force: true });
    return;
  }
  await makePrivateDirectory(directory);
  await writeFileAtomically(recordFile(directory), `${JSON.stringify(record, null, 2)}\n`);
}

export async function removeIfEmpty(directory: string): Promise<void> {
  try {
    await rmdir(directory);
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST', 'EBUSY'].includes(systemCodeOf(error) ?? '')) throw error;
  }
}

function recordFile(directory: string): string {
  return path.join(directory, 'host.json');
}
