// Becoming the owner of an object that a manifest file describes: only who says so explicitly does.
import { annotations as known } from '../api/labels.js';
import type { Resource } from '../api/resources.js';
import { SwarmError } from '../base/errors.js';
import { omitKeys } from '../base/json.js';
import type { ObjectStore } from './object-store.js';
import type { ApiRequest } from './request.js';
import { toStatusError } from './status.js';

/**
 * Whether a change asks to own the object from then on: by the parameter `takeOver=true`, or by the annotation.
 * @throws {StatusError} Forbidden: its manifest claims it in the same way
 */
export function takesOver(
  { request, store }: { readonly request: ApiRequest; readonly store: Pick<ObjectStore, 'originOf'> },
  o: { readonly live: Resource | undefined; readonly sent: Pick<Resource, 'metadata'> },
): boolean {
  const { live } = o;
  if (live === undefined) return false;
  const isParameter = request.query.get('takeOver') === 'true';
  const isClaimed = live.metadata.annotations?.[known.takeOver] === 'true';
  // What a client read and sends back is the word of the file, not its own.
  const asks = isParameter || (!isClaimed && o.sent.metadata.annotations?.[known.takeOver] === 'true');
  const owner = store.originOf({ kind: live.kind, name: live.metadata.name });
  if (!asks || owner?.type !== 'directory') return false;
  if (!isClaimed || owner.missing === true) return true;
  const { kind, metadata } = live;
  throw toStatusError(
    new SwarmError(
      'OBJECT_READ_ONLY',
      `Cannot take over ${kind.toLowerCase()} "${metadata.name}": its manifest ${owner.position} claims it with ${known.takeOver}`,
      { hint: 'Remove the annotation from the manifest first' },
    ),
    { name: metadata.name, kind },
  );
}

/** Without the annotation: taking over is done once, and nothing of it stays with an object of the API. */
export function ownedByApi(resource: Resource): Resource {
  const { annotations } = resource.metadata;
  if (annotations === undefined || !Object.hasOwn(annotations, known.takeOver)) return resource;
  return {
    ...resource,
    metadata: { ...resource.metadata, annotations: omitKeys(annotations, known.takeOver) },
  };
}
