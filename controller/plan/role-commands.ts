// The command lines of our three containers, made from a Cluster's spec. No secret may appear here: commands are
// visible to everybody who can list containers.
import { createHash } from 'node:crypto';
import path from 'node:path';
import { formatHostPort } from '../api/engine-address.js';
import type { Cluster } from '../api/resources.js';
import { containerPaths } from './container-files.js';

/** Every address of the host, IPv4: the engine's host may have several. */
const anyAddress = '0.0.0.0';

export function discoveryCommand(cluster: Cluster): readonly string[] {
  return [
    'discovery',
    '--host',
    `tcp://${formatHostPort({ host: anyAddress, port: cluster.spec.discovery.port })}`,
    ...serverTlsFlags(cluster),
    // Entries survive a restart of the container, so that managers miss nobody.
    '--data-file',
    containerPaths.leases,
  ];
}

export function manageCommand(
  cluster: Cluster,
  { installation }: { readonly installation: string },
): readonly string[] {
  const { manager, discovery } = cluster.spec;
  return [
    'manage',
    '--host',
    `tcp://${formatHostPort({ host: anyAddress, port: manager.port })}`,
    ...serverTlsFlags(cluster),
    '--engine-tls-file',
    containerPaths.engines,
    '--state-dir',
    containerPaths.state,
    '--cluster-id',
    clusterId(installation, cluster.metadata.name),
    '--strategy',
    manager.strategy,
    ...manager.filters.flatMap((filter) => ['--filter', filter]),
    '--cluster-opt',
    `swarm.overcommit=${manager.overcommit}`,
    ...(manager.cpuShares === 'weight' ? [] : ['--cluster-opt', `swarm.cpushares=${manager.cpuShares}`]),
    ...(manager.imagePlacement === 'all'
      ? []
      : ['--cluster-opt', `swarm.imageplacement=${manager.imagePlacement}`]),
    ...(manager.explain === 'unmet' ? [] : ['--cluster-opt', `swarm.explain=${manager.explain}`]),
    ...(manager.containerNames === 'auto' ? [] : ['--container-names', manager.containerNames]),
    '--heartbeat',
    `${discovery.heartbeatSeconds}s`,
    '--engine-refresh-min-interval',
    `${manager.engineRefreshMinSeconds}s`,
    '--engine-refresh-max-interval',
    `${manager.engineRefreshMaxSeconds}s`,
    '--engine-failure-retry',
    String(manager.engineFailureRetry),
    ...discoveryFlags(cluster),
  ];
}

export function joinCommand(cluster: Cluster, entry: string): readonly string[] {
  const { heartbeatSeconds, ttlSeconds } = cluster.spec.discovery;
  return [
    'join',
    '--advertise',
    entry,
    '--heartbeat',
    `${heartbeatSeconds}s`,
    '--ttl',
    `${ttlSeconds}s`,
    ...discoveryFlags(cluster),
  ];
}

/** Bind mounts of a manager: with the file backend it reads a file that the user keeps on the manager's host. */
export function manageBinds(cluster: Cluster): readonly string[] | undefined {
  const { backend, endpoints } = cluster.spec.discovery;
  const file = endpoints[0];
  if (backend !== 'file' || file === undefined) return undefined;
  // The directory, because editors replace files and a mounted file would stay the old one.
  const directory = path.posix.dirname(file);
  return [`${directory}:${directory}:ro`];
}

/** The same for all managers of a cluster, and for ever: a UUID made of what does not change. */
function clusterId(installation: string, cluster: string): string {
  const hex = createHash('sha256').update(`${installation}/${cluster}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}

function serverTlsFlags(cluster: Cluster): readonly string[] {
  if (cluster.spec.tls.mode === 'disabled') return [];
  return [
    '--tlsverify',
    '--tlscacert',
    containerPaths.ca,
    '--tlscert',
    containerPaths.cert,
    '--tlskey',
    containerPaths.key,
  ];
}

function discoveryFlags(cluster: Cluster): readonly string[] {
  const flags = ['--discovery-file', containerPaths.discovery];
  if (cluster.spec.tls.mode === 'disabled' || cluster.spec.discovery.backend !== 'token') return flags;
  return [
    ...flags,
    '--discovery-opt',
    `token.cacertfile=${containerPaths.ca}`,
    '--discovery-opt',
    `token.certfile=${containerPaths.cert}`,
    '--discovery-opt',
    `token.keyfile=${containerPaths.key}`,
  ];
}
