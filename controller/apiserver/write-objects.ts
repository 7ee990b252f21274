// Changes of objects: create, replace, patch, apply and delete, with dry runs, preconditions and finalizers.
import { annotations as known } from '../api/labels.js';
import type { ObjectKey } from '../api/object-key.js';
import type { Kind, Resource } from '../api/resources.js';
import { isSwarmError, SwarmError } from '../base/errors.js';
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../base/json.js';
import { applyIntent } from './apply-patch.js';
import { toJson } from './feed.js';
import type { ObjectStore } from './object-store.js';
import { applyJsonPatch, applyMergePatch } from './patch.js';
import { ownedByApi, takesOver } from './take-over.js';
import { asObject, checkObject, readBody, type ObjectValidator } from './read-objects.js';
import { json, type ApiRequest, type ApiResponse } from './request.js';
import { qualifiedName, type ResourceType } from './resource-types.js';
import { StatusError, successStatus, toStatusError } from './status.js';

// A patch is computed anew when the object changed in between; more rounds mean that someone fights for it.
const patchRounds = 5;
const patchTypes = ['application/merge-patch+json', 'application/json-patch+json'] as const;
const fromApi = { type: 'api' } as const;

export interface WriteContext {
  readonly request: ApiRequest;
  readonly type: ResourceType;
  readonly kind: Kind;
  readonly store: ObjectStore;
  readonly validator: ObjectValidator;
  /** Called when the annotation that asks for a reconcile has a new value. */
  readonly onReconcileRequest?: ((key: ObjectKey) => void) | undefined;
}

/** POST to the collection. */
export async function createObject(context: WriteContext): Promise<ApiResponse> {
  const object = asObject(await readBody(context.request), context.type);
  const { resource, warnings } = checkObject(object, context);
  return json(toJson(await create(context, resource)), { status: 201, warnings });
}

/** PUT to an object: spec, labels and annotations become what the body says. */
export async function replaceObject(context: WriteContext, name: string): Promise<ApiResponse> {
  const object = asObject(await readBody(context.request), context.type);
  requireSameName(object, name);
  const { resource, warnings } = checkObject(object, context);
  return inRounds(
    async () => {
      const live = requireLive(context, name);
      requireSameUid(context, live, stringAt(object['metadata'], 'uid'));
      return json(toJson(await save(context, { live, next: resource, sent: object })), { warnings });
    },
    stringAt(object['metadata'], 'resourceVersion') !== undefined,
  );
}

/** PATCH of an object: merge patch, JSON patch, or apply (which creates it when it does not exist). */
export async function patchObject(context: WriteContext, name: string): Promise<ApiResponse> {
  const { contentType } = context.request;
  if (contentType === 'application/apply-patch+yaml') return applyObject(context, name);
  if (!patchTypes.some((type) => type === contentType)) {
    throw new StatusError(
      'UnsupportedMediaType',
      `Cannot patch ${qualifiedName(context.type)} with ${JSON.stringify(contentType)}: must be ${patchTypes.join(', ')} or application/apply-patch+yaml`,
    );
  }
  const patch = await readBody(context.request, patchTypes);
  const compute = contentType === 'application/json-patch+json' ? applyJsonPatch : applyMergePatch;
  return inRounds(async () => {
    const live = requireLive(context, name);
    const object = asObject(compute(toJson(live), patch), context.type);
    requireSameName(object, name);
    requireSameUid(context, live, stringAt(object['metadata'], 'uid'));
    // A version inside the patch is the client's precondition; without one, ours guards against lost updates.
    const { resource, warnings } = checkObject(object, context);
    return json(toJson(await save(context, { live, next: resource, sent: object })), { warnings });
  }, namesVersion(patch));
}

async function applyObject(context: WriteContext, name: string): Promise<ApiResponse> {
  const intent = asObject(await readBody(context.request), context.type);
  requireSameName(intent, name);
  const { query, userAgent } = context.request;
  const manager = query.get('fieldManager') ?? (userAgent.split('/')[0] || 'unknown');
  return inRounds(
    async () => {
      const key = { kind: context.kind, name };
      const live = context.store.get(key);
      const object = applyIntent({
        live: live === undefined ? undefined : toJson(live),
        intent,
        manager,
        schema: context.type.crd?.schema ?? {},
        remember:
          context.store.originOf(key)?.type !== 'directory' ||
          takesOver(context, { live, sent: intent as unknown as Resource }),
      });
      if (live === undefined) {
        const named = { ...object, metadata: { ...objectAt(object, 'metadata'), name } };
        const { resource, warnings } = checkObject(named, context);
        return json(toJson(await create(context, resource)), { status: 201, warnings });
      }
      const { resource, warnings } = checkObject(object, context);
      const sentVersion = stringAt(intent['metadata'], 'resourceVersion');
      const sent = sentVersion === undefined ? object : { ...object, metadata: intent['metadata'] };
      return json(toJson(await save(context, { live, next: resource, sent })), { warnings });
    },
    stringAt(intent['metadata'], 'resourceVersion') !== undefined,
  );
}

/** DELETE of an object: it goes at once, or stays marked until its finalizers are done. */
export async function deleteObject(context: WriteContext, name: string): Promise<ApiResponse> {
  const bytes = await context.request.body();
  const options: unknown = bytes.length === 0 ? {} : await readBody(context.request);
  const live = requireLive(context, name);
  const preconditions = objectAt(options, 'preconditions');
  requireSameUid(context, live, stringAt(preconditions, 'uid'));
  requireVersion(context, live, stringAt(preconditions, 'resourceVersion'));
  const listed = isJsonObject(options) && Array.isArray(options['dryRun']) ? options['dryRun'] : [];
  const dryRun = isDryRun(context.request) || listed.includes('All');
  const key = { kind: context.kind, name };
  const deleted = await translated(context, name, () =>
    context.store.delete(key, { origin: fromApi, dryRun }),
  );
  if ((deleted.metadata.finalizers ?? []).length > 0) return json(toJson(deleted));
  const { uid } = live.metadata;
  return json(
    successStatus({
      name,
      group: context.type.group,
      kind: context.type.plural,
      ...(uid === undefined ? {} : { uid }),
    }),
  );
}

async function create(context: WriteContext, resource: Resource): Promise<Resource> {
  const options = { origin: fromApi, dryRun: isDryRun(context.request) };
  return translated(context, resource.metadata.name, () =>
    context.store.create(ownedByApi(resource), options),
  );
}

async function save(
  context: WriteContext,
  o: { readonly live: Resource; readonly next: Resource; readonly sent: JsonObject },
): Promise<Resource> {
  const { name } = o.live.metadata;
  const key = { kind: context.kind, name };
  const version = stringAt(o.sent['metadata'], 'resourceVersion');
  requireVersion(context, o.live, version);
  const dryRun = isDryRun(context.request);
  const resourceVersion = version ?? o.live.metadata.resourceVersion;
  const takeOver = takesOver(context, { live: o.live, sent: o.next });
  const isOurs = takeOver || context.store.originOf(key)?.type !== 'directory';
  const next = isOurs ? ownedByApi(o.next) : o.next;
  const options = {
    ...{ origin: fromApi, dryRun, takeOver },
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  const saved = await translated(context, name, () => context.store.update(next, options));
  if (dryRun) return saved;
  // A replacement that does not mention them, as manifests do not, must not leave containers behind.
  const mentioned = Array.isArray(objectAt(o.sent, 'metadata')['finalizers']);
  if (context.request.method === 'PATCH' || mentioned) {
    await removeFinalizers(context, { live: o.live, next: o.next });
  }
  const request = o.next.metadata.annotations?.[known.reconcileRequest];
  if (request !== undefined && request !== o.live.metadata.annotations?.[known.reconcileRequest]) {
    context.onReconcileRequest?.(key);
  }
  return context.store.get(key) ?? saved;
}

/** Finalizers can be taken away by hand, never added: it is the way out when an engine is gone for good. */
async function removeFinalizers(
  context: WriteContext,
  o: { readonly live: Resource; readonly next: Resource },
): Promise<void> {
  const kept = o.next.metadata.finalizers ?? [];
  const key = { kind: context.kind, name: o.live.metadata.name };
  for (const finalizer of o.live.metadata.finalizers ?? []) {
    if (!kept.includes(finalizer)) await context.store.removeFinalizer(key, finalizer);
  }
}

async function inRounds(attempt: () => Promise<ApiResponse>, once: boolean): Promise<ApiResponse> {
  for (let round = 1; ; round += 1) {
    try {
      return await attempt();
    } catch (error) {
      const conflict =
        error instanceof StatusError && (error.reason === 'Conflict' || error.reason === 'AlreadyExists');
      if (once || !conflict || round === patchRounds) throw error;
    }
  }
}

function namesVersion(patch: unknown): boolean {
  return Array.isArray(patch)
    ? patch.some((operation) => stringAt(operation, 'path') === '/metadata/resourceVersion')
    : stringAt(objectAt(patch, 'metadata'), 'resourceVersion') !== undefined;
}

export function isDryRun(request: ApiRequest): boolean {
  const values = request.query.getAll('dryRun').filter((value) => value !== '');
  const other = values.find((value) => value !== 'All');
  if (other !== undefined) {
    throw new StatusError(
      'BadRequest',
      `Cannot read parameter "dryRun": must be All, got ${JSON.stringify(other)}`,
    );
  }
  return values.length > 0;
}

export function requireLive(context: Pick<WriteContext, 'store' | 'kind' | 'type'>, name: string): Resource {
  const live = context.store.get({ kind: context.kind, name });
  if (live === undefined) throw notFound(context.type, name);
  return live;
}

export function notFound(type: ResourceType, name: string): StatusError {
  return new StatusError('NotFound', `${qualifiedName(type)} ${JSON.stringify(name)} not found`, {
    details: { name, group: type.group, kind: type.plural },
  });
}

function requireSameName(object: JsonObject, name: string): void {
  const given = stringAt(object['metadata'], 'name');
  if (given !== undefined && given !== name) {
    throw new StatusError('BadRequest', `Cannot use object "${given}": the address names "${name}"`);
  }
}

function requireSameUid(context: WriteContext, live: Resource, uid: string | undefined): void {
  if (uid === undefined || uid === '' || uid === live.metadata.uid) return;
  throw conflict(context, live.metadata.name, `the object has uid ${live.metadata.uid ?? ''}, not ${uid}`);
}

function requireVersion(context: WriteContext, live: Resource, version: string | undefined): void {
  if (version === undefined || version === '' || version === live.metadata.resourceVersion) return;
  throw conflict(
    context,
    live.metadata.name,
    'the object has been modified; read it again and repeat the change',
  );
}

function conflict(context: Pick<WriteContext, 'type'>, name: string, why: string): StatusError {
  const attempt = `Operation cannot be fulfilled on ${qualifiedName(context.type)} ${JSON.stringify(name)}`;
  return new StatusError('Conflict', `${attempt}: ${why}`, {
    details: { name, group: context.type.group, kind: context.type.plural },
  });
}

/** Runs a store call; what the store refuses is said in the words clients of Kubernetes look for. */
async function translated(
  context: Pick<WriteContext, 'type'>,
  name: string,
  call: () => Promise<Resource>,
): Promise<Resource> {
  try {
    return await call();
  } catch (error) {
    const details = { name, group: context.type.group, kind: context.type.plural };
    if (isSwarmError(error, 'OBJECT_EXISTS')) {
      const message = `${qualifiedName(context.type)} ${JSON.stringify(name)} already exists`;
      throw new StatusError('AlreadyExists', message, { details, cause: error });
    }
    if (isSwarmError(error, 'OBJECT_NOT_FOUND')) throw notFound(context.type, name);
    if (error instanceof SwarmError) throw toStatusError(error, details);
    throw error;
  }
}
