// Removes what a Node has left on an engine that is not its own any more, unless the engine is another Node's by now.
import type { HostPort } from '../api/engine-address.js';
import { formatHostPort, parseTcpAddress } from '../api/engine-address.js';
import { agentContainerName, agentRoles, managerVolumeName } from '../api/agent-role.js';
import { containerLabels } from '../api/labels.js';
import type { Node } from '../api/resources.js';
import type { EngineEndpoint } from '../engine/endpoint.js';
import type { ObservedContainer } from '../plan/observation.js';
import { discard } from '../plan/plan-container.js';
import { placeOf } from '../store/revise.js';
import { applyActions } from './apply-plan.js';
import { observeEngine } from './observe-engine.js';
import type { ReconcilePorts } from './ports.js';

/**
 * Nothing is touched on the engine of another Node, which `owner` is, perhaps by another address.
 * @param o.isVolumeLeft also the volume of a manager whose container is gone
 * @returns undefined when that one has still to clear what is left
 * @throws {ENGINE_*}
 */
export async function clearLeft(
  node: Node,
  o: {
    readonly endpoint: EngineEndpoint;
    /** Of the removal. */
    readonly why: string;
    readonly isVolumeLeft: boolean;
    readonly ports: ReconcilePorts;
    readonly signal: AbortSignal;
  },
): Promise<{ readonly owner?: string } | undefined> {
  const { signal } = o;
  const { clock, fleet, images, delivered, installation, outside, story, store } = o.ports;
  const { name } = node.metadata;
  const client = outside.connect(o.endpoint);
  try {
    const { engine, observation } = await observeEngine(client, {
      ...{ installation, clock, signal, image: undefined, filesHashOf: () => undefined },
      names: agentRoles.map((role) => agentContainerName(node.spec.cluster, role)),
    });
    const owner = fleet.nodesWithEngine(engine.id).find((other) => {
      const found = store.getNode(other);
      return found !== undefined && clearsItself(found, store);
    });
    const left = observation.containers.filter((container) => isLeftBy(name, container, installation));
    if (owner !== undefined && (owner === name || left.length === 0)) return { owner };
    if (owner !== undefined) return undefined;
    await applyActions(
      left.map((container) => discard(name, container, o.why)),
      {
        ...{ client, images, delivered, installation, clock, signal, files: fleet.files },
        tell: (happening) => story.tell({ kind: 'Node', name }, happening),
      },
    );
    // It went with its container, unless we were killed between the two.
    if (o.isVolumeLeft && node.spec.roles.includes('manager')) {
      await client.removeVolume(managerVolumeName(node.spec.cluster), signal);
    }
    return {};
  } finally {
    await client.close();
  }
}

export function isLeftBy(node: string, { labels }: ObservedContainer, installation: string): boolean {
  return labels[containerLabels.installation] === installation && labels[containerLabels.node] === node;
}

/** Whether a Node's own loop removes what others left on its engine: without a Cluster it does nothing there. */
export function clearsItself(
  { metadata, spec }: Node,
  store: Pick<ReconcilePorts['store'], 'getCluster'>,
): boolean {
  const home = store.getCluster(spec.cluster);
  const isAtHome = home !== undefined && home.metadata.deletionTimestamp === undefined;
  return metadata.deletionTimestamp === undefined && isAtHome;
}

/** The Nodes on the engine on which `node` was. */
export function nodesAt(
  node: Node,
  address: HostPort | undefined,
  { store, fleet }: Pick<ReconcilePorts, 'store' | 'fleet'>,
): readonly Node[] {
  const wanted = address === undefined ? undefined : formatHostPort(address);
  return store.list('Node').filter((other) => {
    const { engine } = other.spec;
    // Where a manifest says it, that counts: what was resolved may be of a place that the Node has just left.
    const place =
      engine === undefined
        ? fleet.lastResolved(other.metadata.name)?.address
        : parseTcpAddress(engine.address);
    const isThere = place !== undefined && formatHostPort(place) === wanted;
    return isThere || placeOf(other) === placeOf(node);
  });
}
