// One request to many engines: answers in engine order, failures as values, and the rules for one answer from many.
import type { PooledEngine } from '../engine/cluster-view.js';
import type { EngineRequest } from '../engine/transport.js';
import { ApiError, toHttpFailure } from './api-error.js';
import {
  answerWithin,
  callForBody,
  fanOutLimit,
  messageIn,
  settleAll,
  type SmallResponse,
} from './call-engine.js';
import { enginePath } from './engine-path.js';
import { requestHeaders } from './headers.js';
import { parseJson } from './lossless-json.js';
import { giveUpOnHung } from './placement/give-up.js';
import type { RouteContext } from './route-context.js';

export interface EngineSuccess {
  readonly engine: PooledEngine;
  readonly status: number;
  /** Parsed body; undefined when it was empty. */
  readonly value: unknown;
}

export interface EngineFailure {
  readonly engine: PooledEngine;
  readonly status: number;
  readonly message: string;
  /** The engine itself said no; false: it could not be asked, or did not answer in time. */
  readonly isRefusal: boolean;
}

export interface FanOutResult {
  readonly successes: readonly EngineSuccess[];
  readonly failures: readonly EngineFailure[];
}

export interface FanOutRequest {
  /** Encoded path without version. */
  readonly path: string | ((engine: PooledEngine) => string);
  /** Default: the client's query. */
  readonly query?: URLSearchParams | ((engine: PooledEngine) => URLSearchParams);
  /** Default: the client's method. */
  readonly method?: string;
  readonly body?: Uint8Array;
  /** Default `answerWithin.slow`. */
  readonly answerWithinMs?: number;
}

/**
 * Asks all `engines` at once (within `fanOutLimit`) and waits for every answer, its deadline, or until the engine is found to
 * hang. Never rejects.
 */
export async function fanOut(
  context: RouteContext,
  engines: readonly PooledEngine[],
  request: FanOutRequest,
): Promise<FanOutResult> {
  const { clock, cluster } = context.services;
  const headers = requestHeaders(context.request.rawHeaders, {
    contentLength: false,
    contentType: request.body !== undefined,
  });
  const settled = await settleAll(engines, fanOutLimit, (engine) => {
    const query =
      typeof request.query === 'function' ? request.query(engine) : (request.query ?? context.query);
    const path = typeof request.path === 'function' ? request.path(engine) : request.path;
    const sent: EngineRequest = {
      method: request.method ?? context.request.method,
      path: enginePath(engine, { version: context.version, path, query }),
      headers,
      headersTimeoutMs: request.answerWithinMs ?? answerWithin.slow,
      ...(request.body === undefined ? {} : { body: request.body }),
    };
    return giveUpOnHung({ clock, engine, attempt: 'ask' }, (signal) =>
      callForBody(cluster, engine, { ...sent, signal }),
    );
  });
  return collect(engines, settled);
}

/** Sorts the answers of `engines`, given in their order, into successes and failures. */
export function collect(
  engines: readonly PooledEngine[],
  settled: readonly PromiseSettledResult<SmallResponse>[],
): FanOutResult {
  const successes: EngineSuccess[] = [];
  const failures: EngineFailure[] = [];
  for (const [at, result] of settled.entries()) {
    const engine = engines[at];
    if (engine === undefined) continue;
    if (result.status === 'rejected')
      failures.push({ engine, ...toHttpFailure(result.reason), isRefusal: false });
    else if (result.value.status >= 400) {
      const { status } = result.value;
      failures.push({ engine, status, message: messageIn(result.value), isRefusal: true });
    } else successes.push({ engine, status: result.value.status, value: parsedBody(result.value) });
  }
  return { successes, failures };
}

/**
 * One success is enough; engines that failed beside it are logged. With none, the first failure is the answer.
 * @throws ApiError with status and message of the first failure, or 503 when there was no engine to ask
 */
export function requireSuccess(context: RouteContext, result: FanOutResult): void {
  if (result.successes.length > 0) {
    for (const { engine, message } of result.failures) {
      context.services.logger.warn(`Engine "${engine.name}" could not take part: ${message}`);
    }
    return;
  }
  const [first] = result.failures;
  if (first === undefined) throw new ApiError(503, 'No healthy node available in the cluster');
  throw new ApiError(first.status, first.message);
}

function parsedBody(answer: SmallResponse): unknown {
  if (answer.body.length === 0) return undefined;
  try {
    return parseJson(answer.body.toString('utf8'));
  } catch {
    return undefined;
  }
}
