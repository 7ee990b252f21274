// What a plan is made from right now, for the flight recorder: of a whole cluster, or of one node alone.
import type { Node } from '../api/resources.js';
import type { NodeView } from './fleet.js';
import type { FlightInput, FlightNode } from './flight-record.js';
import type { ReconcilePorts } from './ports.js';

type Ports = Pick<ReconcilePorts, 'store' | 'fleet' | 'installation'>;

export function clusterInput(name: string, ports: Ports): FlightInput {
  const desired = ports.fleet.desired(name);
  // Nodes of other clusters count where they have the same engine: the plan leaves the younger one out.
  const names = (desired?.nodes ?? []).flatMap((node) => {
    const view = ports.fleet.view(node);
    return view.type === 'observed' ? [node, ...ports.fleet.nodesWithEngine(view.engine.id)] : [node];
  });
  const nodes = [...new Set(names)].flatMap((node) => ports.store.getNode(node) ?? []);
  return inputOf(name, nodes, ports);
}

/** Other nodes do not matter to what one node does once it is its turn. */
export function nodeInput(node: Node, ports: Ports): FlightInput {
  const input = inputOf(node.spec.cluster, [node], ports);
  const { name } = node.metadata;
  const { desired } = input;
  if (desired === undefined) return input;
  const containers = desired.containers.filter((container) => container.node === name);
  return { ...input, desired: { ...desired, nodes: [name], containers } };
}

function inputOf(
  cluster: string,
  nodes: readonly Node[],
  { store, fleet, installation }: Ports,
): FlightInput {
  const object = store.getCluster(cluster);
  const desired = fleet.desired(cluster);
  const managers = fleet.managers(cluster);
  return {
    installation,
    ...(object === undefined ? {} : { cluster: object }),
    ...(desired === undefined ? {} : { desired }),
    nodes: nodes.map((node): FlightNode => {
      const manager = managers.get(node.metadata.name);
      return {
        node,
        view: viewOf(node.metadata.name, fleet),
        ...(manager === undefined ? {} : { isServing: manager.type === 'serving' }),
      };
    }),
  };
}

/** With what is remembered of an engine beside the last look. */
function viewOf(node: string, fleet: Ports['fleet']): NodeView {
  const view = fleet.view(node);
  if (view.type !== 'observed') return view;
  return { ...view, observation: { ...view.observation, ...fleet.drift.view(view.engine.id) } };
}
