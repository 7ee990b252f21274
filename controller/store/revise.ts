// Pure decisions of the store: what an object becomes when it is created, changed or asked to go.
import { isDeepStrictEqual } from 'node:util';
import { formatTime } from '../api/conditions.js';
import { agentsFinalizer, annotations as annotationNames } from '../api/labels.js';
import type { Node, NodeSpec, ObjectMeta, Resource } from '../api/resources.js';
import { SwarmError } from '../base/errors.js';
import { omitKeys } from '../base/json.js';
import { noOverlay, type Origin, type Overlay, type StoredRecord } from './record.js';

type TextMap = Readonly<Record<string, string>>;

export function createRecord(
  object: Resource,
  o: { readonly origin: Origin; readonly uid: string; readonly nowMs: number },
): StoredRecord {
  const metadata: ObjectMeta = {
    name: object.metadata.name,
    uid: o.uid,
    generation: 1,
    creationTimestamp: formatTime(o.nowMs),
    finalizers: [agentsFinalizer],
    ...userMaps(object.metadata.labels, withSource(object.metadata.annotations, o.origin)),
  };
  const resource = { ...rebuild(object, metadata) };
  Reflect.deleteProperty(resource, 'status');
  return { resource, origin: o.origin, overlay: noOverlay };
}

/**
 * The record after a change, or the very same one when nothing changed.
 * @param o.takeOver a change by who does not own the object makes it the owner; otherwise it is refused
 * @throws {OBJECT_READ_ONLY} the API changes what a manifest file says, or a file an object of the API
 * @throws {OBJECT_CONFLICT} a manifest file changes an object that is being deleted
 */
export function updateRecord(
  current: StoredRecord,
  object: Resource,
  o: { readonly origin: Origin; readonly takeOver?: boolean | undefined },
): StoredRecord {
  const { resource } = current;
  const origin = o.origin.type === 'api' && current.origin.type === 'api' ? current.origin : o.origin;
  if (origin.type === 'directory' && resource.metadata.deletionTimestamp !== undefined) {
    throw new SwarmError('OBJECT_CONFLICT', `Cannot change ${quoted(resource)}: it is being deleted`);
  }
  if (origin.type === 'directory' && current.origin.type === 'api' && o.takeOver !== true) {
    throw new SwarmError(
      'OBJECT_READ_ONLY',
      `Cannot change ${quoted(resource)} as ${origin.position} says: it was made with the API, which owns it`,
    );
  }
  const next =
    origin.type === 'api' && current.origin.type === 'directory' && o.takeOver !== true
      ? overlayRecord(current, object, current.origin)
      : fullRecord(current, object, origin);
  return isDeepStrictEqual(next, current) ? current : next;
}

/** The record with a deletion time, or undefined when nothing holds it and it can go at once. */
export function markDeleted(current: StoredRecord, nowMs: number): StoredRecord | undefined {
  const { metadata } = current.resource;
  if ((metadata.finalizers ?? []).length === 0) return undefined;
  if (metadata.deletionTimestamp !== undefined) return current;
  return withMetadata(current, { ...metadata, deletionTimestamp: formatTime(nowMs) });
}

/** The record without a finalizer; the same one when it did not have it. */
export function dropFinalizer(current: StoredRecord, finalizer: string): StoredRecord {
  const { metadata } = current.resource;
  if (metadata.finalizers?.includes(finalizer) !== true) return current;
  return withMetadata(current, {
    ...metadata,
    finalizers: metadata.finalizers.filter((entry) => entry !== finalizer),
  });
}

export function withMetadata(record: StoredRecord, metadata: ObjectMeta): StoredRecord {
  return { ...record, resource: rebuild(record.resource, metadata) };
}

export function withOrigin(record: StoredRecord, origin: Origin): StoredRecord {
  const { labels, annotations, ...rest } = record.resource.metadata;
  const metadata = { ...rest, ...userMaps(labels, withSource(annotations, origin)) };
  // Once the API owns the object there is nothing left to lay its entries over.
  return {
    ...withMetadata(record, metadata),
    origin,
    overlay: origin.type === 'api' ? noOverlay : record.overlay,
  };
}

export function quoted(object: Resource): string {
  return `${object.kind.toLowerCase()} "${object.metadata.name}"`;
}

function fullRecord(current: StoredRecord, object: Resource, origin: Origin): StoredRecord {
  // A file that takes over an object of the API says everything about it; entries of the API go.
  const overlay =
    origin.type === 'directory' && current.origin.type === 'directory'
      ? keptOverlay(current.overlay, current.origin)
      : noOverlay;
  const labels = { ...overlay.labels, ...object.metadata.labels };
  const annotations = { ...overlay.annotations, ...withSource(object.metadata.annotations, origin) };
  const own = current.resource.metadata;
  const changed = !isDeepStrictEqual(current.resource.spec, object.spec);
  const kept = omitKeys(own, 'labels', 'annotations');
  const metadata = {
    ...kept,
    generation: (own.generation ?? 0) + (changed ? 1 : 0),
    ...userMaps(labels, annotations),
  };
  const left = leftBy(current, object);
  return {
    resource: rebuild({ ...current.resource, spec: object.spec } as Resource, metadata), // same kind: the key says so
    origin,
    overlay,
    ...(left.length === 0 ? {} : { left }),
  };
}

/**
 * What a Node has left behind, and what it leaves with this change: an engine, or what its manager kept on the one that it
 * stays on.
 */
function leftBy(current: StoredRecord, next: Resource): readonly NodeSpec[] {
  const { left = [], resource } = current;
  if (resource.kind !== 'Node' || next.kind !== 'Node') return left;
  const isStaying = placeOf(resource) === placeOf(next) && keepsManager(resource.spec, next.spec);
  return isStaying ? left : [...left, resource.spec];
}

/** Whether a manager that the first spec asks for is asked for by the second one, too. */
function keepsManager(before: NodeSpec, now: NodeSpec): boolean {
  return (
    !before.roles.includes('manager') || (now.roles.includes('manager') && now.cluster === before.cluster)
  );
}

/** Which engine a Node is on, as far as its manifest says it. */
export function placeOf({ metadata, spec }: Pick<Node, 'metadata' | 'spec'>): string {
  if (spec.engine !== undefined) return spec.engine.address;
  return `machine/${spec.machine?.name ?? metadata.name}`;
}

/** The record without places that somebody has taken over. */
export function withoutLeft(current: StoredRecord, taken: readonly NodeSpec[]): StoredRecord {
  const left = (current.left ?? []).filter((spec) => !taken.some((other) => isDeepStrictEqual(other, spec)));
  const rest = omitKeys(current, 'left');
  return left.length === 0 ? rest : { ...rest, left };
}

/** Once a manifest is back, an approval to delete its object has had its day. */
function keptOverlay(overlay: Overlay, before: Origin & { readonly type: 'directory' }): Overlay {
  return before.missing === true
    ? { ...overlay, annotations: omitKeys(overlay.annotations, annotationNames.deletionApproved) }
    : overlay;
}

/** A change by the API of an object that a file describes: only labels and annotations the file does not set. */
function overlayRecord(
  current: StoredRecord,
  object: Resource,
  origin: Origin & { readonly type: 'directory' },
): StoredRecord {
  const { resource, overlay } = current;
  const refuse = (what: string): never => {
    throw new SwarmError(
      'OBJECT_READ_ONLY',
      `Cannot change ${what} of ${quoted(resource)}: it comes from ${origin.position}`,
    );
  };
  if (!isDeepStrictEqual(resource.spec, object.spec)) refuse('the spec');
  const labels = overlayOf(resource.metadata.labels, overlay.labels, object.metadata.labels, () =>
    refuse('labels'),
  );
  const annotations = overlayOf(
    resource.metadata.annotations,
    overlay.annotations,
    // ours: whatever a client sends for them is not looked at
    withSource(object.metadata.annotations, origin),
    () => refuse('annotations'),
  );
  const nextOverlay: Overlay = { labels: labels.overlay, annotations: annotations.overlay };
  const kept = omitKeys(resource.metadata, 'labels', 'annotations');
  const metadata = { ...kept, ...userMaps(labels.all, annotations.all) };
  return { ...withMetadata(current, metadata), overlay: nextOverlay };
}

function overlayOf(
  currentAll: TextMap = {},
  currentOverlay: TextMap,
  wanted: TextMap = {},
  refuse: () => never,
): { readonly all: TextMap; readonly overlay: TextMap } {
  const fromFile = Object.entries(currentAll).filter(([key]) => !Object.hasOwn(currentOverlay, key));
  for (const [key, value] of fromFile) {
    if (wanted[key] !== value) refuse();
  }
  const fileKeys = new Set(fromFile.map(([key]) => key));
  const overlay = Object.fromEntries(Object.entries(wanted).filter(([key]) => !fileKeys.has(key)));
  return { all: wanted, overlay };
}

function withSource(annotations: TextMap = {}, origin: Origin): TextMap {
  const { source, deletionHeld, manifestProblem } = annotationNames;
  const problem = origin.problem === undefined ? {} : { [manifestProblem]: origin.problem };
  const rest = { ...omitKeys(annotations, source, deletionHeld, manifestProblem), ...problem };
  if (origin.type !== 'directory') return rest;
  const held = origin.held === undefined ? {} : { [annotationNames.deletionHeld]: origin.held };
  return { ...rest, [annotationNames.source]: origin.position, ...held };
}

/** Empty maps are left out, so that an object without labels is equal to one that never had any. */
function userMaps(
  labels: TextMap = {},
  annotations: TextMap = {},
): Pick<ObjectMeta, 'labels' | 'annotations'> {
  return {
    ...(Object.keys(labels).length > 0 ? { labels } : {}),
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
  };
}

function rebuild(object: Resource, metadata: ObjectMeta): Resource {
  const { apiVersion, kind, spec, status } = object;
  // kind, spec and status are those of one object, so they belong together
  return { apiVersion, kind, metadata, spec, ...(status === undefined ? {} : { status }) } as Resource;
}
