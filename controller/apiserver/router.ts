// Which handler answers which path. Holds no state: everything it needs is in the services.
import { createHash } from 'node:crypto';
import type { ObjectKey } from '../api/object-key.js';
import type { Clock } from '../base/clock.js';
import type { JsonObject } from '../base/json.js';
import { stringAt } from '../base/json.js';
import type { CrdSet } from '../schema/crd.js';
import { reviewAccess } from './access-reviews.js';
import {
  aggregatedContentType,
  aggregatedDocument,
  coreVersions,
  groupDocument,
  groupList,
  resourceList,
  wantsAggregated,
} from './discovery-documents.js';
import type { EventFeed } from './event-feed.js';
import { eventNamespace } from './event-feed.js';
import { constantFeed, objectFeed, toJson, type Feed } from './feed.js';
import { listOrWatch, presentOne } from './list-watch.js';
import type { ObjectStore } from './object-store.js';
import { isObjectType, openApiV2, openApiV3 } from './openapi-documents.js';
import { encodeOpenApiV2, openApiProtobufType } from './openapi-protobuf.js';
import { tellStory, type StoryOf } from './story-route.js';
import { planCluster, type PlanFor } from './plan-route.js';
import type { ObjectValidator } from './read-objects.js';
import { json, text, type ApiRequest, type ApiResponse } from './request.js';
import { crdType, eventType, groupVersion, servedTypes, type ResourceType } from './resource-types.js';
import { StatusError } from './status.js';
import {
  createObject,
  deleteObject,
  notFound,
  patchObject,
  replaceObject,
  requireLive,
  type WriteContext,
} from './write-objects.js';

/** One check of /readyz; `error` says why it fails. */
export interface ReadinessCheck {
  readonly name: string;
  readonly error?: string | undefined;
}

/** What /metrics answers. */
export type MetricsText = () => Promise<{ readonly contentType: string; readonly text: string }>;

export interface RouterServices {
  readonly store: ObjectStore;
  readonly crds: CrdSet;
  readonly validator: ObjectValidator;
  readonly clock: Clock;
  readonly events: EventFeed;
  readonly version: string;
  readonly readiness: () => readonly ReadinessCheck[];
  readonly planFor: PlanFor | undefined;
  readonly storyOf?: StoryOf | undefined;
  readonly flight?: (() => JsonObject) | undefined;
  readonly metrics?: MetricsText | undefined;
  readonly onReconcileRequest: ((key: ObjectKey) => void) | undefined;
}

export type Router = (request: ApiRequest) => Promise<ApiResponse>;

// The Kubernetes version whose API this one imitates; clients warn when it is far from theirs.
const imitated = { major: '1', minor: '30' } as const;

export function createRouter(services: RouterServices): Router {
  const types = servedTypes(services.crds);
  const definitions = services.crds.all().map(({ raw }) => definitionObject(raw));
  const definitionFeed = constantFeed(definitions);
  const documents = openApiDocuments(types, services.version);

  return async (request) => {
    const [root, ...rest] = request.path;
    switch (root) {
      case 'api':
        return core(request, rest);
      case 'apis':
        return grouped(request, rest);
      case 'openapi':
        return documents(request, rest);
      case 'version':
        return json(versionDocument(services.version));
      case 'healthz':
      case 'livez':
        return text('ok');
      case 'debug':
        if (rest.join('/') !== 'flight' || services.flight === undefined) throw unknownPath(request);
        requireMethod(request, ['GET']);
        return json(services.flight());
      case 'metrics':
        return metrics(request, services.metrics);
      case 'readyz':
        return readyz(request, services.readiness());
      default:
        throw unknownPath(request);
    }
  };

  function core(request: ApiRequest, path: readonly string[]): ApiResponse {
    if (path.length === 0) return groupAnswer(request, { core: true });
    if (path[0] !== 'v1') throw unknownPath(request);
    const rest = path.slice(1);
    if (rest.length === 0) return listedResources(request, 'v1');
    const inNamespace = rest[0] === 'namespaces' && rest.length >= 3;
    const namespace = inNamespace ? rest[1] : undefined;
    const [plural, name, extra] = inNamespace ? rest.slice(2) : rest;
    if (plural !== 'events' || extra !== undefined) throw unknownPath(request);
    return readOnly(request, { type: eventType, feed: services.events, name, namespace });
  }

  async function grouped(request: ApiRequest, path: readonly string[]): Promise<ApiResponse> {
    const [group, version, plural, name, sub, extra] = path;
    if (group === undefined) return groupAnswer(request, { core: false });
    if (group === 'authorization.k8s.io' && request.method === 'POST') {
      const review = reviewAccess(version ?? '', plural ?? '', await request.body());
      if (review !== undefined) return json(review, { status: 201 });
    }
    if (version === undefined) {
      const document = groupDocument(types, group);
      if (document === undefined) throw unknownPath(request);
      return json(document);
    }
    if (plural === undefined) return listedResources(request, `${group}/${version}`);
    if (plural === 'plan' && name === 'clusters' && sub !== undefined && extra === undefined) {
      requireMethod(request, ['GET', 'POST']);
      return planCluster(request, { ...services, name: sub });
    }
    if (plural === 'story' && name !== undefined && sub !== undefined && extra === undefined) {
      requireMethod(request, ['GET']);
      return tellStory({ storyOf: services.storyOf, plural: name, name: sub });
    }
    const type = types.find((one) => groupVersion(one) === `${group}/${version}` && one.plural === plural);
    if (type === undefined || extra !== undefined) throw unknownPath(request);
    if (type === crdType)
      return readOnly(request, { type, feed: definitionFeed, name, namespace: undefined });
    return objects(request, { type, name, sub });
  }

  async function objects(
    request: ApiRequest,
    o: { readonly type: ResourceType; readonly name: string | undefined; readonly sub: string | undefined },
  ): Promise<ApiResponse> {
    const kind = o.type.crd?.kind;
    if (kind === undefined || (o.sub !== undefined && o.sub !== 'status')) throw unknownPath(request);
    const context: WriteContext = { ...services, request, type: o.type, kind };
    if (o.name === undefined) {
      requireMethod(request, ['GET', 'POST']);
      return request.method === 'POST'
        ? createObject(context)
        : listOrWatch(request, {
            type: o.type,
            feed: objectFeed(services.store, kind),
            clock: services.clock,
          });
    }
    // Status has one writer: the operator.
    requireMethod(request, o.sub === 'status' ? ['GET'] : ['GET', 'PUT', 'PATCH', 'DELETE']);
    switch (request.method) {
      case 'PUT':
        return replaceObject(context, o.name);
      case 'PATCH':
        return patchObject(context, o.name);
      case 'DELETE':
        return deleteObject(context, o.name);
      default: {
        const object = toJson(requireLive(context, o.name));
        return json(presentOne(request, { type: o.type, object, clock: services.clock }));
      }
    }
  }

  function readOnly(
    request: ApiRequest,
    o: {
      readonly type: ResourceType;
      readonly feed: Feed;
      readonly name: string | undefined;
      readonly namespace: string | undefined;
    },
  ): ApiResponse {
    requireMethod(request, ['GET']);
    if (o.name === undefined) return listOrWatch(request, { ...o, clock: services.clock });
    const object = o.feed.list().find((one) => stringAt(one['metadata'], 'name') === o.name);
    const elsewhere = o.namespace !== undefined && o.namespace !== eventNamespace;
    if (object === undefined || elsewhere) throw notFound(o.type, o.name);
    return json(presentOne(request, { type: o.type, object, clock: services.clock }));
  }

  function groupAnswer(request: ApiRequest, o: { readonly core: boolean }): ApiResponse {
    requireMethod(request, ['GET']);
    if (wantsAggregated(request.accept)) {
      return {
        type: 'json',
        status: 200,
        body: aggregatedDocument(types, o),
        contentType: aggregatedContentType,
      };
    }
    return json(o.core ? coreVersions() : groupList(types));
  }

  function listedResources(request: ApiRequest, wanted: string): ApiResponse {
    requireMethod(request, ['GET']);
    const list = resourceList(types, wanted);
    if (list === undefined) throw unknownPath(request);
    return json(list);
  }
}

/** Documents are made when first asked for, and kept: they do not change while the program runs. */
function openApiDocuments(
  types: readonly ResourceType[],
  version: string,
): (request: ApiRequest, path: readonly string[]) => ApiResponse {
  const ours = types.filter(isObjectType);
  const path = ours[0] === undefined ? '' : `apis/${groupVersion(ours[0])}`;
  const v3 = JSON.stringify(openApiV3(ours, version));
  const v2 = openApiV2(ours, version);
  // Clients keep documents by this address for hours, so it changes with the content.
  const hash = createHash('sha256').update(v3).digest('hex').slice(0, 32);
  let protobuf: Buffer | undefined;
  return (request, [form, ...rest]) => {
    requireMethod(request, ['GET']);
    if (form === 'v3' && rest.length === 0) {
      return json({ paths: { [path]: { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` } } });
    }
    if (form === 'v3' && rest.join('/') === path) {
      return { type: 'bytes', status: 200, body: v3, contentType: 'application/json' };
    }
    if (form !== 'v2' || rest.length > 0) throw unknownPath(request);
    if (!request.accept.includes('proto-openapi')) return json(v2);
    protobuf ??= encodeOpenApiV2(v2);
    return { type: 'bytes', status: 200, body: protobuf, contentType: openApiProtobufType };
  };
}

async function metrics(request: ApiRequest, read: MetricsText | undefined): Promise<ApiResponse> {
  if (request.path.length > 1 || read === undefined) throw unknownPath(request);
  requireMethod(request, ['GET']);
  const { contentType, text: body } = await read();
  return { type: 'bytes', status: 200, body: Buffer.from(body), contentType };
}

function readyz(request: ApiRequest, checks: readonly ReadinessCheck[]): ApiResponse {
  const wanted = request.path[1];
  const chosen = wanted === undefined ? checks : checks.filter(({ name }) => name === wanted);
  if (wanted !== undefined && chosen.length === 0) throw unknownPath(request);
  const failed = chosen.some(({ error }) => error !== undefined);
  if (!failed && !request.query.has('verbose')) return text('ok');
  const lines = chosen.map(({ name, error }) =>
    error === undefined ? `[+]${name} ok` : `[-]${name} failed: ${error}`,
  );
  return text(`${lines.join('\n')}\nreadyz check ${failed ? 'failed' : 'passed'}\n`, failed ? 503 : 200);
}

function versionDocument(version: string): JsonObject {
  return {
    ...imitated,
    gitVersion: `v${imitated.major}.${imitated.minor}.0+swarmctl.${version}`,
    gitCommit: '',
    gitTreeState: '',
    buildDate: '',
    goVersion: '',
    compiler: '',
    platform: '',
  };
}

/** A definition as an API server shows it: with the identity and state that the file does not have. */
function definitionObject(raw: JsonObject): JsonObject {
  const name = stringAt(raw['metadata'], 'name') ?? '';
  const names = (raw['spec'] as JsonObject)['names']; // loadCrds has read it
  return {
    ...raw,
    metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: null },
    status: {
      acceptedNames: names,
      storedVersions: ['v1alpha1'],
      conditions: [
        { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' },
        {
          type: 'Established',
          status: 'True',
          reason: 'InitialNamesAccepted',
          message: 'the kind is served',
        },
      ],
    },
  };
}

function requireMethod(request: ApiRequest, allowed: readonly string[]): void {
  if (allowed.includes(request.method)) return;
  throw new StatusError(
    'MethodNotAllowed',
    `Cannot ${request.method} /${request.path.join('/')}: allowed are ${allowed.join(', ')}`,
  );
}

function unknownPath(request: ApiRequest): StatusError {
  return new StatusError(
    'NotFound',
    `the server could not find the requested resource: /${request.path.join('/')}`,
    {
      details: {},
    },
  );
}
