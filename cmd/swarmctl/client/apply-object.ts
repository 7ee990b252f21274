// Applies one object through the API and says what that changed.
import type { Resource } from '../../../controller/api/resources.js';
import {
  canonicalJson,
  isJsonObject,
  objectAt,
  stringAt,
  type JsonObject,
} from '../../../controller/base/json.js';
import { isAppliedAnnotation } from '../../../controller/apiserver/apply-patch.js';
import type { ApiClient } from './api-client.js';
import { listedKind, objectPath, type Kinds, type ObjectReference } from './kinds.js';

export type DryRun = 'none' | 'client' | 'server';

/** Name under which swarmctl's applies are remembered. */
export const fieldManager = 'swarmctl';

export interface Applied {
  readonly object: JsonObject;
  readonly outcome: 'created' | 'configured' | 'unchanged' | 'checked';
  readonly warnings: readonly string[];
}

export async function applyOne(
  client: ApiClient,
  o: {
    readonly resource: Resource;
    readonly reference: ObjectReference;
    /** The object as it is now; undefined when it does not exist. */
    readonly before: JsonObject | undefined;
    readonly dryRun: DryRun;
    /** Whether the API becomes the owner of an object that a manifest file describes. */
    readonly takeOver?: boolean;
    /** False when nothing is known about what exists. */
    readonly known: boolean;
  },
): Promise<Applied> {
  const wanted = applicable(o.resource);
  if (o.dryRun === 'client') {
    const same = o.before !== undefined && includes(o.before, wanted);
    const outcome = !o.known
      ? 'checked'
      : o.before === undefined
        ? 'created'
        : same
          ? 'unchanged'
          : 'configured';
    return { object: wanted, outcome, warnings: [] };
  }
  const { status, body, warnings } = await client.call({
    method: 'PATCH',
    path: objectPath(o.reference),
    query: {
      ...{ fieldManager, force: 'true' },
      dryRun: o.dryRun === 'server' ? 'All' : undefined,
      takeOver: o.takeOver === true ? 'true' : undefined,
    },
    contentType: 'application/apply-patch+yaml',
    body: wanted,
  });
  const created = status === 201 || o.before === undefined;
  const same =
    o.before !== undefined && canonicalJson(comparable(o.before)) === canonicalJson(comparable(body));
  return { object: body, outcome: created ? 'created' : same ? 'unchanged' : 'configured', warnings };
}

/** Every object by `Kind/name`. */
export async function listLive(client: ApiClient, kinds: Kinds): Promise<ReadonlyMap<string, JsonObject>> {
  const live = new Map<string, JsonObject>();
  for (const kind of kinds.crds.all().map(listedKind)) {
    const { body } = await client.call({ method: 'GET', path: kind.path });
    const items: unknown = body['items'];
    for (const item of Array.isArray(items) ? items.filter(isJsonObject) : []) {
      live.set(`${kind.kind}/${stringAt(objectAt(item, 'metadata'), 'name') ?? ''}`, item);
    }
  }
  return live;
}

/** What a user can say about an object: identity, labels, annotations, spec. */
export function comparable(object: JsonObject): JsonObject {
  const { name, labels, annotations } = objectAt(object, 'metadata');
  const own = Object.entries(isJsonObject(annotations) ? annotations : {}).filter(
    ([key]) => !isAppliedAnnotation(key),
  );
  return {
    apiVersion: object['apiVersion'],
    kind: object['kind'],
    metadata: {
      name,
      ...(isJsonObject(labels) && Object.keys(labels).length > 0 ? { labels } : {}),
      ...(own.length > 0 ? { annotations: Object.fromEntries(own) } : {}),
    },
    spec: object['spec'],
  };
}

/** The object without what a server fills in: files written by `get -o yaml` carry it along. */
export function applicable(resource: Resource): JsonObject {
  return comparable(resource as unknown as JsonObject); // a resource is plain JSON data
}

/** Whether every field of `part` has the same value in `whole`; lists count as one value. */
function includes(whole: unknown, part: unknown): boolean {
  if (isJsonObject(part) && isJsonObject(whole)) {
    return Object.entries(part).every(([key, value]) => value === undefined || includes(whole[key], value));
  }
  return canonicalJson(whole) === canonicalJson(part);
}
