// A Node that is moved to another engine leaves containers on the one before. They become a debt, which is collected when
// the new engine has answered: a slip in an address takes nothing away.
import type { Node } from '../api/resources.js';
import type { ReconcilePorts } from './ports.js';

/** Makes debts of the places that a Node has left. Durable before the store forgets them. */
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
  for (const spec of left) {
    await debts.record({ node: { ...node, spec }, sinceMs: clock.now(), hasMoved: true });
    const from = spec.engine?.address ?? `machine ${spec.machine?.name ?? name}`;
    const message = `Node ${name} left the engine at ${from}; its containers there are removed once the new engine answers`;
    story.tell({ kind: 'Node', name }, { type: 'Normal', reason: 'Moved', message });
  }
  // What was seen is of the engine before.
  fleet.setView(name, { type: 'unknown' });
  await store.takeLeft(name, left);
}
