// GET /containers/{id}/json: the engine's live answer plus where the container runs and how its ports are reached.
import { objectAt, type JsonObject } from '../../base/json.js';
import type { PooledEngine } from '../../engine/cluster-view.js';
import { answerWithin } from '../call-engine.js';
import { findReachableContainer } from '../find-container.js';
import { forwardChange, replySmall } from '../forward.js';
import { parseJsonObject } from '../read-all.js';
import { renderNode } from '../render-container.js';
import { renderBindings } from '../render-ports.js';
import { replyJson } from '../reply.js';
import { param, type RouteHandler } from '../route-context.js';

export const inspectContainer: RouteHandler = async (context) => {
  const { id, engine } = findReachableContainer(context.services.cluster, param(context, 'id'));
  const answer = await forwardChange(context, {
    engine,
    path: `/containers/${id}/json`,
    answerWithinMs: answerWithin.quick,
  });
  if (answer.status !== 200) {
    // Gone between two events: the cache learns it now.
    if (answer.status === 404) await context.services.cluster.refreshContainer(engine, id);
    replySmall(context, answer);
    return;
  }
  replyJson(context.response, 200, patchInspect(parseJsonObject(answer.body), engine));
};

/** Adds `Node` and replaces host addresses that mean "all of the engine" by the engine's; all else stays as it is. */
export function patchInspect(body: JsonObject, engine: PooledEngine): JsonObject {
  const settings = objectAt(body, 'NetworkSettings');
  const ports = objectAt(settings, 'Ports');
  return {
    ...body,
    Node: renderNode(engine),
    ...(Object.keys(ports).length === 0
      ? {}
      : { NetworkSettings: { ...settings, Ports: renderBindings(ports, engine.ip) } }),
  };
}
