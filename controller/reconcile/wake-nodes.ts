// Rings the loops of those nodes of a cluster that have something to do now.
import { nodesToWake } from '../plan/next-actions.js';
import { currentPlan } from './current-plan.js';
import type { ReconcilePorts } from './ports.js';

export function wakeNodes(
  cluster: string,
  options: Pick<ReconcilePorts, 'fleet' | 'store' | 'enqueue'> & {
    /** The node whose loop is asking: it knows already. */
    readonly except?: string;
  },
): void {
  const object = options.store.getCluster(cluster);
  if (object === undefined || object.spec.suspend) return;
  const current = currentPlan(cluster, options);
  if (current === undefined) return;
  for (const name of nodesToWake(current.plan, current.progress)) {
    // One that fails has its own, growing delay.
    if (name !== options.except && !current.progress.failing.has(name))
      options.enqueue({ kind: 'Node', name });
  }
}
