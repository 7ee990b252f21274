// The token service's optional data file: leases as remaining time, written behind the answers, replaced atomically.
import { readFile, rename } from 'node:fs/promises';
import { dirname as directoryOf } from 'node:path';
import type { Clock } from '../base/clock.js';
import { SwarmError, messageOf, systemCodeOf } from '../base/errors.js';
import { isJsonObject } from '../base/json.js';
import type { Logger } from '../base/log.js';
import { makePrivateDirectory, writeFileAtomically } from '../base/write-file-atomically.js';
import { parseEntry } from './entries.js';
import { fileErrorText } from './file-error-text.js';
import type { LeaseChange, LeaseSnapshot } from './lease-table.js';

// A new or lost member is on disk within a second. Renewals only lengthen what is there, so they may wait and be many.
const delaysMs = { members: 1000, renewed: 10_000 } as const;

export interface LeaseFileOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly snapshot: () => LeaseSnapshot;
}

export class LeaseFile {
  readonly #options: LeaseFileOptions;
  #cancelTimer: (() => void) | undefined;
  #dueMs = Infinity;
  #writing: Promise<void> = Promise.resolve();
  #isFailing = false;
  #isClosed = false;

  constructor(options: LeaseFileOptions) {
    this.#options = options;
  }

  /** Plans a write for a change that has been made. */
  note(change: LeaseChange): void {
    if (change === 'none' || this.#isClosed) return;
    const { clock } = this.#options;
    const dueMs = clock.monotonic() + delaysMs[change];
    if (dueMs >= this.#dueMs) return;
    this.#cancelTimer?.();
    this.#dueMs = dueMs;
    this.#cancelTimer = clock.setTimer(delaysMs[change], () => void this.flush());
  }

  /** Writes now. Never rejects: a failure is logged once, and the next change tries again. */
  flush(): Promise<void> {
    this.#cancelTimer?.();
    this.#dueMs = Infinity;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      await this.flush();
    }
    await this.#writing;
  }

  async #write(): Promise<void> {
    const { path, logger, snapshot } = this.#options;
    try {
      await writeFileAtomically(path, `${JSON.stringify({ version: 1, ...snapshot() })}\n`);
      if (this.#isFailing) logger.info('Data file is written again', { file: path });
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) {
        logger.error(`Cannot write data file "${path}": ${fileErrorText(path, error)}`);
        this.#isFailing = true;
      }
      this.note('renewed');
    }
  }
}

/**
 * Reads a data file, and makes its directory when there is none. One that cannot be understood is moved aside, since heartbeats restore what it held.
 * @returns undefined when there is nothing to restore
 * @throws {DISCOVERY_FAILED} when the file exists and cannot be read
 */
export async function readLeaseFile(options: {
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
}): Promise<LeaseSnapshot | undefined> {
  const { path, logger } = options;
  let text: string;
  try {
    await makePrivateDirectory(directoryOf(path));
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (systemCodeOf(cause) === 'ENOENT') return undefined;
    throw new SwarmError(
      'DISCOVERY_FAILED',
      `Cannot read data file "${path}": ${fileErrorText(path, cause)}`,
      {
        cause,
        hint: 'Check the permissions of the file, or choose another --data-file',
      },
    );
  }
  try {
    return parseSnapshot(JSON.parse(text));
  } catch (error) {
    const aside = `${path}.corrupt-${options.clock.now()}`;
    await rename(path, aside);
    logger.error(`Cannot use data file "${path}": ${messageOf(error)}; it was moved aside`, { file: aside });
    return undefined;
  }
}

function parseSnapshot(value: unknown): LeaseSnapshot {
  if (!isJsonObject(value) || value['version'] !== 1 || !isJsonObject(value['clusters'])) {
    throw new Error('it must be an object with version 1 and clusters');
  }
  const clusters = Object.entries(value['clusters']).map(([key, leases]) => {
    if (!/^[0-9a-f]{64}$/.test(key) || !isJsonObject(leases))
      throw new Error(`cluster "${key}" is malformed`);
    return [key, Object.fromEntries(Object.entries(leases).map(parseLease))] as const;
  });
  return { clusters: Object.fromEntries(clusters) };
}

function parseLease([entry, remainingMs]: readonly [string, unknown]): readonly [string, number] {
  if (typeof remainingMs !== 'number' || !Number.isFinite(remainingMs)) {
    throw new Error(`the lease of "${entry}" must be a number`);
  }
  return [parseEntry(entry), remainingMs];
}
