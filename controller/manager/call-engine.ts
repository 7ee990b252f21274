// One request to one engine on behalf of a client: outcome reported for health, deadlines by kind of call.
import { isSwarmError, systemCodeOf } from '../base/errors.js';
import { stringAt } from '../base/json.js';
import type { ClusterView, PooledEngine } from '../engine/cluster-view.js';
import type { DirectAnswer } from '../engine/direct-answer.js';
import type { EngineRequest, EngineResponse, SmallRequest } from '../engine/transport.js';
import { parseJson } from './lossless-json.js';

/** Time until an engine must begin to answer, in milliseconds, by kind of call. 0 = no limit. */
export const answerWithin = {
  /** Look-ups and small changes: an idle engine answers in 1 ms, one that is busy starting 50 containers in seconds. */
  quick: 30_000,
  /** Creates, starts, commits: they may set up networks, mounts and disks first. */
  slow: 5 * 60_000,
  /** What deletes gigabytes from a slow disk; an engine that hangs is found out by its health long before. */
  prune: 30 * 60_000,
  /** The answer begins when something happens in the container, or when a grace period ends. */
  unbounded: 0,
} as const;

/** How long an answer that has begun may stand still, in milliseconds, by what it is. What follows has no limit. */
export const stallWithin = {
  /** Written by engines in one go, and short. */
  json: 30_000,
  /** Archives: engines read them from disks that may be busy, and skip over what takes long. */
  data: 5 * 60_000,
} as const;

/** Sends the request and reports how the engine did; a client that went away says nothing about the engine. */
export function callEngine(
  cluster: Pick<ClusterView, 'reportOutcome'>,
  engine: PooledEngine,
  request: EngineRequest,
): Promise<EngineResponse> {
  return reporting(cluster, engine, request, () => engine.transport.request(request));
}

/** Like `callEngine`, for large answers; see `EngineTransport.requestDirect`. */
export function callDirect(
  cluster: Pick<ClusterView, 'reportOutcome'>,
  engine: PooledEngine,
  request: EngineRequest,
): Promise<DirectAnswer> {
  return reporting(cluster, engine, request, () => engine.transport.requestDirect(request));
}

async function reporting<T>(
  cluster: Pick<ClusterView, 'reportOutcome'>,
  engine: PooledEngine,
  request: EngineRequest,
  call: () => Promise<T>,
): Promise<T> {
  try {
    const response = await call();
    cluster.reportOutcome(engine);
    return response;
  } catch (error) {
    if (request.signal?.aborted !== true) cluster.reportOutcome(engine, error);
    throw error;
  }
}

export interface SmallResponse {
  readonly status: number;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

/** Like `callEngine`, with the whole body read; for answers that are small by nature. */
export async function callForBody(
  cluster: Pick<ClusterView, 'reportOutcome'>,
  engine: PooledEngine,
  request: SmallRequest,
  // A list with sizes of 1,000 containers is ~2 MB, an inspect below 100 kB: this is far above both.
  maxBytes = 64 * 1024 * 1024,
): Promise<SmallResponse> {
  try {
    const { status, rawHeaders, bytes } = await engine.transport.requestBytes({
      bodyStallMs: stallWithin.json,
      ...request,
      maxBytes,
    });
    cluster.reportOutcome(engine);
    return { status, rawHeaders, body: bytes };
  } catch (error) {
    const isGivenUp = request.signal?.aborted === true || request.leaving?.client.isGone === true;
    if (!isGivenUp) cluster.reportOutcome(engine, error);
    throw error;
  }
}

/** The engine's `{"message": …}`, or its plain text. */
export function messageIn(answer: Pick<SmallResponse, 'body'>): string {
  const text = answer.body.toString('utf8').trim();
  try {
    return stringAt(parseJson(text), 'message') ?? text;
  } catch {
    return text;
  }
}

// Failures before a connection stood; a reset is not among them, because it may come after the engine took the request.
const notConnectedCodes = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EADDRNOTAVAIL',
  'EMFILE',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Whether the engine cannot have seen the request, so that another engine may be asked. */
export function neverArrived(error: unknown): boolean {
  return (
    isSwarmError(error, 'ENGINE_TLS_REJECTED') ||
    isSwarmError(error, 'ENGINE_CA_UNKNOWN') ||
    isSwarmError(error, 'ENGINE_CLIENT_REJECTED') ||
    notConnectedCodes.has(systemCodeOf(error) ?? '')
  );
}

/** Runs `work` over `items`, at most `limit` at a time; results in order. Rejections become values. */
export async function settleAll<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<readonly PromiseSettledResult<R>[]> {
  const results = new Array<PromiseSettledResult<R>>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (;;) {
      const at = next++;
      const item = items[at];
      if (at >= items.length || item === undefined) return;
      try {
        results[at] = { status: 'fulfilled', value: await work(item) };
      } catch (reason) {
        results[at] = { status: 'rejected', reason };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}

/**
 * Engines asked at the same time in one fan-out. One socket and ~50 kB of buffers each: 64 keep a thousand engines busy
 * (64 round trips of 5 ms each are done in 80 ms) at a few megabytes.
 */
export const fanOutLimit = 64;
