// A Node that is moved to another engine leaves containers on the one before. They become a debt, which is collected when
// the new engine has answered: a slip in an address takes nothing away. A Node that is no manager any more owes the volume
// in which its manager kept its state: when the container is gone, nothing else knows of it.
import type { Node } from '../api/resources.js';
import { placeOf } from '../store/revise.js';
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
