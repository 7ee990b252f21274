// Desired clusters for tests of planning: resolved nodes and credentials without files or key generation.
import type { Cluster } from '../../controller/api/resources.js';
import type { ClusterCredentials } from '../../controller/plan/credentials.js';
import { desireCluster, type DesiredCluster } from '../../controller/plan/desired-cluster.js';
import type { ResolvedNode } from '../../controller/plan/resolved-node.js';

export const testInstallation = '11111111-2222-3333-4444-555555555555';
export const testToken = '0123456789abcdef0123456789abcdef';

/** `version` changes every certificate, as a renewal does. */
export function testCredentials(version = 1): ClusterCredentials {
  return {
    token: testToken,
    tls: {
      caPem: 'CA\n',
      pairFor: (node, role) => ({
        certPem: `cert ${role}/${node} v${version}\n`,
        keyPem: `key ${role}/${node} v${version}\n`,
      }),
    },
  };
}

/** `node0` … as manager, the others as workers, at 10.0.0.1, 10.0.0.2 … */
export function resolvedNodes(managers: number, workers: number): ResolvedNode[] {
  return Array.from({ length: managers + workers }, (_unused, index) => ({
    name: `node${index}`,
    roles: index < managers ? ['manager'] : ['worker'],
    isDeleting: false,
    address: { host: `10.0.0.${index + 1}`, port: 2376 },
    entry: `10.0.0.${index + 1}:2376`,
    engineTls: { ca: `engine ca ${index}\n`, cert: `engine cert ${index}\n`, key: `engine key ${index}\n` },
  }));
}

export function desire(
  cluster: Cluster,
  nodes: readonly ResolvedNode[],
  changes: { readonly credentials?: ClusterCredentials; readonly image?: string } = {},
): DesiredCluster {
  return desireCluster({
    installation: testInstallation,
    cluster,
    nodes,
    image: { reference: changes.image ?? 'swarm:1.0.0-abcdef012345', source: 'archive' },
    credentials: changes.credentials ?? testCredentials(),
  });
}
