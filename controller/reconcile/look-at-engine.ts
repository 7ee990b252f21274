// One look of a Node's loop at its engine: what was seen goes to the fleet, unless another engine answers there.
import { agentContainerName, agentRoles } from '../api/agent-role.js';
import type { Node } from '../api/resources.js';
import type { EngineClient } from '../engine/engine-client.js';
import { withChangedFiles } from './check-files.js';
import { desiredOn } from './current-plan.js';
import { steadyClock } from './engine-clock.js';
import { settleContainers } from './node-drift.js';
import { observeEngine } from './observe-engine.js';
import type { ReconcilePorts } from './ports.js';
import { isStranger, type Stranger } from './same-engine.js';

/**
 * @param o.node with the spec that the endpoint of `client` was made from
 * @returns the engine that has taken the place of the Node's: then the fleet was told nothing
 * @throws {ENGINE_*}
 */
export async function lookAtEngine(
  client: EngineClient,
  o: {
    readonly node: Node;
    readonly ports: ReconcilePorts;
    readonly signal: AbortSignal;
    /** The same run has looked before it acted: who the engine is need not be asked again. */
    readonly isAfterActing?: boolean;
  },
): Promise<Stranger | undefined> {
  const { node, ports, signal, isAfterActing = false } = o;
  const { fleet, store, clock, delivered, installation } = ports;
  const { name } = node.metadata;
  const { cluster } = node.spec;
  const memory = ports.sessions.memory(name);
  const beganMs = clock.monotonic();
  const known = memory?.known({ nowMs: beganMs, isAfterActing });
  const names = namesToFind(node, ports);
  memory?.begin();
  const reading = await observeEngine(client, {
    ...{ installation, names, known, clock, signal },
    image: imageToFind(node, ports),
    filesHashOf: (id) => delivered.get(id),
  });
  const { generation } = node.metadata;
  memory?.end({ beganMs, reading, names, generation }, known);
  const { engine } = reading;
  // Who was approved meanwhile is approved.
  const newest = store.getNode(name) ?? node;
  if (isStranger({ ...newest, spec: node.spec }, reading, installation)) return engine;
  const observation = await withChangedFiles(reading.observation, {
    ...{ client, node, ports, signal },
    remapsUsers: engine.remapsUsers === true,
    desired: desiredOn(name, cluster, ports) ?? [],
  });
  const before = fleet.view(name);
  const wasCutOff = fleet.isCutOff(store.count('Node'));
  const failures = before.type === 'observed' ? before.failures : 0;
  const applyError = before.type === 'observed' ? before.applyError : undefined;
  fleet.setView(name, {
    type: 'observed',
    engine: steadyClock(before.type === 'observed' ? before.engine : undefined, engine),
    observation,
    failures,
    ...(applyError === undefined ? {} : { applyError }),
  });
  ports.late.looked(node);
  settleContainers(name, { cluster, ports });
  // The network is back: nobody has to sit out the distance that grew while it was away.
  if (wasCutOff) for (const other of fleet.failedNodes()) ports.enqueue({ kind: 'Node', name: other });
  if (before.type !== 'observed' || before.engine.id !== engine.id) {
    // Whether this engine is somebody else's changes for both.
    for (const other of fleet.nodesWithEngine(engine.id)) {
      if (other !== name) ports.enqueue({ kind: 'Node', name: other });
    }
  }
  return undefined;
}

/** Whether what the last look saw is what another would see. */
export function isLookCurrent(node: Node, ports: ReconcilePorts): boolean {
  const { fleet, sessions, clock } = ports;
  const { name, generation } = node.metadata;
  if (fleet.view(name).type !== 'observed') return false;
  const names = namesToFind(node, ports);
  const image = imageToFind(node, ports);
  const now = { nowMs: clock.monotonic(), names, image, generation };
  return sessions.memory(name)?.isCurrent(now) === true;
}

/** Names that somebody else's container could hold; all of them while nobody has said which are desired. */
function namesToFind(node: Node, ports: ReconcilePorts): readonly string[] {
  const { cluster } = node.spec;
  const desired = desiredOn(node.metadata.name, cluster, ports);
  return desired === undefined
    ? agentRoles.map((role) => agentContainerName(cluster, role))
    : desired.map((container) => container.name);
}

/** Before the cluster's loop has said which, the one that its manifest names. */
function imageToFind({ spec }: Node, { fleet, store }: ReconcilePorts): string | undefined {
  return fleet.desired(spec.cluster)?.image.reference ?? store.getCluster(spec.cluster)?.spec.image;
}
