// One look of a Node's loop at its engine: what was seen goes to the fleet, unless another engine answers there.
import { agentContainerName, agentRoles } from '../api/agent-role.js';
import type { Node } from '../api/resources.js';
import type { EngineClient } from '../engine/engine-client.js';
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
  o: { readonly node: Node; readonly ports: ReconcilePorts; readonly signal: AbortSignal },
): Promise<Stranger | undefined> {
  const { node, ports, signal } = o;
  const { fleet, store, clock, delivered, installation } = ports;
  const { name } = node.metadata;
  const { cluster } = node.spec;
  const reading = await observeEngine(client, {
    installation,
    names: agentRoles.map((role) => agentContainerName(cluster, role)),
    image: fleet.desired(cluster)?.image.reference,
    filesHashOf: (id) => delivered.get(id),
    clock,
    signal,
  });
  const { engine } = reading;
  // Who was approved meanwhile is approved.
  const newest = store.getNode(name) ?? node;
  if (isStranger({ ...newest, spec: node.spec }, reading, installation)) return engine;
  const before = fleet.view(name);
  const wasCutOff = fleet.isCutOff();
  const failures = before.type === 'observed' ? before.failures : 0;
  const applyError = before.type === 'observed' ? before.applyError : undefined;
  fleet.setView(name, {
    type: 'observed',
    engine: steadyClock(before.type === 'observed' ? before.engine : undefined, engine),
    observation: reading.observation,
    failures,
    ...(applyError === undefined ? {} : { applyError }),
  });
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
