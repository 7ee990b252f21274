// Where the store keeps its state: nowhere, or in a locked state directory of durable objects and derived mirrors.
import { hostname } from 'node:os';
import path from 'node:path';
import { formatTime } from '../api/conditions.js';
import type { ObjectKey } from '../api/object-key.js';
import type { Resource } from '../api/resources.js';
import type { Clock } from '../base/clock.js';
import { reasonOf, SwarmError } from '../base/errors.js';
import { isJsonObject } from '../base/json.js';
import type { Logger } from '../base/log.js';
import { makePrivateDirectory } from '../base/write-file-atomically.js';
import type { Validator } from '../schema/validate.js';
import type { NewEvent } from './event-log.js';
import { Mirror } from './mirror.js';
import { fileName, ObjectFiles, type Quarantined } from './object-files.js';
import type { StoredRecord } from './record.js';
import { finishStaged } from './staged-state.js';
import type { StateDisk, StateDoor } from './state-disk.js';
import { lockState } from './state-lock.js';
import { sweepUnfinished } from './sweep-unfinished.js';
import { migrateState } from './state-version.js';

export interface Backend {
  readonly startVersion: number;
  /** Durable when it resolves. */
  put(record: StoredRecord): Promise<void>;
  remove(key: ObjectKey): Promise<void>;
  /** Makes sure that `version` stays below whatever is handed out after a restart. */
  reserve(version: number): Promise<void>;
  /** Makes sure that the disk holds these objects and no others. Nothing else may be written meanwhile. */
  rewrite(
    records: readonly StoredRecord[],
    o: { readonly version: number; readonly door: StateDoor },
  ): Promise<void>;
  mirrorStatus(key: ObjectKey, current: () => Resource | undefined): void;
  mirrorEvents(list: () => unknown): void;
  close(): Promise<void>;
}

export interface DurableOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What others that want the directory are told. Default: `pid 4211 on host1, since 2026-01-02T03:04:05Z`. */
  readonly holder?: string;
  /** Fills in defaults that a newer schema has added to objects stored before. */
  readonly validator?: Validator;
  readonly disk: StateDisk;
}

export interface LoadedState {
  readonly records: readonly StoredRecord[];
  readonly events: unknown;
  readonly notices: readonly NewEvent[];
}

// Versions reserved per write of the high-water mark: one more small write per thousand changes.
const reserveStep = 1000;

export function memoryBackend(): Backend {
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    startVersion: 1,
    put: nothing,
    remove: nothing,
    reserve: nothing,
    rewrite: nothing,
    mirrorStatus: () => undefined,
    mirrorEvents: () => undefined,
    close: nothing,
  };
}

/** @throws {STATE_LOCKED} {STATE_CORRUPT} {STATE_UNWRITABLE} */
export async function openDurableBackend(
  o: DurableOptions,
): Promise<{ readonly backend: Backend; readonly loaded: LoadedState }> {
  await makePrivateDirectory(o.directory);
  const holder = o.holder ?? `pid ${process.pid} on ${hostname()}, since ${formatTime(o.clock.now())}`;
  const lock = await lockState({ directory: o.directory, clock: o.clock, holder });
  try {
    await prepareState(o);
    const files = new ObjectFiles(o.directory, o.disk);
    const mirror = (name: string): Mirror =>
      new Mirror({ directory: path.join(o.directory, name), clock: o.clock, logger: o.logger });
    const [statusMirror, eventMirror] = [mirror('status'), mirror('events')];
    const objects = await files.load(o.clock.now());
    const statuses = await statusMirror.load();
    const events = (await eventMirror.load()).get('events.json');
    for (const entry of objects.quarantined) {
      o.logger.error('State file is damaged and was set aside', { file: entry.file, why: entry.why });
    }

    // One above everything handed out before, so that an old watch can not mistake the new state for its own.
    const startVersion = objects.highestVersion + 1;
    let reserved = startVersion + reserveStep;
    await files.reserveVersions(reserved);
    await o.disk.inheritDoubt();
    let reserving: Promise<void> = Promise.resolve();

    const backend: Backend = {
      startVersion,
      put: (record) => files.put(record),
      remove: (key) => files.remove(key),
      reserve: (version) => {
        if (version <= reserved) return Promise.resolve();
        // One after another: a lower mark must not be written over a higher one.
        const next = reserving.then(async () => {
          if (version <= reserved) return;
          await files.reserveVersions(version + reserveStep);
          reserved = version + reserveStep;
        });
        reserving = next.catch(() => undefined);
        return next;
      },
      rewrite: (all, { version, door }) => {
        reserved = Math.max(reserved, version + reserveStep);
        return files.rewrite(all, { version: reserved, door });
      },
      mirrorStatus: (key, current) =>
        statusMirror.set(fileName(key), () => {
          const resource = current();
          return resource?.status === undefined
            ? undefined
            : {
                uid: resource.metadata.uid,
                resourceVersion: resource.metadata.resourceVersion,
                status: resource.status,
              };
        }),
      mirrorEvents: (list) => eventMirror.set('events.json', list),
      close: async () => {
        await statusMirror.close();
        await eventMirror.close();
        await lock.release();
      },
    };
    const records = objects.records.map((record) => withStatus(withDefaults(record, o.validator), statuses));
    return { backend, loaded: { records, events, notices: objects.quarantined.flatMap(noticeOf) } };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Carries through what an earlier process began, and brings the files to the version that this program writes. */
async function prepareState({ directory, clock, logger }: DurableOptions): Promise<void> {
  const attempt = `Cannot prepare state directory "${directory}"`;
  try {
    if (await finishStaged(directory))
      logger.info('A replacement of the state was carried through', { directory });
    await sweepUnfinished(directory);
    // Nothing else changes a locked directory, so there is nothing to wait for that could be given up.
    const kept = await migrateState(directory, { clock, signal: new AbortController().signal });
    if (kept !== undefined)
      logger.info('The state was brought to a newer version', { directory, before: kept });
  } catch (error) {
    if (error instanceof SwarmError) throw error;
    throw new SwarmError('STATE_UNWRITABLE', `${attempt}: ${reasonOf(error)}`, { cause: error });
  }
}

function noticeOf({ key, file, why }: Quarantined): NewEvent[] {
  if (key === undefined) return [];
  const message = `The stored object was damaged (${why}) and was set aside as ${file}; apply its manifest again`;
  return [{ key, type: 'Warning', reason: 'StateDamaged', message }];
}

function withDefaults(record: StoredRecord, validator: Validator | undefined): StoredRecord {
  const result = validator?.validate(record.resource);
  if (result === undefined || !('resource' in result)) return record;
  // only the spec is taken over, of an object of the same kind
  return { ...record, resource: { ...record.resource, spec: result.resource.spec } as Resource };
}

/** The mirrored status, unless it is of an object of that name that is gone. */
function withStatus(record: StoredRecord, statuses: ReadonlyMap<string, unknown>): StoredRecord {
  const { resource } = record;
  const saved = statuses.get(fileName({ kind: resource.kind, name: resource.metadata.name }));
  if (!isJsonObject(saved) || saved['uid'] !== resource.metadata.uid || !isJsonObject(saved['status']))
    return record;
  const version = Math.max(Number(resource.metadata.resourceVersion), Number(saved['resourceVersion']) || 0);
  const metadata = { ...resource.metadata, resourceVersion: String(version) };
  return { ...record, resource: { ...resource, metadata, status: saved['status'] } }; // written by updateStatus
}
