// What is taken from an engine when its Node, its Cluster or both go, and what stays there.
import t from 'tap';
import { containerLabels } from '../../../controller/api/labels.js';
import type { Cluster } from '../../../controller/api/resources.js';
import { suspensionOf } from '../../../controller/api/suspension.js';
import type { ObservedContainer } from '../../../controller/plan/observation.js';
import { leavesAtMs } from '../../../controller/reconcile/decide-node.js';
import { livePlan } from '../../../controller/reconcile/current-plan.js';
import { Fleet } from '../../../controller/reconcile/fleet.js';
import { findWork } from '../../../controller/reconcile/node-work.js';
import { FakeClock } from '../../support/fake-clock.js';
import { desire, resolvedNodes, testInstallation } from '../../support/desired-worlds.js';
import { aCluster, aNode } from '../../support/resource-builders.js';

const going = { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } } as const;

function ours(cluster: string, role: string, changes: Partial<ObservedContainer> = {}): ObservedContainer {
  return {
    id: `id-${cluster}-${role}`,
    name: `swarm-${cluster}-${role}`,
    state: 'running',
    image: 'swarm:1',
    labels: {
      [containerLabels.installation]: testInstallation,
      [containerLabels.cluster]: cluster,
      [containerLabels.node]: 'node1',
      [containerLabels.role]: role,
    },
    exitCode: 0,
    error: '',
    restartCount: 0,
    ...changes,
  };
}

/** What is removed of a Node's two containers of cluster demo, and one of cluster old. */
function work(o: {
  readonly cluster: Cluster | undefined;
  readonly isDeleting?: boolean;
  /** The engine is that of another Node, too, which came first. */
  readonly isShared?: boolean;
  readonly own?: readonly ObservedContainer[];
}) {
  const own = o.own ?? [ours('demo', 'join'), ours('demo', 'manage'), ours('old', 'join')];
  const fleet = new Fleet();
  for (const name of o.isShared === true ? ['node0', 'node1'] : ['node1']) {
    fleet.setView(name, {
      ...{ type: 'observed', failures: 0, engine: { id: 'e1' } as never }, // only the ID counts
      observation: { engineId: 'e1', containers: own, images: [] },
    });
  }
  const { actions, ...rest } = findWork({
    ...{ node: 'node1', cluster: o.cluster, clusterName: 'demo', isDeleting: o.isDeleting ?? false, own },
    suspension: o.cluster && suspensionOf(o.cluster, 0),
    ports: {
      fleet,
      store: {
        getCluster: () => o.cluster,
        getNode: (name) => aNode({ name }),
        objectsVersion: 1,
      },
      clock: new FakeClock(0),
    },
  });
  const removed = actions.map((action) =>
    action.type === 'RemoveContainer' ? `${action.name} ${action.volume ?? ''}`.trim() : action.type,
  );
  return { removed, why: actions.map((action) => ('why' in action ? action.why : '')), ...rest };
}

const all = ['swarm-demo-join', 'swarm-demo-manage swarm-demo-manage-state', 'swarm-old-join'];

t.test('findWork() removes what a deleted Node or Cluster has on an engine', async (t) => {
  const orphaning = { ...going, deletionPolicy: 'Orphan' } as const;
  const rows: readonly (readonly [string, Parameters<typeof work>[0], readonly string[], boolean])[] = [
    ['the node goes', { cluster: aCluster(), isDeleting: true }, all, false],
    [
      'the node of a cluster that would orphan',
      { cluster: aCluster({ deletionPolicy: 'Orphan' }), isDeleting: true },
      all,
      false,
    ],
    ['the cluster goes', { cluster: aCluster(going) }, all, false],
    ['both go', { cluster: aCluster(going), isDeleting: true }, all, false],
    ['the cluster goes and orphans', { cluster: aCluster(orphaning) }, [], true],
    ['both go, and the cluster orphans', { cluster: aCluster(orphaning), isDeleting: true }, [], true],
    ['the cluster is gone', { cluster: undefined }, ['swarm-old-join'], true],
    ['the node goes after its cluster', { cluster: undefined, isDeleting: true }, ['swarm-old-join'], true],
    [
      'the engine is that of another node',
      { cluster: aCluster(), isDeleting: true, isShared: true },
      [],
      true,
    ],
    ['the cluster and the engine of another', { cluster: aCluster(going), isShared: true }, [], true],
    ['nothing is known of the cluster yet', { cluster: aCluster() }, [], false],
  ];
  for (const [name, input, removed, leavesContainers] of rows) {
    const found = work(input);
    t.same(found.removed, removed, name);
    t.match(found, { leavesContainers, mayAct: true }, name);
  }
});

t.test('findWork() says why a container goes, and leaves one alone that is being removed', async (t) => {
  t.equal(work({ cluster: aCluster(), isDeleting: true }).why[0], 'node node1 is deleted');
  t.equal(work({ cluster: aCluster(going) }).why[0], 'cluster demo is deleted');
  t.equal(work({ cluster: undefined }).why[0], 'node1 is in cluster demo now');
  const own = [ours('demo', 'join', { state: 'removing' }), ours('demo', 'manage')];
  t.same(work({ cluster: aCluster(going), own }).removed, [all[1]]);
});

t.test('findWork() only tells what it would remove of a suspended cluster', async (t) => {
  const found = work({ cluster: aCluster({ ...going, suspend: true }) });
  t.same(found.removed, all);
  t.match(found, { mayAct: false, leavesContainers: false });
});

t.test('leavesAtMs() gives an engine that was seen its time, and waits for no other', async (t) => {
  const deletedAt = '2026-01-01T00:00:00Z';
  const node = aNode({ spec: { deletionTimeoutSeconds: 90 } });
  const seen = { ...node, status: { engine: { id: 'e1' } as never } }; // only that there is one counts
  t.equal(leavesAtMs(seen, deletedAt) - Date.parse(deletedAt), 90_000);
  t.equal(leavesAtMs(node, deletedAt) - Date.parse(deletedAt), 0);
});

t.test('livePlan() rings nobody for containers that are left where they are', (t) => {
  for (const [deletionPolicy, told] of [
    ['Delete', ['node1']],
    ['Orphan', []],
  ] as const) {
    const cluster = aCluster({ ...going, deletionPolicy });
    const fleet = new Fleet();
    fleet.setDesired(desire(aCluster(), resolvedNodes(1, 1)));
    const ports = {
      ...{ fleet, clock: new FakeClock(0) },
      store: { getCluster: () => cluster, getNode: (name: string) => aNode({ name }), objectsVersion: 1 },
    };
    const observation = { engineId: 'e1', containers: [ours('demo', 'join')], images: [] };
    // Each look asks who has something to do now: two nodes that tell each other would never end.
    for (let look = 1; look <= 2; look += 1) {
      fleet.setView('node1', { type: 'observed', failures: 0, engine: { id: 'e1' } as never, observation }); // only the ID counts
      t.same(
        livePlan('demo', ports)?.takeReady('node0'),
        look === 1 ? told : [],
        `${deletionPolicy} ${look}`,
      );
    }
  }
  t.end();
});
