// The request that brings an image to an engine, made from the client's.
import type { PooledEngine } from '../../engine/cluster-view.js';
import type { EngineRequest } from '../../engine/transport.js';
import { answerWithin } from '../call-engine.js';
import { enginePath } from '../engine-path.js';
import { requestHeaders } from '../headers.js';
import type { RouteContext } from '../route-context.js';

/** The client's request for another engine, without its body; its progress may take any time. */
export function imageRequest(context: RouteContext, engine: PooledEngine, path: string): EngineRequest {
  return {
    method: 'POST',
    path: enginePath(engine, { version: context.version, path, query: context.query }),
    headers: requestHeaders(context.request.rawHeaders, { contentLength: false }),
    headersTimeoutMs: answerWithin.unbounded,
  };
}
