// GET /containers/{id}/json: the engine's live answer plus where the container runs and how its ports are reached.
import { isJsonObject, objectAt, type JsonObject } from '../../base/json.js';
import type { PooledEngine } from '../../engine/cluster-view.js';
import { ValueScanner } from '../../engine/value-scanner.js';
import { answerWithin } from '../call-engine.js';
import { findReachableContainer } from '../find-container.js';
import { forwardChange, replySmall } from '../forward.js';
import { parseJson, stringifyJson } from '../lossless-json.js';
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
 * The answer with `Node` added to its end and addresses of ports replaced, as bytes: reading and writing 5 kB of JSON costs
 * as much as all the rest of the request. @returns undefined where it is not plain to see where that goes
 */
export function spliceNode(body: Buffer, engine: PooledEngine): Buffer | undefined {
  const end = body.lastIndexOf(closeObject);
  const hasForm = body[0] === openObject && body[1] === quote && /^\}\s*$/.test(body.toString('latin1', end));
  // An engine's own `Node` must not stand there twice.
  if (!hasForm || body.includes('"Node"')) return undefined;
  const tail = Buffer.from(`,"Node":${JSON.stringify(renderNode(engine))}}\n`);
  try {
    // Where no container port is bound there is no address either.
    const [from, to] = body.includes('"HostIp"') ? findPorts(body) : [0, 0];
    const ports: unknown = to === 0 ? undefined : parseJson(body.toString('utf8', from, to));
    if (!isJsonObject(ports)) return Buffer.concat([body.subarray(0, end), tail]);
    const shown = Buffer.from(stringifyJson(renderBindings(ports, engine.ip)));
    return Buffer.concat([body.subarray(0, from), shown, body.subarray(to, end), tail]);
  } catch {
    // What it is then is for the parser of the whole to say.
    return undefined;
  }
}

/** Where the value of `NetworkSettings.Ports` stands; 0 and 0 when there is none. @throws SyntaxError */
function findPorts(body: Buffer): readonly [from: number, to: number] {
  const scanner = new ValueScanner(body);
  const [settings = 0] = scanner.members(0, ['NetworkSettings'])?.at ?? [];
  const [from = 0, to = 0] = (settings === 0 ? undefined : scanner.members(settings, ['Ports'])?.at) ?? [];
  return [from, to];
}

const openObject = 0x7b;
const closeObject = 0x7d;
const quote = 0x22;

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
