// Events as clients of the cluster get them: the engine's own, with the node's attributes, and those of the pool itself.
import { isJsonObject, objectAt, type JsonObject } from '../base/json.js';
import type { ClusterEvent, ManagerEvent } from './cluster-view.js';

/** What an event says of the engine it comes from. */
export interface EventNode {
  readonly name: string;
  readonly id: string;
  /** `host:port`. */
  readonly address: string;
  readonly ip: string;
}

export type PoolAction = 'engine_connect' | 'engine_disconnect' | 'engine_reconnect';

// Quotes inside JSON strings are escaped, so this can only match a member. It is a number only at the top level:
// the other place for foreign keys, Actor.Attributes, holds strings.
const timeNanoMember = /"timeNano":\s*(-?\d+)/;

/**
 * The event of one line of an engine's stream, or undefined when the line is no JSON object.
 * Unknown members stay; `from`, `Actor.Attributes` and `node` get the engine added.
 */
export function parseEngineEvent(
  line: string,
): { readonly event: JsonObject; readonly timeNanoDigits: string | undefined } | undefined {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isJsonObject(event)) return undefined;
  return { event, timeNanoDigits: timeNanoMember.exec(line)?.[1] };
}

export function attributeEvent(
  parsed: { readonly event: JsonObject; readonly timeNanoDigits: string | undefined },
  node: EventNode,
): ClusterEvent {
  const { event: original, timeNanoDigits } = parsed;
  const actor = objectAt(original, 'Actor');
  const from = typeof original['from'] === 'string' ? original['from'] : undefined;
  const event: JsonObject = {
    ...original,
    ...(from === undefined ? {} : { from: `${from} node:${node.name}` }),
    Actor: { ...actor, Attributes: { ...objectAt(actor, 'Attributes'), ...nodeAttributes(node) } },
    node: nodeMember(node),
  };
  return finish(event, timeNanoDigits);
}

/** An event of the pool about one of its engines, or of the manager about a container there. */
export function poolEvent(
  action: PoolAction | ManagerEvent['action'],
  {
    node,
    nowMs,
    actor,
  }: {
    readonly node: EventNode;
    readonly nowMs: number;
    readonly actor?: Pick<ManagerEvent, 'id' | 'attributes'>;
  },
): ClusterEvent {
  return finish(
    {
      status: action,
      from: `swarm node:${node.name}`,
      Type: 'swarm',
      Action: action,
      Actor: { ID: actor?.id ?? '', Attributes: { ...actor?.attributes, ...nodeAttributes(node) } },
      time: Math.floor(nowMs / 1000),
      timeNano: 0,
      node: nodeMember(node),
    },
    String(BigInt(Math.floor(nowMs)) * 1_000_000n),
  );
}

/** Writes the event with the exact digits of `timeNano`, which a double would round. */
function finish(event: JsonObject, timeNanoDigits: string | undefined): ClusterEvent {
  if (timeNanoDigits === undefined) return { event, text: JSON.stringify(event), timeNano: 0n };
  const rounded = { ...event, timeNano: Number(timeNanoDigits) };
  const text = JSON.stringify(rounded).replace(timeNanoMember, `"timeNano":${timeNanoDigits}`);
  return { event: rounded, text, timeNano: BigInt(timeNanoDigits) };
}

function nodeAttributes(node: EventNode): Record<string, string> {
  return { 'node.name': node.name, 'node.id': node.id, 'node.addr': node.address, 'node.ip': node.ip };
}

function nodeMember(node: EventNode): Record<string, string> {
  return { Name: node.name, Id: node.id, Addr: node.address, Ip: node.ip };
}
