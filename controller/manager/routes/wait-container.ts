// POST /containers/{id}/wait: headers at once, the exit code when it is there, also when the engine's connection breaks
// in between: who waits for hours should not have to know that an engine was restarted.
import { isJsonObject, objectAt, stringAt, tryParseJson } from '../../base/json.js';
import { messageOf } from '../../base/errors.js';
import type { CachedContainer } from '../../engine/cluster-view.js';
import type { EngineResponse } from '../../engine/transport.js';
import { ApiError, noSuchContainer } from '../api-error.js';
import { answerWithin, callEngine, callForBody } from '../call-engine.js';
import { enginePath } from '../engine-path.js';
import { findReachableContainer, isReachable } from '../find-container.js';
import { relayAnswer } from '../forward.js';
import { parseJsonObject, readAll } from '../read-all.js';
import { param, type RouteContext, type RouteHandler } from '../route-context.js';

// A restart of an engine with live-restore takes seconds, a reboot of its host two minutes.
const backWithinMs = 5 * 60_000;
// The pool looks after an engine that is away every second or less often.
const lookEveryMs = 1_000;
// Clocks of managers and engines may differ by this much when the end of a container is compared with the begin of a wait.
const clockSkewMs = 5_000;
const maxAnswerBytes = 64 * 1024;

/**
 * The docker CLI starts a container only after the headers of its wait have come, so they are passed on at once; the
 * engine sends them when it has begun to wait.
 */
export const waitContainer: RouteHandler = async (context) => {
  const { cluster, shutdown } = context.services;
  const container = findReachableContainer(cluster, param(context, 'id'));
  const signal = AbortSignal.any([context.signal, shutdown]);
  const beganMs = context.services.clock.now();
  const upstream = await beginToWait(context, { container, signal });
  if (upstream.status !== 200) {
    await relayAnswer(context, upstream);
    return;
  }
  const { response } = context;
  response.setHeader('Content-Type', 'application/json');
  response.flushHeaders();
  try {
    const answer = await readOrResume(context, { container, upstream, signal, beganMs });
    // Whoever learns that the container ended must also see it in the next list. Of one that is gone an event has told.
    if (cluster.containersWithId(container.id).length > 0)
      await cluster.refreshContainer(container.engine, container.id);
    response.end(answer);
  } catch (error) {
    if (!signal.aborted) {
      context.services.logger.warn('Cannot go on waiting for a container', { error: messageOf(error) });
    }
    response.destroy();
  }
};

interface Waiting {
  readonly container: CachedContainer;
  readonly signal: AbortSignal;
}

function beginToWait(context: RouteContext, { container, signal }: Waiting): Promise<EngineResponse> {
  const { id, engine } = container;
  return callEngine(context.services.cluster, engine, {
    method: 'POST',
    path: enginePath(engine, {
      version: context.version,
      path: `/containers/${id}/wait`,
      query: context.query,
    }),
    headersTimeoutMs: answerWithin.unbounded,
    signal,
  });
}

/** The engine's answer; after a broken connection, that of the engine when it is back. */
async function readOrResume(
  context: RouteContext,
  { upstream, ...waiting }: Waiting & { readonly upstream: EngineResponse; readonly beganMs: number },
): Promise<Uint8Array> {
  for (let current = upstream; ;) {
    try {
      const answer = await readAll(current.body, maxAnswerBytes);
      if (answer.length > 0) return answer;
    } catch (error) {
      if (waiting.signal.aborted) throw error;
    }
    const resumed = await resume(context, waiting);
    if (typeof resumed === 'number') return Buffer.from(`${JSON.stringify({ StatusCode: resumed })}\n`);
    current = resumed;
  }
}

/** A new wait, or the exit code of a container that ended meanwhile. @throws Error when the engine stays away */
async function resume(
  context: RouteContext,
  waiting: Waiting & { readonly beganMs: number },
): Promise<EngineResponse | number> {
  const { cluster, clock } = context.services;
  const { address, name } = waiting.container.engine;
  const endMs = clock.monotonic() + backWithinMs;
  while (clock.monotonic() < endMs) {
    await clock.sleep(lookEveryMs, waiting.signal);
    if (!cluster.engines().some((engine) => engine.address === address && isReachable(engine))) continue;
    try {
      const ended = await exitSince(context, waiting);
      if (ended !== undefined) return ended;
      const next = await beginToWait(context, waiting);
      if (next.status === 200) return next;
      throw new ApiError(next.status, (await readAll(next.body, maxAnswerBytes)).toString('utf8').trim());
    } catch (error) {
      // The engine has answered, or nobody waits any more; else it only seemed to be back.
      if (error instanceof ApiError || waiting.signal.aborted) throw error;
    }
  }
  throw new Error(`engine "${name}" did not come back`);
}

/** The exit code when the container has done meanwhile what is waited for. @throws ApiError when it is gone */
async function exitSince(
  context: RouteContext,
  { container, signal, beganMs }: Waiting & { readonly beganMs: number },
): Promise<number | undefined> {
  const { id, engine } = container;
  const condition = context.query.get('condition') ?? '';
  const answer = await callForBody(context.services.cluster, engine, {
    method: 'GET',
    path: enginePath(engine, { version: context.version, path: `/containers/${id}/json` }),
    headersTimeoutMs: answerWithin.quick,
    signal,
  });
  if (answer.status === 404 && condition === 'removed') {
    const exitCode = await rememberedExit(context, { container, signal, beganMs });
    if (exitCode !== undefined) return exitCode;
  }
  if (answer.status !== 200) throw noSuchContainer(id);
  const state = objectAt(parseJsonObject(answer.body), 'State');
  if (condition === 'removed' || state['Running'] === true) return undefined;
  const finishedMs = Date.parse(stringAt(state, 'FinishedAt') ?? '');
  // A container that had ended before, or was never started, is still to have its next exit.
  if (condition === 'next-exit' && !(finishedMs >= beganMs - clockSkewMs)) return undefined;
  const exitCode = state['ExitCode'];
  return typeof exitCode === 'number' ? exitCode : 0;
}

/** What a container that is gone ended with, by the events that its engine remembers; undefined when it does not. */
async function rememberedExit(
  context: RouteContext,
  { container: { id, engine }, signal, beganMs }: Waiting & { readonly beganMs: number },
): Promise<number | undefined> {
  const { cluster, clock } = context.services;
  const filters = JSON.stringify({ type: ['container'], container: [id], event: ['die'] });
  const answer = await callForBody(cluster, engine, {
    method: 'GET',
    path: enginePath(engine, {
      version: context.version,
      path: '/events',
      query: new URLSearchParams({
        since: String(Math.floor((beganMs - clockSkewMs) / 1000)),
        // An engine whose clock is behind waits until then.
        until: String(Math.ceil(clock.now() / 1000)),
        filters,
      }),
    }),
    headersTimeoutMs: answerWithin.quick,
    signal,
  });
  if (answer.status !== 200) return undefined;
  const codes = answer.body
    .toString('utf8')
    .split('\n')
    .map((line) => tryParseJson(line))
    .filter((event) => isJsonObject(event) && event['Action'] === 'die')
    .map((event) => objectAt(event, 'Actor'))
    .filter((actor) => actor['ID'] === id)
    .map((actor) => Number(objectAt(actor, 'Attributes')['exitCode']));
  const last = codes.at(-1);
  return last !== undefined && Number.isInteger(last) ? last : undefined;
}
