// GET /containers/{id}/json: the engine's live answer plus where the container runs and how its ports are reached.
import { objectAt, type JsonObject } from '../../base/json.js';
import type { PooledEngine } from '../../engine/cluster-view.js';
import { answerWithin } from '../call-engine.js';
import { findReachableContainer } from '../find-container.js';
import { forwardChange, replySmall } from '../forward.js';
import { parseJsonObject } from '../read-all.js';
import { renderNode } from '../render-container.js';
import { renderBindings } from '../render-ports.js';
import { replyBytes, replyJson } from '../reply.js';
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
  const spliced = spliceNode(answer.body, engine);
  if (spliced === undefined) {
    replyJson(context.response, 200, patchInspect(parseJsonObject(answer.body), engine));
  } else replyBytes(context.response, 200, spliced, 'application/json');
};

/**
 * The answer with `Node` added to its end, as bytes: reading and writing 5 kB of JSON costs as much as all the rest of the
 * request. @returns undefined where more than that is to be changed, or it is not plain to see that it is not
 */
export function spliceNode(body: Buffer, engine: PooledEngine): Buffer | undefined {
  const end = body.lastIndexOf('}');
  const hasForm = /^\{"/.test(body.toString('latin1', 0, 2)) && /^\}\s*$/.test(body.toString('latin1', end));
  // Addresses of ports may have to change, and an engine's own `Node` must not stand there twice.
  if (!hasForm || body.includes('"HostIp"') || body.includes('"Node"')) return undefined;
  const tail = Buffer.from(`,"Node":${JSON.stringify(renderNode(engine))}}\n`);
  return Buffer.concat([body.subarray(0, end), tail]);
}

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
