// Rings the loops of those nodes of a cluster that have something to do now.
import { suspensionOf } from '../api/suspension.js';
import { nodesToWake } from '../plan/next-actions.js';
import { currentPlan } from './current-plan.js';
import type { ReconcilePorts } from './ports.js';

export function wakeNodes(
  cluster: string,
  options: Pick<ReconcilePorts, 'fleet' | 'store' | 'enqueue' | 'clock'> & {
    /** The node whose loop is asking: it knows already. */
    readonly except?: string;
  },
): void {
  const object = options.store.getCluster(cluster);
  if (object === undefined || suspensionOf(object, options.clock.now()) !== undefined) return;
  const current = currentPlan(cluster, options);
  if (current === undefined) return;
  for (const name of nodesToWake(current.plan, current.progress)) {
    // One that fails has its own, growing delay; one that is suspended does nothing.
    if (name !== options.except && !current.progress.failing.has(name))
      options.enqueue({ kind: 'Node', name });
  }
}
