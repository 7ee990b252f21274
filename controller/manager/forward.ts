// Passing a request on to one engine and its answer back: streamed with backpressure, or whole when it is small.
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isAtLeast } from '../engine/api-version.js';
import { messageOf } from '../base/errors.js';
import type { PooledEngine } from '../engine/cluster-view.js';
import type { EngineRequest, EngineResponse } from '../engine/transport.js';
import { answerWithin, callDirect, callEngine, callForBody, type SmallResponse } from './call-engine.js';
import { enginePath, engineVersion } from './engine-path.js';
import { answerHeaders, requestHeaders } from './headers.js';
import { relayDirect } from './relay-direct.js';
import { announcesBody } from './request-body.js';
import type { RouteContext } from './route-context.js';

export interface ForwardTarget {
  readonly engine: PooledEngine;
  /** Encoded path without version. */
  readonly path: string;
  /** Default: the client's query. */
  readonly query?: URLSearchParams;
  /** Milliseconds until the answer must begin. Default `answerWithin.unbounded`. */
  readonly answerWithinMs?: number;
  /** Milliseconds that the answer may stand still once it has begun, of `stallWithin`. Default: no limit. */
  readonly stallWithinMs?: number;
}

/** Streams a large answer through as it comes. Returns when it is complete. Not for requests with a body. */
export async function forwardBulk(context: RouteContext, target: ForwardTarget): Promise<void> {
  // Clients of HTTP/1.0 do not know the framing that engines use.
  if (context.response.req.httpVersion !== '1.1') return forwardStream(context, target);
  const { cluster } = context.services;
  const answer = await callDirect(cluster, target.engine, {
    ...engineRequest(context, target),
    headers: requestHeaders(context.request.rawHeaders, { contentLength: false, contentType: false }),
    signal: context.signal,
  });
  writeHead(context, answer);
  await relayOrCut(context, () => relayDirect(answer, context.response));
}

/** Streams request body and answer through. Returns when the answer is complete. */
export async function forwardStream(
  context: RouteContext,
  target: ForwardTarget & {
    readonly isTerminal?: () => Promise<boolean>;
    /** Sent instead of the request's own body. */
    readonly body?: Uint8Array;
    /** The answer may go on for ever, so a shutdown does not wait for it. */
    readonly isEndless?: boolean;
    /** Changes the answer's body on its way. */
    readonly wrapBody?: BodyWrapper;
  },
): Promise<void> {
  const { services, request } = context;
  const streamsBody = target.body === undefined && announcesBody(request);
  const body = streamsBody ? context.body : target.body;
  const upstream = await callEngine(services.cluster, target.engine, {
    ...engineRequest(context, target),
    ...(body === undefined ? {} : { body }),
    headers: requestHeaders(request.rawHeaders, { contentLength: streamsBody }),
    signal: context.signal,
  });
  const contentType = await fixContentType(context, { target, upstream });
  const cut = (): void => {
    upstream.body.destroy();
    context.response.destroy();
  };
  if (target.isEndless === true) services.shutdown.addEventListener('abort', cut, { once: true });
  try {
    await relayAnswer(context, upstream, {
      ...(contentType === undefined ? {} : { contentType }),
      ...(target.wrapBody === undefined ? {} : { wrapBody: target.wrapBody }),
    });
  } finally {
    services.shutdown.removeEventListener('abort', cut);
  }
}

/** Hands an engine's answer to the client as it comes in. */
export async function relayAnswer(
  context: RouteContext,
  upstream: EngineResponse,
  options: { readonly contentType?: string; readonly wrapBody?: BodyWrapper } = {},
): Promise<void> {
  const { response } = context;
  const { wrapBody } = options;
  writeHead(context, upstream, options.contentType);
  if (mayHaveNoBody(context, upstream.status)) {
    upstream.body.resume();
    response.end();
    return;
  }
  // Logs, events and waits may have nothing to say for hours, and clients wait for the headers before they go on.
  response.flushHeaders();
  await relayOrCut(context, () =>
    wrapBody === undefined ? pipeline(upstream.body, response) : pipeline(wrapBody(upstream.body), response),
  );
}

async function relayOrCut(context: RouteContext, relay: () => Promise<void>): Promise<void> {
  const { response } = context;
  try {
    await relay();
  } catch (error) {
    // The head is sent: a broken connection is the only honest way to say that the rest will not come.
    response.destroy();
    if (!context.signal.aborted && !context.services.shutdown.aborted) {
      context.services.logger.warn('An engine broke off in the middle of its answer', {
        error: messageOf(error),
      });
    }
  }
}

/** What the client gets instead of an engine's answer; it sees the answer break off. */
export type BodyWrapper = (body: Readable) => AsyncIterable<Uint8Array>;

/**
 * Sends a small request that changes something and reads the whole answer. The engine gets to finish when the client
 * leaves, for at most a minute.
 */
export async function forwardChange(
  context: RouteContext,
  target: ForwardTarget & {
    readonly body?: Uint8Array;
    /** Ends the wait for the answer before its time. */
    readonly signal?: AbortSignal;
  },
): Promise<SmallResponse> {
  const { services, request } = context;
  const headers = requestHeaders(request.rawHeaders, {
    contentLength: false,
    contentType: target.body !== undefined,
  });
  return callForBody(services.cluster, target.engine, {
    ...engineRequest(context, target),
    ...(target.body === undefined ? {} : { body: target.body }),
    headers,
    ...(target.signal === undefined ? {} : { signal: target.signal }),
    leaving: { client: context.client, graceMs: 60_000 },
  });
}

/** Sends an answer that was read whole, unchanged. */
export function replySmall(context: RouteContext, answer: SmallResponse): void {
  const { response } = context;
  writeHead(context, answer);
  if (mayHaveNoBody(context, answer.status)) response.end();
  else {
    response.setHeader('Content-Length', answer.body.length);
    response.end(answer.body);
  }
}

function engineRequest(context: RouteContext, target: ForwardTarget): EngineRequest {
  return {
    method: context.request.method,
    path: enginePath(target.engine, {
      version: context.version,
      path: target.path,
      query: target.query ?? context.query,
    }),
    headersTimeoutMs: target.answerWithinMs ?? answerWithin.unbounded,
    ...(target.stallWithinMs === undefined ? {} : { bodyStallMs: target.stallWithinMs }),
  };
}

function writeHead(
  context: RouteContext,
  answer: { readonly status: number; readonly rawHeaders: readonly string[] },
  contentType?: string,
): void {
  const { response } = context;
  response.statusCode = answer.status;
  for (const [name, values] of answerHeaders(answer.rawHeaders)) {
    response.setHeader(name, values.length === 1 ? (values[0] ?? '') : values);
  }
  // Engines before 1.42 say nothing of what their logs are.
  if (contentType !== undefined) response.setHeader('Content-Type', contentType);
}

function mayHaveNoBody(context: RouteContext, status: number): boolean {
  return context.request.method === 'HEAD' || status === 204 || status === 304;
}

/**
 * Engines before 1.42 call every stream raw; clients of 1.42 and later read from the type whether it is multiplexed.
 */
async function fixContentType(
  context: RouteContext,
  {
    target,
    upstream,
  }: {
    target: { readonly engine: PooledEngine; readonly isTerminal?: () => Promise<boolean> };
    upstream: EngineResponse;
  },
): Promise<string | undefined> {
  if (target.isTerminal === undefined || upstream.status !== 200) return undefined;
  if (!needsStreamType(target.engine, context.version)) return undefined;
  return streamType(await target.isTerminal());
}

/** Whether the engine is too old to tell a client of this version how its streams are framed. */
export function needsStreamType(engine: PooledEngine, version: string): boolean {
  return isAtLeast(version, '1.42') && !isAtLeast(engineVersion(engine, version), '1.42');
}

export function streamType(isTerminal: boolean): string {
  return isTerminal ? 'application/vnd.docker.raw-stream' : 'application/vnd.docker.multiplexed-stream';
}
