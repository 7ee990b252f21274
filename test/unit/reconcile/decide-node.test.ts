// decideNode() and nodeStatus(): one row per answer, each a ready node with one thing changed.
import t from 'tap';
import { containerLabels } from '../../../controller/api/labels.js';
import { SwarmError } from '../../../controller/base/errors.js';
import type { EngineDescription } from '../../../controller/engine/engine-description.js';
import type { ContainerDrift } from '../../../controller/plan/find-drift.js';
import type { ObservedContainer } from '../../../controller/plan/observation.js';
import { decideNode, nodeStatus, type NodeFacts } from '../../../controller/reconcile/decide-node.js';
import type { ListedEngine, ManagerView, NodeView } from '../../../controller/reconcile/fleet.js';
import { desire, resolvedNodes, testInstallation } from '../../support/desired-worlds.js';
import { aCluster, aNode } from '../../support/resource-builders.js';

const nodes = resolvedNodes(1, 1);
const desired = desire(aCluster(), nodes).containers.filter((container) => container.node === 'node1');
const join = desired[0]!; // a worker has its join container
const engine: EngineDescription = {
  id: 'ABCD',
  name: 'host1',
  version: '20.10.24',
  apiVersion: '1.41',
  minApiVersion: '1.12',
  os: 'linux',
  arch: 'x86_64',
  cpus: 2,
  memoryBytes: 4 * 2 ** 30,
  labels: {},
  certificateNotAfterMs: Date.UTC(2027, 0, 1),
};
const container: ObservedContainer = {
  id: 'c1',
  name: 'swarm-demo-join',
  state: 'running',
  image: join.image,
  labels: {
    [containerLabels.installation]: testInstallation,
    [containerLabels.role]: 'join',
    [containerLabels.specHash]: join.specHash,
  },
  exitCode: 0,
  error: '',
  restartCount: 0,
};

const observed = (changes: Partial<ObservedContainer> = {}): NodeView => ({
  type: 'observed',
  engine,
  observation: { engineId: 'ABCD', containers: [{ ...container, ...changes }], images: [] },
  failures: 0,
});

const listed = (engines: Record<string, Partial<ListedEngine>>): ReadonlyMap<string, ManagerView> =>
  new Map([
    [
      'node0',
      {
        type: 'serving',
        engines: new Map(
          Object.entries(engines).map(([address, one]) => [
            address,
            { name: 'x', status: 'Healthy', error: '', ...one },
          ]),
        ),
      },
    ],
  ]);

const ready: NodeFacts = {
  node: aNode(),
  cluster: aCluster(),
  resolved: nodes[1]!, // two were made
  view: observed(),
  desired,
  managers: listed({ '10.0.0.2:2376': {} }),
  installation: testInstallation,
  nowMs: Date.UTC(2026, 0, 1),
};

const unreachable = new SwarmError(
  'ENGINE_UNREACHABLE',
  'Cannot connect to engine "node1" at 10.0.0.2:2376: connection refused',
);
const untrusted = new SwarmError(
  'ENGINE_CA_UNKNOWN',
  'Cannot verify engine "node1": certificate is self-signed',
);
const silent = new Map<string, ManagerView>([['node0', { type: 'silent', error: unreachable }]]);
const knownEngine = {
  ...{ id: 'ABCD', name: 'host1', version: '20.10.24', apiVersion: '1.41', os: 'linux', arch: 'x86_64' },
  ...{ cpus: 2, memoryBytes: 4 * 2 ** 30, memory: '4GiB' },
};
const deleting = { deletionTimestamp: '2026-01-01T00:00:00Z' };

const drift: ContainerDrift = {
  node: 'node1',
  container: 'swarm-demo-join',
  fields: [{ field: 'restart policy', expected: 'always', found: 'no' }],
  suspects: [],
  treatment: { type: 'report' },
};

interface Case {
  readonly name: string;
  readonly change: Partial<NodeFacts>;
  readonly ready?: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly progress: 'working' | 'stalled' | 'settled';
}

const cases: readonly Case[] = [
  {
    name: 'all is well',
    change: {},
    ready: 'True',
    reason: 'Ready',
    message: 'The node is joined as 10.0.0.2:2376',
    progress: 'settled',
  },
  {
    name: 'new files are being copied',
    change: { work: 'Delivering new files' },
    ready: 'True',
    reason: 'Ready',
    message: 'The node is joined as 10.0.0.2:2376',
    progress: 'working',
  },
  {
    name: 'its container is being replaced',
    change: { work: 'Replacing containers', isDisruptive: true },
    reason: 'Progressing',
    message: 'Replacing containers',
    progress: 'working',
  },
  {
    name: 'nothing was looked at yet',
    change: { view: { type: 'unknown' } },
    ready: 'Unknown',
    reason: 'Progressing',
    message: 'Looking at the engine',
    progress: 'working',
  },
  {
    name: 'the engine is down',
    change: { view: { type: 'failed', error: unreachable, failures: 3 } },
    reason: 'EngineUnreachable',
    message: `${unreachable.message} → Check that dockerd listens there and that the port is open`,
    progress: 'working',
  },
  {
    name: 'the engine is not trusted',
    change: { view: { type: 'failed', error: untrusted, failures: 1 } },
    reason: 'CAUnknown',
    message: `${untrusted.message} → Name the CA that signed the engine certificate in spec.engine.tls.caFile`,
    progress: 'stalled',
  },
  {
    name: 'another node has the same engine',
    change: { duplicateOf: 'node7' },
    reason: 'DuplicateEngineID',
    message:
      'Cannot use engine "node1": node "node7" has an engine with the same ID ABCD → Give each machine its own engine ID: stop dockerd, remove /etc/docker/key.json and engine-id, start dockerd',
    progress: 'stalled',
  },
  {
    name: 'there is no such cluster',
    change: { cluster: undefined },
    reason: 'ClusterNotFound',
    message:
      'Cannot join node "node1": there is no cluster "demo" → Apply a Cluster of that name, or correct spec.cluster',
    progress: 'stalled',
  },
  {
    name: 'its cluster is being deleted',
    change: { cluster: aCluster({ metadata: deleting }) },
    reason: 'ClusterTerminating',
    message: 'Cluster "demo" is being deleted',
    progress: 'working',
  },
  {
    name: 'it is being deleted and its engine is down',
    change: {
      node: { ...aNode({ metadata: deleting }), status: { engine: knownEngine } },
      view: { type: 'failed', error: unreachable, failures: 1 },
    },
    reason: 'Terminating',
    message: `Removing containers: ${unreachable.message}; the node goes without them at 2026-01-01T00:05:00Z`,
    progress: 'working',
  },
  {
    name: 'it is being deleted and no engine at all answers',
    change: {
      isCutOff: true,
      node: aNode({ metadata: deleting }),
      view: { type: 'failed', error: unreachable, failures: 1 },
    },
    reason: 'Terminating',
    message: 'Removing containers: no engine of any cluster answers, so none is given up',
    progress: 'working',
  },
  {
    name: 'it is being deleted in a suspended cluster and its engine is down',
    change: {
      cluster: aCluster({ suspend: true }),
      node: aNode({ metadata: deleting }),
      view: { type: 'failed', error: unreachable, failures: 1 },
    },
    reason: 'Terminating',
    message: `Removing containers: ${unreachable.message}`,
    progress: 'working',
  },
  {
    name: 'the cluster is suspended with work left',
    change: {
      cluster: aCluster({ suspend: true }),
      work: 'Creating containers',
      view: observed({ state: 'exited' }),
    },
    reason: 'Suspended',
    message:
      'spec.suspend of cluster "demo" is true; left undone: creating containers (swarmctl plan demo says what)',
    progress: 'settled',
  },
  {
    name: 'the cluster is suspended with work left, and its container runs',
    change: { cluster: aCluster({ suspend: true }), work: 'Updating containers' },
    ready: 'True',
    reason: 'Suspended',
    message:
      'The node is joined as 10.0.0.2:2376; spec.suspend of cluster "demo" is true; left undone: updating containers (swarmctl plan demo says what)',
    progress: 'settled',
  },
  {
    name: 'others changed its container, which runs, and it is left so',
    change: { drifts: [drift] },
    ready: 'True',
    reason: 'Drifted',
    message: 'The node is joined as 10.0.0.2:2376; swarm-demo-join: its restart policy is no, not always',
    progress: 'settled',
  },
  {
    name: 'others stopped its container, and it is left so',
    change: { drifts: [drift], view: observed({ state: 'exited' }) },
    reason: 'Drifted',
    message: 'swarm-demo-join: its restart policy is no, not always',
    progress: 'settled',
  },
  {
    name: 'others stop its container again and again',
    change: {
      drifts: [{ ...drift, treatment: { type: 'hold', untilMs: 0, heals: 3 } }],
      view: observed({ state: 'exited' }),
    },
    reason: 'Drifted',
    message: 'swarm-demo-join: its restart policy is no, not always',
    progress: 'working',
  },
  {
    name: 'the cluster is suspended and nothing is left',
    change: { cluster: aCluster({ suspend: true }) },
    ready: 'True',
    reason: 'Suspended',
    message: 'The node is joined as 10.0.0.2:2376; spec.suspend of cluster "demo" is true',
    progress: 'settled',
  },
  {
    name: 'the cluster has not said what is desired',
    change: { desired: undefined },
    ready: 'Unknown',
    reason: 'Progressing',
    message: 'Waiting for the cluster',
    progress: 'working',
  },
  {
    name: 'its container does not stay up',
    change: {
      view: observed({ state: 'restarting', exitCode: 1, restartCount: 4 }),
      lastWords: new Map([['swarm-demo-join', '--advertise is wrong']]),
    },
    reason: 'AgentNotRunning',
    message: 'Container swarm-demo-join does not stay up (exit code 1): --advertise is wrong',
    progress: 'working',
  },
  {
    name: 'no manager answers',
    change: { managers: silent },
    reason: 'ManagerNotServing',
    message: 'No manager of cluster "demo" answers',
    progress: 'working',
  },
  {
    name: 'the manager does not list it',
    change: { managers: listed({}) },
    reason: 'NotJoined',
    message: 'Waiting for the manager on node0 to list 10.0.0.2:2376',
    progress: 'working',
  },
  {
    name: 'the manager connects to it',
    change: { managers: listed({ '10.0.0.2:2376': { status: 'Pending', error: '(none)' } }) },
    reason: 'NotJoined',
    message: 'Waiting for the manager on node0 to list 10.0.0.2:2376',
    progress: 'working',
  },
  {
    name: 'the manager cannot use it',
    change: { managers: listed({ '10.0.0.2:2376': { status: 'Unhealthy', error: 'connection refused' } }) },
    reason: 'NotHealthy',
    message: 'The manager on node0 lists 10.0.0.2:2376 as Unhealthy: connection refused',
    progress: 'working',
  },
  {
    name: 'one of two managers does not list it',
    change: {
      managers: new Map([
        ...listed({ '10.0.0.2:2376': {} }),
        ['node5', { type: 'serving', engines: new Map() }],
      ]),
    },
    reason: 'NotJoined',
    message: 'Waiting for the manager on node5 to list 10.0.0.2:2376',
    progress: 'working',
  },
];

for (const one of cases) {
  t.test(`decideNode() when ${one.name}`, async (t) => {
    const { reason, message, progress } = one;
    t.same(decideNode({ ...ready, ...one.change }), {
      ready: one.ready ?? 'False',
      reason,
      message,
      progress,
    });
  });
}

t.test('decideNode() of a manager asks its own manager', async (t) => {
  const facts: NodeFacts = {
    ...ready,
    node: aNode({ name: 'node0', roles: ['manager'] }),
    resolved: nodes[0]!, // two were made
    desired: [],
  };
  t.match(decideNode(facts), { ready: 'True', message: 'The node serves the Docker API' });
  t.match(decideNode({ ...facts, managers: silent }), { ready: 'False', reason: 'ManagerNotServing' });
  t.match(decideNode({ ...facts, managers: new Map() }), { ready: 'False', reason: 'Progressing' });
});

t.test('nodeStatus() tells what was seen, and keeps it while the engine is out of reach', async (t) => {
  const status = nodeStatus(ready);
  t.match(status, {
    observedGeneration: 1,
    address: '10.0.0.2:2376',
    roles: 'worker',
    engine: { id: 'ABCD', version: '20.10.24', memory: '4GiB' },
    certificateExpiryTime: '2027-01-01T00:00:00Z',
    agents: [{ role: 'join', containerId: 'c1', state: 'running', specHash: join.specHash }],
  });
  const later = nodeStatus({
    ...ready,
    node: { ...aNode(), status },
    view: { type: 'failed', error: unreachable, failures: 1 },
    nowMs: Date.UTC(2026, 0, 2),
  });
  t.same(later.engine, status.engine);
  t.same(later.agents, status.agents);
  t.equal(later.conditions?.find((one) => one.type === 'Ready')?.lastTransitionTime, '2026-01-02T00:00:00Z');
  t.same(
    later.conditions?.map((one) => one.type),
    ['Ready', 'Reconciling'],
  );
});

t.test('nodeStatus() says of which version of the spec it speaks, everywhere', async (t) => {
  const node = aNode({ metadata: { generation: 4 }, spec: { unschedulable: true } });
  const { observedGeneration, conditions = [] } = nodeStatus({ ...ready, node, work: 'Creating containers' });
  t.equal(observedGeneration, 4);
  t.ok(conditions.length > 1);
  t.same(
    conditions.filter((one) => one.observedGeneration !== 4),
    [],
  );
});

t.test('nodeStatus() says when a node is cordoned', async (t) => {
  const status = nodeStatus({ ...ready, node: aNode({ spec: { unschedulable: true } }) });
  t.match(
    status.conditions?.find((one) => one.type === 'Schedulable'),
    { status: 'False', reason: 'Cordoned' },
  );
});
