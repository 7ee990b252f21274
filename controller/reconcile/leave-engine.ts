// A Node that is moved to another engine leaves containers on the one before. They become a debt, which is collected when
// the new engine has answered: a slip in an address takes nothing away. A Node that is no manager any more owes the volume
// in which its manager kept its state: when the container is gone, nothing else knows of it.
import { containerLabels } from '../api/labels.js';
import type { Cluster, Node } from '../api/resources.js';
import { placeOf } from '../store/revise.js';
import type { ObservedContainer } from '../plan/observation.js';
import { duplicateOf, type PlanPorts } from './current-plan.js';
import { leaveDiscovery } from './leave-discovery.js';
import type { ReconcilePorts } from './ports.js';

/** Makes debts of what a Node has left behind. Durable before the store forgets it. */
export async function takeOverLeft(
  node: Node,
  {
    store,
    fleet,
    debts,
    story,
    clock,
  }: Pick<ReconcilePorts, 'store' | 'fleet' | 'debts' | 'story' | 'clock'>,
): Promise<void> {
  const { name } = node.metadata;
  const left = store.leftBy(name);
  if (left.length === 0) return;
  const here = placeOf(node);
  for (const spec of left) {
    const owner = { ...node, spec };
    if (placeOf(owner) === here) {
      await debts.record({ node: owner, sinceMs: clock.now(), isVolume: true });
      continue;
    }
    await debts.record({ node: owner, sinceMs: clock.now(), hasMoved: true });
    const from = spec.engine?.address ?? `machine ${spec.machine?.name ?? name}`;
    const message = `Node ${name} left the engine at ${from}; its containers there are removed once the new engine answers`;
    story.tell({ kind: 'Node', name }, { type: 'Normal', reason: 'Moved', message });
  }
  // What was seen is of the engine before.
  if (left.some((spec) => placeOf({ ...node, spec }) !== here)) fleet.setView(name, { type: 'unknown' });
  await store.takeLeft(name, left);
}

/**
 * The Node that has the engine of one that is deleted. Its loop clears what is left there, but it may leave before it came
 * to that.
 * @param o.own containers of ours on the engine
 * @returns undefined also when there is nothing left of the Node
 */
export function heirOf(
  { metadata }: Node,
  o: { readonly own: readonly ObservedContainer[]; readonly ports: PlanPorts },
): string | undefined {
  const isLeft = o.own.some(({ labels }) => labels[containerLabels.node] === metadata.name);
  return metadata.deletionTimestamp !== undefined && isLeft ? duplicateOf(metadata.name, o.ports) : undefined;
}

/**
 * Writes down that an engine may still make something for a Node that goes, or whose Cluster does.
 * @param home of the Cluster
 */
export async function leaveLate(
  node: Node,
  { late, fleet }: Pick<ReconcilePorts, 'late' | 'fleet'>,
  home?: Cluster['metadata'],
): Promise<void> {
  const { name, deletionTimestamp } = node.metadata;
  const isHomeGoing = home?.deletionTimestamp !== undefined;
  // Once: a Node whose Cluster goes is looked at until the others are cleared, too.
  const isLeaving = isHomeGoing ? !fleet.isCleared(name, home.uid) : deletionTimestamp !== undefined;
  if (isLeaving) await late.leave(node);
}

/** What a Node that goes may leave on its engine: written down, so that it is removed when that is possible. */
export async function leaveDebt(
  node: Node,
  o: {
    /** Behind the name of the Node: `goes without its engine`. */
    readonly why: string;
    readonly cluster: Cluster | undefined;
    /** In discovery. */
    readonly entry: string | undefined;
    readonly ports: ReconcilePorts;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { debts, story, clock } = o.ports;
  const { name, uid } = node.metadata;
  if (debts.isOwedByGone(uid)) return;
  await debts.record({ node, sinceMs: clock.now() });
  const key = { kind: 'Cluster', name: node.spec.cluster } as const;
  story.tell(key, { type: 'Warning', reason: 'DebtRecorded', message: `Node ${name} ${o.why}` });
  const { cluster, entry, ports, signal } = o;
  if (entry === undefined || cluster === undefined) return;
  await leaveDiscovery({ cluster, entry, ports, signal });
}
