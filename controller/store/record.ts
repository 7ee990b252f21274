// What the store keeps of one object on disk, and its file form: JSON with a checksum, so that damage is noticed.
import { createHash } from 'node:crypto';
import { kinds, type NodeSpec, type Resource } from '../api/resources.js';
import { canonicalJson, isJsonObject, objectAt, omitKeys, stringAt } from '../base/json.js';

export type Origin =
  | {
      readonly type: 'api';
      /** Why a manifest that describes the object, too, is not used. */
      readonly problem?: string;
    }
  /** `position` is `file:line:column` of the manifest. */
  | {
      readonly type: 'directory';
      readonly position: string;
      /** The manifest is gone but the object was kept; then the API may delete it. */
      readonly missing?: true;
      /** With `missing`: why it is kept. */
      readonly held?: string;
      /** Why the file cannot be used as it is now: the object is what its last good version said. */
      readonly problem?: string;
    };

/** Labels and annotations that the API put on an object whose manifest is a file; they survive the next read of it. */
export interface Overlay {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface StoredRecord {
  /** Without status: that is derived, and mirrored elsewhere. */
  readonly resource: Resource;
  readonly origin: Origin;
  readonly overlay: Overlay;
  /**
   * Of a Node: what its spec was when it was on engines that it has left, oldest first, until somebody has taken over
   * clearing them. Written with the very change that moves it, so that no kill can lose a place.
   */
  readonly left?: readonly NodeSpec[];
}

export const noOverlay: Overlay = { labels: {}, annotations: {} };

const format = 1;

export function encodeRecord(record: StoredRecord): string {
  const body = { ...record, resource: omitKeys(record.resource, 'status') };
  return `${JSON.stringify({ format, sha256: checksum(body), record: body }, null, 1)}\n`;
}

export type Decoded =
  | { readonly type: 'ok'; readonly record: StoredRecord }
  | { readonly type: 'corrupt'; readonly why: string }
  /** Written by a newer version of this program: not damaged, only not for us. */
  | { readonly type: 'newer'; readonly format: number };

export function decodeRecord(text: string): Decoded {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return { type: 'corrupt', why: text.length === 0 ? 'the file is empty' : 'it is not JSON' };
  }
  if (!isJsonObject(parsed)) return { type: 'corrupt', why: 'it is not a record' };
  const found = parsed['format'];
  if (typeof found === 'number' && Number.isInteger(found) && found > format) {
    return { type: 'newer', format: found };
  }
  const body = parsed['record'];
  if (found !== format || body === undefined || parsed['sha256'] !== checksum(body)) {
    return { type: 'corrupt', why: 'its checksum does not match' };
  }
  return isRecord(body) ? { type: 'ok', record: body } : { type: 'corrupt', why: 'it is not a record' };
}

function checksum(body: unknown): string {
  return createHash('sha256').update(canonicalJson(body)).digest('hex');
}

/** The checksum says that we wrote it; this says that it was a record that we wrote. */
function isRecord(body: unknown): body is StoredRecord {
  const resource = objectAt(body, 'resource');
  const metadata = objectAt(resource, 'metadata');
  const origin = objectAt(body, 'origin');
  const overlay = objectAt(body, 'overlay');
  return (
    kinds.some((kind) => kind === resource['kind']) &&
    isJsonObject(resource['spec']) &&
    stringAt(metadata, 'name') !== undefined &&
    stringAt(metadata, 'uid') !== undefined &&
    (origin['type'] === 'api' || stringAt(origin, 'position') !== undefined) &&
    isJsonObject(overlay['labels']) &&
    isJsonObject(overlay['annotations'])
  );
}
