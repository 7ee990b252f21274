// Takes the entry of an engine that left its cluster out of discovery, so that managers forget it now and not only when
// its lease ends. A courtesy: without it the entry goes by itself after ttlSeconds.
import { withDeadline } from '../base/deadline.js';
import { messageOf, SwarmError } from '../base/errors.js';
import type { Cluster } from '../api/resources.js';
import { discoveryUrl } from '../plan/discovery-url.js';
import type { ReconcilePorts } from './ports.js';
import { reloadAgents } from './reload-agents.js';
import { clientFiles } from './token-services.js';

/** A token service answers in milliseconds; a deletion must not hang on one that is gone. */
const leaveTimeoutMs = 3000;

export async function leaveDiscovery(options: {
  readonly cluster: Cluster;
  readonly entry: string;
  readonly ports: ReconcilePorts;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { cluster, entry, ports } = options;
  const { clock, random, logger, fleet, store, credentials, outside } = ports;
  if (cluster.spec.discovery.backend !== 'token') return;
  const nodes = store
    .list('Node')
    .filter((node) => node.spec.cluster === cluster.metadata.name)
    .flatMap((node) => fleet.lastResolved(node.metadata.name) ?? []);
  const token = await credentials.token(cluster.metadata.name);
  const url = token === undefined ? undefined : discoveryUrl(cluster, { nodes, token });
  if (url === undefined) return;
  const directory = credentials.clientDirectory(cluster.metadata.name);
  try {
    await withDeadline(
      clock,
      {
        delayMs: leaveTimeoutMs,
        parent: options.signal,
        reason: () => new SwarmError('TIMEOUT', 'Cannot leave discovery: no answer in time'),
      },
      async (signal) => {
        const backend = await outside.openDiscovery(url, {
          clock,
          random,
          options: clientFiles(directory),
        });
        try {
          await backend.unregister?.(entry, signal);
        } finally {
          await backend.close();
        }
      },
    );
  } catch (error) {
    options.signal.throwIfAborted();
    logger.debug(`The entry ${entry} stays until its lease ends: ${messageOf(error)}`);
    return;
  }
  await reloadAgents(cluster.metadata.name, { role: 'manage', ports, signal: options.signal });
}
