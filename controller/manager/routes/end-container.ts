// POST /containers/{id}/stop and restart with a signal: engines before API 1.42 would send the container's own instead, so
// there the signal is sent first, and the grace period spent, before the engine is told to stop it.
import { startDeadline } from '../../base/deadline.js';
import { objectAt, type JsonObject } from '../../base/json.js';
import { isAtLeast } from '../../engine/api-version.js';
import type { CachedContainer } from '../../engine/cluster-view.js';
import { ApiError } from '../api-error.js';
import { answerWithin, callForBody } from '../call-engine.js';
import { enginePath, engineVersion } from '../engine-path.js';
import { findEndableContainer } from '../find-container.js';
import { forwardChange, replySmall } from '../forward.js';
import { readInteger } from '../query.js';
import { parseJsonObject } from '../read-all.js';
import { replyEmpty } from '../reply.js';
import { param, type RouteContext, type RouteHandler } from '../route-context.js';
import { changed } from './container-actions.js';

type Call = 'stop' | 'restart';

const signalSince = '1.42';
const engineGraceSeconds = 10;

function ending(call: Call): RouteHandler {
  // It answers when the container's grace period is over, and only the container knows how long that is.
  const byEngine = changed(call, { answerWithinMs: answerWithin.unbounded, body: 'drop' });
  return async (context) => {
    const signal = context.query.get('signal') ?? '';
    const container = findEndableContainer(context.services.cluster, param(context, 'id'));
    const isIgnored =
      isAtLeast(context.version, signalSince) &&
      !isAtLeast(engineVersion(container.engine, context.version), signalSince);
    if (signal === '' || !isIgnored) await byEngine(context);
    else await endWithSignal(context, { call, container, signal });
  };
}

export const stopContainer = ending('stop');
export const restartContainer = ending('restart');

async function endWithSignal(
  context: RouteContext,
  { call, container, signal }: { call: Call; container: CachedContainer; signal: string },
): Promise<void> {
  const { id, engine } = container;
  const given = readInteger(context.query, 't');
  const inspection = await inspect(context, container);
  const own = objectAt(inspection, 'Config')['StopTimeout'];
  const graceSeconds = given ?? (typeof own === 'number' ? own : engineGraceSeconds);
  const isRunning = objectAt(inspection, 'State')['Running'] === true;
  if (isRunning && call === 'restart' && objectAt(inspection, 'HostConfig')['AutoRemove'] === true) {
    throw new ApiError(
      400,
      `Cannot restart container: ${id}: a signal needs API ${signalSince} where the container is removed when it stops, node ${engine.name} speaks ${engineVersion(engine, context.version)}`,
    );
  }
  if (isRunning) {
    const killed = await forwardChange(context, {
      engine,
      path: `/containers/${id}/kill`,
      query: new URLSearchParams({ signal }),
      answerWithinMs: answerWithin.slow,
    });
    // 404 and 409: it has ended by itself meanwhile.
    if (killed.status >= 400 && killed.status !== 404 && killed.status !== 409) {
      replySmall(context, killed);
      return;
    }
    await waitForEnd(context, { container, graceSeconds });
  }
  // Also when it has ended: without this, its restart policy would start it again.
  const answer = await forwardChange(context, {
    engine,
    path: `/containers/${id}/${call}`,
    query: new URLSearchParams({ t: '0' }),
    answerWithinMs: answerWithin.slow,
  });
  await context.services.cluster.refreshContainer(engine, id);
  // Stopped already, or removed by itself: that is what was asked for.
  if (isRunning && call === 'stop' && [304, 404].includes(answer.status)) replyEmpty(context.response, 204);
  else replySmall(context, answer);
}

async function inspect(context: RouteContext, { id, engine }: CachedContainer): Promise<JsonObject> {
  const answer = await callForBody(context.services.cluster, engine, {
    method: 'GET',
    path: enginePath(engine, { version: context.version, path: `/containers/${id}/json` }),
    headersTimeoutMs: answerWithin.quick,
    signal: context.signal,
  });
  return answer.status === 200 ? parseJsonObject(answer.body) : {};
}

/** Resolves when the container does not run any more, or its time is over. @param graceSeconds negative = no limit */
async function waitForEnd(
  context: RouteContext,
  { container: { id, engine }, graceSeconds }: { container: CachedContainer; graceSeconds: number },
): Promise<void> {
  const { clock, shutdown } = context.services;
  if (graceSeconds === 0) return;
  const grace = startDeadline(clock, {
    // The longest that a timer takes: weeks.
    delayMs: graceSeconds < 0 ? Number.MAX_SAFE_INTEGER : graceSeconds * 1000,
    parent: shutdown,
    reason: () => new Error('the grace period is over'),
  });
  try {
    await forwardChange(context, {
      engine,
      path: `/containers/${id}/wait`,
      query: new URLSearchParams(),
      stallWithinMs: 0,
      signal: grace.signal,
    });
  } catch (error) {
    if (!grace.signal.aborted || shutdown.aborted) throw error;
  } finally {
    grace.clear();
  }
}
