// Passing a request on to the first of several engines that takes it: another is asked only where the first cannot have
// acted, or where asking twice does no harm.
import type { PooledEngine } from '../engine/cluster-view.js';
import { ApiError } from './api-error.js';
import { callForBody, neverArrived, type SmallResponse } from './call-engine.js';
import { enginePath } from './engine-path.js';
import { forwardBulk, forwardStream, replySmall, type ForwardTarget } from './forward.js';
import { requestHeaders } from './headers.js';
import { readBody } from './read-body.js';
import type { RouteContext } from './route-context.js';

/** Streams the answer of the first engine that can be reached. @throws what the last one that was tried threw */
export async function forwardToHolder(
  context: RouteContext,
  {
    engines,
    isBulk = false,
    ...target
  }: Omit<ForwardTarget, 'engine'> & {
    readonly engines: readonly PooledEngine[];
    /** Whether the answer may be large, and the request has no body. */
    readonly isBulk?: boolean;
  },
): Promise<void> {
  const last = engines.at(-1);
  for (const engine of engines) {
    try {
      await (isBulk ? forwardBulk : forwardStream)(context, { ...target, engine });
      return;
    } catch (error) {
      if (engine === last || !neverArrived(error)) throw error;
    }
  }
}

// An engine without a way to the registry takes up to 20 s to say so: three of them are a minute.
const enginesTried = 3;

/**
 * A question to a registry, which any engine can ask. An engine that fails itself (5xx) or cannot be reached is followed by
 * the next; what the registry says (no such image, wrong password) is the answer.
 * @throws ApiError 503 when no engine answers
 */
export async function askRegistry(
  context: RouteContext,
  options: {
    readonly engines: readonly PooledEngine[];
    readonly path: string;
    readonly answerWithinMs: number;
  },
): Promise<void> {
  const { services, request } = context;
  const body = await readBody(context);
  const headers = requestHeaders(request.rawHeaders, { contentLength: false, contentType: body.length > 0 });
  let answer: SmallResponse | undefined;
  let problem: unknown = new ApiError(503, 'No healthy node available in the cluster');
  for (const engine of services.registry.order(options.engines).slice(0, enginesTried)) {
    try {
      answer = await callForBody(services.cluster, engine, {
        method: request.method,
        path: enginePath(engine, { version: context.version, path: options.path, query: context.query }),
        headers,
        headersTimeoutMs: options.answerWithinMs,
        signal: context.signal,
        ...(body.length > 0 ? { body } : {}),
      });
    } catch (error) {
      if (context.signal.aborted) throw error;
      problem = error;
      continue;
    }
    if (answer.status >= 500) continue;
    services.registry.noteReached(engine);
    break;
  }
  if (answer === undefined) throw problem;
  replySmall(context, answer);
}
