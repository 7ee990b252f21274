// Sends SIGHUP to all containers of one role in a cluster: managers read discovery now instead of at their next
// heartbeat, join containers register now. Harmless when repeated.
import { agentContainerName, type AgentRole } from '../api/agent-role.js';
import { containerLabels } from '../api/labels.js';
import { suspensionOfNode } from '../api/suspension.js';
import { messageOf } from '../base/errors.js';
import type { ReconcilePorts } from './ports.js';

// Each is one small request to another engine; more at once would only make the loops of these engines wait.
const signalledAtOnce = 16;

/** Only containers that were running when they were last seen. Never rejects, except when aborted. */
export async function reloadAgents(
  cluster: string,
  options: { readonly role: AgentRole; readonly ports: ReconcilePorts; readonly signal: AbortSignal },
): Promise<void> {
  const { role, ports, signal } = options;
  const { fleet, sessions, installation, logger, store, clock } = ports;
  const name = agentContainerName(cluster, role);
  const running = store.list('Node').flatMap((node) => {
    const view = fleet.view(node.metadata.name);
    if (node.spec.cluster !== cluster || view.type !== 'observed') return [];
    if (suspensionOfNode(node, store.getCluster(cluster), clock.now()) !== undefined) return [];
    const container = view.observation.containers.find(
      (other) =>
        other.name === name &&
        other.state === 'running' &&
        other.labels[containerLabels.installation] === installation,
    );
    return container === undefined ? [] : [{ node: node.metadata.name, id: container.id }];
  });
  const reload = async ({ node, id }: { readonly node: string; readonly id: string }): Promise<void> => {
    try {
      // A signal of its own: all of them would hang on the one of this run.
      await sessions.current(node)?.signalContainer(id, 'SIGHUP', AbortSignal.any([signal]));
    } catch (error) {
      signal.throwIfAborted();
      logger.debug(`Cannot ask ${name} on ${node} to look again: ${messageOf(error)}`);
    }
  };
  for (let start = 0; start < running.length; start += signalledAtOnce) {
    await Promise.all(running.slice(start, start + signalledAtOnce).map(reload));
  }
}
