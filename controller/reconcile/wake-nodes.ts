// Rings the loops of those nodes of a cluster that have something to do now and do not know it yet.
import { suspensionOf } from '../api/suspension.js';
import { livePlan } from './current-plan.js';
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
  for (const name of livePlan(cluster, options)?.takeReady(options.except) ?? []) {
    options.enqueue({ kind: 'Node', name });
  }
}
