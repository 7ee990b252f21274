// How the containers of a cluster find each other: the discovery URL for a spec and its nodes.
import { formatHostPort } from '../api/engine-address.js';
import type { Cluster } from '../api/resources.js';
import { isManager, isWorker, type ResolvedNode } from './resolved-node.js';

/** As many token services as a client accepts; leases need no quorum, so more would only cost. */
const mostServices = 16;

/** Whether the token service runs in containers of ours, on every manager node. */
export function runsTokenService(cluster: Cluster): boolean {
  return cluster.spec.discovery.backend === 'token' && cluster.spec.discovery.endpoints.length === 0;
}

/** Whether engines register themselves with join containers; the other backends are lists that somebody keeps. */
export function runsJoinContainers(cluster: Cluster): boolean {
  return cluster.spec.discovery.backend === 'token';
}

/**
 * The URL for the discovery file. It contains the token: never print it.
 * @returns undefined while no manager node's address is known, so that there is no place to register with
 */
export function discoveryUrl(
  cluster: Cluster,
  { nodes, token }: { readonly nodes: readonly ResolvedNode[]; readonly token: string },
): string | undefined {
  const { backend, endpoints, port } = cluster.spec.discovery;
  switch (backend) {
    case 'nodes':
      return `nodes://${entriesOf(nodes).join(',')}`;
    case 'file':
      return `file://${endpoints[0] ?? ''}`;
    case 'token': {
      const hosts = runsTokenService(cluster)
        ? nodes.flatMap((node) =>
            isManager(node) && node.address !== undefined
              ? [formatHostPort({ host: node.address.host, port })]
              : [],
          )
        : endpoints;
      const scheme = cluster.spec.tls.mode === 'disabled' ? 'token+http' : 'token';
      return hosts.length === 0
        ? undefined
        : `${scheme}://${hosts.slice(0, mostServices).join(',')}/${token}`;
    }
  }
}

/** Addresses of the workers, sorted by node name as the nodes are. */
function entriesOf(nodes: readonly ResolvedNode[]): readonly string[] {
  return nodes.flatMap((node) => (isWorker(node) && node.entry !== undefined ? [node.entry] : []));
}
