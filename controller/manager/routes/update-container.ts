// POST /containers/{id}/update: new limits are new reservations, so they must fit the engine like those of a create.
import type { JsonObject } from '../../base/json.js';
import type { CachedContainer } from '../../engine/cluster-view.js';
import { explainUpdate } from '../../schedule/resources.js';
import { refusalTexts } from '../../schedule/refusal.js';
import { readResources, withEngineCpuShares } from '../../schedule/resource-request.js';
import { ApiError } from '../api-error.js';
import { answerWithin } from '../call-engine.js';
import { findReachableContainer } from '../find-container.js';
import { forwardChange, replySmall } from '../forward.js';
import { stringifyJson } from '../lossless-json.js';
import { withOvercommit } from '../placement/overcommit.js';
import { readJsonBody } from '../read-body.js';
import { param, type RouteContext, type RouteHandler } from '../route-context.js';

export const updateContainer: RouteHandler = async (context) => {
  const { cluster, settings } = context.services;
  const container = findReachableContainer(cluster, param(context, 'id'));
  const { engine, id } = container;
  const given = await readJsonBody(context);
  requireRoom(context, container, given);
  const body =
    settings.cpuShares === 'classic'
      ? withEngineCpuShares(given, { engineCpus: engine.specs?.cpus ?? 0, isUpdate: true })
      : given;
  const answer = await forwardChange(context, {
    engine,
    path: `/containers/${id}/update`,
    body: Buffer.from(stringifyJson(body)),
    answerWithinMs: answerWithin.slow,
  });
  if (answer.status < 400) {
    // Whoever updates reads the new reservation next, in `docker info`.
    await Promise.all([cluster.refreshContainer(engine, id), cluster.refreshReservation(engine, id)]);
  }
  replySmall(context, answer);
};

/** Lowering, or leaving as it is, is always possible. @throws ApiError 500 in the words of a create */
function requireRoom(context: RouteContext, container: CachedContainer, body: JsonObject): void {
  const { cluster, settings } = context.services;
  const { engine } = container;
  const wanted = readResources({ HostConfig: body }, settings.cpuShares);
  const others = cluster.containersOf(engine).filter(({ id }) => id !== container.id);
  const reason = explainUpdate(
    {
      memoryBytes: withOvercommit(engine.specs?.memoryBytes ?? 0, settings.overcommit),
      usedMemoryBytes: others.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
      cpus: withOvercommit(engine.specs?.cpus ?? 0, settings.overcommit),
      usedCpus: others.reduce((sum, { cpus }) => sum + cpus, 0),
    },
    {
      memoryBytes: wanted.memoryBytes > container.memoryBytes ? wanted.memoryBytes : 0,
      cpus: wanted.cpus > container.cpus ? wanted.cpus : 0,
    },
  );
  if (reason === undefined) return;
  throw new ApiError(500, `${refusalTexts.noResources}\nengine "${engine.name}" ${reason}`);
}
