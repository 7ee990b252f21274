// POST /containers/{id}/start: on engines before API 1.42 the terminal gets the size of the create afterwards.
import { messageOf } from '../../base/errors.js';
import { objectAt } from '../../base/json.js';
import { isAtLeast } from '../../engine/api-version.js';
import type { CachedContainer } from '../../engine/cluster-view.js';
import { answerWithin, callForBody } from '../call-engine.js';
import { enginePath, engineVersion } from '../engine-path.js';
import { findReachableContainer } from '../find-container.js';
import { forwardChange, replySmall } from '../forward.js';
import { parseJsonObject } from '../read-all.js';
import { readBody } from '../read-body.js';
import { param, type RouteContext, type RouteHandler } from '../route-context.js';

const consoleSizeSince = '1.42';

export const startContainer: RouteHandler = async (context) => {
  const { cluster } = context.services;
  const container = findReachableContainer(cluster, param(context, 'id'));
  const { id, engine } = container;
  // Engines up to 1.23 took a HostConfig here; newer ones refuse it, so what old clients send is dropped.
  await readBody(context);
  const answer = await forwardChange(context, {
    engine,
    path: `/containers/${id}/start`,
    answerWithinMs: answerWithin.slow,
  });
  if (answer.status < 400) await cluster.refreshContainer(engine, id);
  const isIgnored =
    isAtLeast(context.version, consoleSizeSince) &&
    !isAtLeast(engineVersion(engine, context.version), consoleSizeSince);
  if (answer.status === 204 && isIgnored && context.services.terminals.has(id) !== false)
    await resizeConsole(context, container);
  replySmall(context, answer);
};

/** The engine has kept the size without using it. A container that has ended already cannot be resized, nor need it be. */
async function resizeConsole(context: RouteContext, { id, engine }: CachedContainer): Promise<void> {
  const { cluster } = context.services;
  const call = (method: string, path: string, query?: URLSearchParams): ReturnType<typeof callForBody> =>
    callForBody(cluster, engine, {
      method,
      path: enginePath(engine, { version: context.version, path: `/containers/${id}/${path}`, query }),
      headersTimeoutMs: answerWithin.quick,
      signal: context.signal,
    });
  try {
    const inspected = await call('GET', 'json');
    if (inspected.status !== 200) return;
    const inspection = parseJsonObject(inspected.body);
    const size: unknown = objectAt(inspection, 'HostConfig')['ConsoleSize'];
    const [height, width] = Array.isArray(size) ? (size as unknown[]) : [];
    const hasTerminal = objectAt(inspection, 'Config')['Tty'] === true;
    if (!hasTerminal || typeof height !== 'number' || typeof width !== 'number') return;
    if (height <= 0 || width <= 0) return;
    await call('POST', 'resize', new URLSearchParams({ h: String(height), w: String(width) }));
  } catch (error) {
    // It runs: that is the answer. A terminal of another size is no reason to say that it does not.
    context.services.logger.debug('Cannot set the size of a terminal', {
      container: id,
      error: messageOf(error),
    });
  }
}
