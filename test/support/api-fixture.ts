// The operator's API on a store in memory, without sockets: requests go straight to the router.
import { EventFeed } from '../../controller/apiserver/event-feed.js';
import type { ApiRequest, ApiResponse } from '../../controller/apiserver/request.js';
import { createRouter, type Router, type RouterServices } from '../../controller/apiserver/router.js';
import { statusObject, toStatusError } from '../../controller/apiserver/status.js';
import { isJsonObject, type JsonObject } from '../../controller/base/json.js';
import { loadCrds } from '../../controller/schema/crd.js';
import { Validator } from '../../controller/schema/validate.js';
import { Store } from '../../controller/store/store.js';
import { FakeClock } from './fake-clock.js';

export interface SentRequest {
  readonly method?: string;
  readonly accept?: string;
  readonly contentType?: string;
  readonly body?: unknown;
  readonly userAgent?: string;
}

export interface JsonAnswer {
  readonly status: number;
  readonly body: JsonObject;
  readonly warnings: readonly string[];
}

export interface ApiFixture {
  readonly clock: FakeClock;
  readonly store: Store;
  readonly router: Router;
  /** The JSON answer to a request; Status objects for failures. */
  readonly call: (url: string, sent?: SentRequest) => Promise<JsonAnswer>;
  /** Text of an answer that is not JSON. */
  readonly text: (url: string, sent?: SentRequest) => Promise<string>;
  /** Starts a watch; `events` grows as they are sent. */
  readonly watch: (url: string, o?: WatchOptions) => Promise<OpenWatch>;
}

export interface WatchOptions {
  readonly accept?: string;
  /** After so many events the client no longer reads. */
  readonly tooSlowAfter?: number;
}

export interface OpenWatch {
  readonly events: JsonObject[];
  readonly stop: () => void;
  readonly ended: Promise<void>;
}

export async function apiFixture(overrides: Partial<RouterServices> = {}): Promise<ApiFixture> {
  const clock = new FakeClock();
  let uids = 0;
  const randomUuid = (): string => `00000000-0000-4000-8000-${String((uids += 1)).padStart(12, '0')}`;
  const store = await Store.open({ directory: undefined, clock, randomUuid });
  const crds = await loadCrds('schemas');
  const router = createRouter({
    store,
    crds,
    validator: new Validator(crds),
    clock,
    events: new EventFeed(store, clock),
    version: '1.0.0',
    readiness: () => [],
    planFor: undefined,
    onReconcileRequest: undefined,
    ...overrides,
  });
  const answer = async (url: string, sent: SentRequest): Promise<ApiResponse | JsonAnswer> => {
    try {
      return await router(aRequest(url, sent));
    } catch (error) {
      const status = toStatusError(error);
      return { status: status.code, body: statusObject(status), warnings: [] };
    }
  };
  return {
    clock,
    store,
    router,
    call: async (url, sent = {}) => {
      const found = await answer(url, sent);
      if (!('type' in found)) return found;
      if (found.type === 'json')
        return { status: found.status, body: found.body, warnings: found.warnings ?? [] };
      throw new Error(`${url} did not answer with JSON`);
    },
    text: async (url, sent = {}) => {
      const found = await answer(url, sent);
      if ('type' in found && found.type === 'bytes') return found.body.toString();
      throw new Error(`${url} did not answer with text: ${JSON.stringify(found)}`);
    },
    watch: async (url, o = {}) => {
      const found = await router(aRequest(url, { accept: o.accept ?? 'application/json' }));
      if (found.type !== 'stream') throw new Error(`${url} is no watch`);
      const events: JsonObject[] = [];
      const stop = new AbortController();
      const write = (chunk: string): boolean => {
        const event: unknown = JSON.parse(chunk);
        if (isJsonObject(event)) events.push(event);
        return o.tooSlowAfter === undefined || events.length < o.tooSlowAfter;
      };
      const ended = found.run({ write }, stop.signal);
      return { events, stop: () => stop.abort(), ended };
    },
  };
}

export function aRequest(url: string, sent: SentRequest = {}): ApiRequest {
  const [path = '', query] = url.split('?');
  const text =
    sent.body === undefined ? '' : typeof sent.body === 'string' ? sent.body : JSON.stringify(sent.body);
  return {
    method: sent.method ?? 'GET',
    path: path
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent),
    query: new URLSearchParams(query),
    accept: sent.accept ?? 'application/json',
    contentType: sent.contentType ?? (text === '' ? '' : 'application/json'),
    userAgent: sent.userAgent ?? 'test/1.0',
    body: () => Promise.resolve(Buffer.from(text)),
    signal: new AbortController().signal,
  };
}

export const nodesPath = '/apis/swarmctl.io/v1alpha1/nodes';
export const clustersPath = '/apis/swarmctl.io/v1alpha1/clusters';

/** A Node as a client sends it; `spec` replaces fields of a valid one. */
export function nodeBody(
  name: string,
  changes: { readonly spec?: JsonObject; readonly metadata?: JsonObject } = {},
): JsonObject {
  return {
    apiVersion: 'swarmctl.io/v1alpha1',
    kind: 'Node',
    metadata: { name, ...changes.metadata },
    spec: { cluster: 'demo', engine: { address: 'tcp://10.0.0.1:2376' }, ...changes.spec },
  };
}

export function clusterBody(name: string, spec: JsonObject = {}): JsonObject {
  return { apiVersion: 'swarmctl.io/v1alpha1', kind: 'Cluster', metadata: { name }, spec };
}
