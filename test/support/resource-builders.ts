// Valid Cluster and Node objects for tests; a test breaks or changes one thing.
import { apiVersion } from '../../controller/api/labels.js';
import type { Cluster, ClusterSpec, Node, NodeSpec, ObjectMeta } from '../../controller/api/resources.js';

export interface ClusterChanges {
  readonly name?: string;
  readonly metadata?: Partial<ObjectMeta>;
  readonly image?: string;
  readonly discovery?: Partial<ClusterSpec['discovery']>;
  readonly manager?: Partial<ClusterSpec['manager']>;
  readonly tls?: Partial<ClusterSpec['tls']>;
  readonly maxUnavailable?: number;
  readonly deletionPolicy?: ClusterSpec['deletionPolicy'];
  readonly driftPolicy?: ClusterSpec['driftPolicy'];
  readonly suspend?: boolean;
}

export function aCluster(changes: ClusterChanges = {}): Cluster {
  return {
    apiVersion,
    kind: 'Cluster',
    metadata: { name: changes.name ?? 'demo', generation: 1, ...changes.metadata },
    spec: {
      ...(changes.image === undefined ? {} : { image: changes.image }),
      discovery: {
        backend: 'token',
        endpoints: [],
        port: 3377,
        heartbeatSeconds: 60,
        ttlSeconds: 180,
        ...changes.discovery,
      },
      manager: {
        port: 3376,
        strategy: 'spread',
        filters: ['health', 'port', 'containerslots', 'dependency', 'affinity', 'constraint', 'whitelist'],
        overcommit: 0.05,
        cpuShares: 'weight',
        explain: 'unmet',
        imagePlacement: 'all',
        containerNames: 'auto',
        engineRefreshMinSeconds: 30,
        engineRefreshMaxSeconds: 60,
        engineFailureRetry: 3,
        extraHosts: [],
        ...changes.manager,
      },
      tls: { mode: 'managed', validityDays: 365, renewBeforeDays: 120, ...changes.tls },
      updateStrategy: { maxUnavailable: changes.maxUnavailable ?? 1 },
      deletionPolicy: changes.deletionPolicy ?? 'Delete',
      driftPolicy: changes.driftPolicy ?? 'Heal',
      suspend: changes.suspend ?? false,
    },
  };
}

export interface NodeChanges {
  readonly name?: string;
  readonly cluster?: string;
  readonly roles?: NodeSpec['roles'];
  readonly metadata?: Partial<ObjectMeta>;
  readonly spec?: Partial<NodeSpec>;
}

export function aNode(changes: NodeChanges = {}): Node {
  const name = changes.name ?? 'node1';
  return {
    apiVersion,
    kind: 'Node',
    metadata: { name, generation: 1, ...changes.metadata },
    spec: {
      cluster: changes.cluster ?? 'demo',
      roles: changes.roles ?? ['worker'],
      machine: { driver: 'local' },
      unschedulable: false,
      suspend: false,
      deletionTimeoutSeconds: 300,
      ...changes.spec,
    },
  };
}
