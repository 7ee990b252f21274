// Asks the managers of a cluster to read discovery now instead of at their next heartbeat.
import { agentContainerName } from '../api/agent-role.js';
import { containerLabels } from '../api/labels.js';
import { messageOf } from '../base/errors.js';
import type { ReconcilePorts } from './ports.js';

/** SIGHUP to every manager container that runs. Harmless when repeated. Never rejects, except when aborted. */
export async function reloadManagers(
  cluster: string,
  { ports, signal }: { readonly ports: ReconcilePorts; readonly signal: AbortSignal },
): Promise<void> {
  const { fleet, sessions, installation, logger } = ports;
  const name = agentContainerName(cluster, 'manage');
  // A cluster has a handful of managers.
  await Promise.all(
    [...fleet.managers(cluster).keys()].map(async (node) => {
      const view = fleet.view(node);
      if (view.type !== 'observed') return;
      const container = view.observation.containers.find(
        (other) =>
          other.name === name &&
          other.state === 'running' &&
          other.labels[containerLabels.installation] === installation,
      );
      if (container === undefined) return;
      try {
        await sessions.current(node)?.signalContainer(container.id, 'SIGHUP', signal);
      } catch (error) {
        signal.throwIfAborted();
        logger.debug(`Cannot ask ${name} on ${node} to look again: ${messageOf(error)}`);
      }
    }),
  );
}
