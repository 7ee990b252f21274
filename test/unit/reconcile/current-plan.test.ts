// What is planned for a node follows its manifest at once, also before the cluster's loop has seen it.
import t from 'tap';
import type { Cluster, Node } from '../../../controller/api/resources.js';
import { desireCluster } from '../../../controller/plan/desired-cluster.js';
import { livePlan } from '../../../controller/reconcile/current-plan.js';
import { Fleet } from '../../../controller/reconcile/fleet.js';
import { FakeClock } from '../../support/fake-clock.js';
import { resolvedNodes, testCredentials, testInstallation } from '../../support/desired-worlds.js';
import { aCluster, aNode } from '../../support/resource-builders.js';

t.test('livePlan() treats drift as the manifests say now', (t) => {
  const cases: readonly (readonly [Cluster['spec']['driftPolicy'], Node['spec']['driftPolicy'], string])[] = [
    ['Heal', undefined, 'heal'],
    ['Report', undefined, 'report'],
    ['Heal', 'Report', 'report'],
    ['Report', 'Heal', 'heal'],
  ];
  for (const desiredAs of ['Heal', 'Report'] as const) {
    for (const [clusterPolicy, nodePolicy, treatment] of cases) {
      const desired = desireCluster({
        ...{ installation: testInstallation, cluster: aCluster({ driftPolicy: desiredAs }) },
        ...{ nodes: resolvedNodes(1, 1), credentials: testCredentials() },
        image: { reference: 'swarm:1', source: 'archive' },
      });
      const fleet = new Fleet();
      fleet.setDesired(desired);
      const join = desired.containers.find(({ node, role }) => node === 'node1' && role === 'join');
      if (join === undefined) throw new Error('node1 is a worker');
      fleet.setView('node1', {
        ...{ type: 'observed', failures: 0, engine: { id: 'e1' } as never }, // only the ID counts
        observation: { engineId: 'e1', containers: [], images: ['swarm:1'] },
      });
      fleet.drift.settle('e1', join);
      const cluster = aCluster({ driftPolicy: clusterPolicy });
      const node = aNode({ name: 'node1', ...(nodePolicy ? { spec: { driftPolicy: nodePolicy } } : {}) });
      const store = {
        ...{ getCluster: () => cluster, objectsVersion: 1 },
        getNode: (name: string) => (name === 'node1' ? node : undefined),
      };
      const part = livePlan('demo', { fleet, store, clock: new FakeClock() })?.part('node1');
      const found = part?.drifts.map((drift) => drift.treatment.type);
      t.same(found, [treatment], `made with ${desiredAs}, now ${clusterPolicy} and ${nodePolicy ?? 'none'}`);
    }
  }
  t.end();
});
