// Brings the store to what the directory says: creates and updates first, deletions last and only when allowed.
import { annotations as known } from '../api/labels.js';
import { formatKey, type ObjectKey } from '../api/object-key.js';
import { kinds, type Resource } from '../api/resources.js';
import { isSwarmError } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import {
  fileOfPosition,
  firstProblems,
  formatPosition,
  formatProblem,
  keyOf,
  type ManifestObject,
  type ManifestProblem,
} from './manifest-problem.js';
import type { PrunePlan } from './plan-prune.js';
import type { SourceStore } from './source-store.js';

export interface SyncPorts {
  readonly store: SourceStore;
  readonly logger: Logger;
}

export interface Applied {
  /** Whether everything was written; what was not is tried again with the next look. */
  readonly isDone: boolean;
  /** Manifests of objects that the API owns: they are not used. */
  readonly conflicts: readonly (ManifestProblem & { readonly key: ObjectKey })[];
}

// The store syncs with the four threads of Node, and what is written at once shares the syncs of its directory.
const writesAtOnce = 32;
const raceCodes = ['OBJECT_CONFLICT', 'OBJECT_EXISTS', 'OBJECT_NOT_FOUND'] as const;

/** @param ports.takeOver manifests become the owners of objects that were made with the API */
export async function applyManifests(
  ports: SyncPorts & { readonly takeOver?: boolean | undefined },
  objects: readonly ManifestObject[],
): Promise<Applied> {
  let isDone = true;
  const conflicts: (ManifestProblem & { key: ObjectKey })[] = [];
  for (let start = 0; start < objects.length; start += writesAtOnce) {
    const some = objects.slice(start, start + writesAtOnce);
    const outcomes = await Promise.allSettled(some.map((object) => applyManifest(ports, object)));
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') {
        if (outcome.value !== undefined) conflicts.push(outcome.value);
        continue;
      }
      isDone = false;
      const error: unknown = outcome.reason;
      // Somebody else wrote the same object at this moment: the next look sees the outcome.
      if (!isRace(error)) throw error;
    }
  }
  return { isDone, conflicts };
}

function isRace(error: unknown): boolean {
  return raceCodes.some((code) => isSwarmError(error, code));
}

/** Objects that came from the directory and are not on their way out. */
export function directoryObjects(store: SourceStore): readonly Resource[] {
  return kinds
    .flatMap((kind) => store.list(kind))
    .filter(
      (resource) =>
        resource.metadata.deletionTimestamp === undefined &&
        store.originOf({ kind: resource.kind, name: resource.metadata.name })?.type === 'directory',
    );
}

export async function applyPrune({ store, logger }: SyncPorts, plan: PrunePlan): Promise<void> {
  for (const { key, why } of plan.held) await hold({ store, logger }, key, why);
  for (const key of plan.prune) {
    const origin = store.originOf(key);
    if (origin?.type !== 'directory') continue;
    try {
      await store.delete(key, { origin });
    } catch (error) {
      if (isSwarmError(error, 'OBJECT_NOT_FOUND')) continue;
      throw error;
    }
    logger.info('Deleting: its manifest was removed', { object: formatKey(key), manifest: origin.position });
    const message = `Deleted because its manifest ${origin.position} was removed`;
    store.recordEvent({ key, type: 'Normal', reason: 'Pruned', message });
  }
}

/** @returns why the manifest is not used, when somebody else owns the object */
async function applyManifest(
  { store, logger, takeOver }: Parameters<typeof applyManifests>[0],
  object: ManifestObject,
): Promise<Applied['conflicts'][number] | undefined> {
  const key = keyOf(object);
  const position = formatPosition(object.position);
  const { problem } = object;
  const origin = { type: 'directory', position, ...(problem === undefined ? {} : { problem }) } as const;
  const current = store.get(key);
  if (current === undefined) {
    await store.create(object.resource, { origin });
    logger.info('Created from manifest', { object: formatKey(key), manifest: position });
    return undefined;
  }
  // It comes back once it is gone: its removal rings the bell.
  if (current.metadata.deletionTimestamp !== undefined) return undefined;
  const wasOwnedByApi = store.originOf(key)?.type === 'api';
  const mayTakeOver = takeOver === true || object.resource.metadata.annotations?.[known.takeOver] === 'true';
  if (wasOwnedByApi && !mayTakeOver) return { ...object.position, message: describeOwner(key), key };
  const updated = await store.update(object.resource, { origin, takeOver: mayTakeOver });
  if (wasOwnedByApi) {
    const message = `Now described by ${position}; what the API had set was replaced by it`;
    store.recordEvent({ key, type: 'Normal', reason: 'Adopted', message });
    logger.info('Adopted by manifest', { object: formatKey(key), manifest: position });
  } else if (updated.metadata.generation !== current.metadata.generation) {
    logger.info('Updated from manifest', { object: formatKey(key), manifest: position });
  }
  return undefined;
}

function describeOwner({ kind, name }: ObjectKey): string {
  return (
    `Cannot use ${kind.toLowerCase()} "${name}": it was made with the API, which owns it; to let this file own it, ` +
    `set ${known.takeOver}: "true" here`
  );
}

/** Marks the object as kept without a manifest: the API may delete it, and its events say how. */
async function hold({ store, logger }: SyncPorts, key: ObjectKey, why: string): Promise<void> {
  const origin = store.originOf(key);
  // The first reason is the one to tell: afterwards it is only that it was held before.
  if (origin?.type !== 'directory' || origin.held !== undefined) return;
  try {
    await store.setOrigin(key, { ...origin, missing: true, held: why });
  } catch (error) {
    if (isSwarmError(error, 'OBJECT_NOT_FOUND')) return;
    throw error;
  }
  const message =
    `Kept although its manifest ${origin.position} is gone: ${why}. To delete it: ` +
    `swarmctl approve ${key.kind.toLowerCase()}/${key.name}`;
  store.recordEvent({ key, type: 'Warning', reason: 'PruneHeld', message });
  logger.warn('Not deleting although its manifest is gone', { object: formatKey(key), why });
}

/**
 * Keeps with each object why its manifest is not used. Objects that the look applied have it already; what is left are
 * those whose file was faulty since before this process, and those that the API owns.
 */
export async function markProblems(
  { store }: SyncPorts,
  o: {
    readonly problems: readonly ManifestProblem[];
    readonly conflicts: Applied['conflicts'];
    /** Keys of the objects that the directory holds. */
    readonly desired: ReadonlySet<string>;
  },
): Promise<void> {
  const byFile = firstProblems(o.problems);
  const byKey = new Map(o.conflicts.map((conflict) => [formatKey(conflict.key), formatProblem(conflict)]));
  for (const resource of kinds.flatMap((kind) => store.list(kind))) {
    const key = keyOf({ resource });
    const id = formatKey(key);
    const origin = store.originOf(key);
    if (origin === undefined || resource.metadata.deletionTimestamp !== undefined) continue;
    if (origin.type === 'directory' && o.desired.has(id)) continue;
    const problem = origin.type === 'api' ? byKey.get(id) : byFile.get(fileOfPosition(origin.position));
    if (problem === origin.problem) continue;
    const { problem: before, ...rest } = origin;
    try {
      await store.setOrigin(key, problem === undefined ? rest : { ...rest, problem });
    } catch (error) {
      if (isSwarmError(error, 'OBJECT_NOT_FOUND')) continue;
      throw error;
    }
    if (origin.type === 'api' && problem !== undefined && before === undefined)
      store.recordEvent({ key, type: 'Warning', reason: 'ManifestRefused', message: problem });
  }
}

/** Reports new problems on the objects whose file they are in: these go on in their last good version. */
export function reportOnObjects(
  store: SourceStore,
  problems: readonly { readonly file: string; readonly text: string }[],
): void {
  for (const resource of directoryObjects(store)) {
    const key = { kind: resource.kind, name: resource.metadata.name };
    const origin = store.originOf(key);
    const problem = problems.find(
      ({ file }) => origin?.type === 'directory' && origin.position.startsWith(`${file}:`),
    );
    if (problem === undefined) continue;
    const message = `${problem.text}. The last good version stays in effect`;
    store.recordEvent({ key, type: 'Warning', reason: 'InvalidManifest', message });
  }
}
