// Commands run inside containers: created on the container's engine, found again by exec ID.
import { stringAt } from '../../base/json.js';
import type { PooledEngine } from '../../engine/cluster-view.js';
import { ApiError } from '../api-error.js';
import { answerWithin, callForBody, fanOutLimit, settleAll } from '../call-engine.js';
import { enginePath } from '../engine-path.js';
import { findReachableContainer, isReachable, reachableEngines } from '../find-container.js';
import { forwardChange, forwardStream, replySmall } from '../forward.js';
import { parseJsonObject } from '../read-all.js';
import { readBody, readOptions } from '../read-body.js';
import { param, type RequestContext, type RouteHandler } from '../route-context.js';

export const createExec: RouteHandler = async (context) => {
  const { cluster, execs } = context.services;
  const { id, engine } = findReachableContainer(cluster, param(context, 'id'));
  const body = await readBody(context);
  const answering = forwardChange(context, {
    engine,
    path: `/containers/${id}/exec`,
    body,
    answerWithinMs: answerWithin.quick,
  });
  // It is started next, on a connection of its own.
  engine.transport.openAhead(1);
  const answer = await answering;
  if (answer.status === 201) {
    const execId = stringAt(parseJsonObject(answer.body), 'Id');
    // Start, resize and inspect may arrive on other connections as soon as the client has read this answer.
    if (execId !== undefined) execs.remember(execId, engine);
  }
  replySmall(context, answer);
};

/** Exec start with Detach, or without an upgrade: the options go in, the output comes out. */
export const startExecWithoutUpgrade: RouteHandler = async (context) => {
  const id = param(context, 'id');
  const engine = await findExecEngine(context, id);
  const body = await readOptions(context);
  await forwardStream(context, {
    engine,
    path: `/exec/${encodeURIComponent(id)}/start`,
    body,
    isTerminal: () => Promise.resolve(asksForTerminal(body)),
    isEndless: true,
  });
};

/** A small call about an exec, answered by its engine. */
function callExec(call: 'resize' | 'json'): RouteHandler {
  return async (context) => {
    const id = param(context, 'id');
    const engine = await findExecEngine(context, id);
    const path = `/exec/${encodeURIComponent(id)}/${call}`;
    replySmall(context, await forwardChange(context, { engine, path, answerWithinMs: answerWithin.quick }));
  };
}

export const resizeExec = callExec('resize');
export const inspectExec = callExec('json');

/**
 * The engine an exec lives on: remembered from its creation, else (after a restart of the manager) asked of all engines.
 * @throws ApiError 404 when no engine knows it, 503 when its engine does not answer
 */
export async function findExecEngine(context: RequestContext, id: string): Promise<PooledEngine> {
  const { cluster, execs } = context.services;
  const remembered = execs.find(id);
  if (remembered !== undefined) {
    const engine =
      cluster.engines().find((candidate) => candidate.address === remembered.address) ?? remembered;
    if (!isReachable(engine)) {
      throw new ApiError(503, `Exec ${id} running on unhealthy node ${engine.name}`);
    }
    return engine;
  }
  // Exec IDs are 64 hex digits; anything else would only be asked around in vain.
  if (!/^[0-9a-f]{12,64}$/.test(id)) throw new ApiError(404, `No such exec instance: ${id}`);
  const engines = reachableEngines(cluster);
  const answers = await settleAll(engines, fanOutLimit, (engine) =>
    callForBody(cluster, engine, {
      method: 'GET',
      path: enginePath(engine, { version: context.version, path: `/exec/${id}/json` }),
      headersTimeoutMs: 5000,
      signal: context.signal,
    }),
  );
  const at = answers.findIndex((answer) => answer.status === 'fulfilled' && answer.value.status === 200);
  const engine = engines[at];
  if (engine === undefined) throw new ApiError(404, `No such exec instance: ${id}`);
  execs.remember(id, engine);
  return engine;
}

/** Reads `Tty` from the options of an exec start; options that do not parse are the engine's to refuse. */
export function asksForTerminal(body: Uint8Array): boolean {
  try {
    return parseJsonObject(body)['Tty'] === true;
  } catch {
    return false;
  }
}
