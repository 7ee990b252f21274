// decideCluster() and clusterStatus(): one row per answer.
import t from 'tap';
import type { Cluster, Node } from '../../../controller/api/resources.js';
import { SwarmError } from '../../../controller/base/errors.js';
import {
  clusterStatus,
  decideCluster,
  type ClusterFacts,
} from '../../../controller/reconcile/decide-cluster.js';
import type { ManagerView } from '../../../controller/reconcile/fleet.js';
import { resolvedNodes } from '../../support/desired-worlds.js';
import { aCluster, aNode } from '../../support/resource-builders.js';

const serving = (...addresses: string[]): ManagerView => ({
  type: 'serving',
  engines: new Map(addresses.map((address) => [address, { name: 'x', status: 'Healthy', error: '' }])),
});

function withReady(
  node: Node,
  status: 'True' | 'False' | 'Unknown',
  reason: string,
  message = 'because',
): Node {
  const condition = {
    type: 'Ready',
    status,
    reason,
    message,
    observedGeneration: 1,
    lastTransitionTime: 'x',
  };
  const stalled = { ...condition, type: 'Stalled', status: 'True' as const };
  return { ...node, status: { conditions: reason === 'CAUnknown' ? [condition, stalled] : [condition] } };
}

const settled = aCluster();
const cluster = {
  ...settled,
  status: {
    conditions: [
      {
        type: 'Ready',
        status: 'True' as const,
        reason: 'Ready',
        message: '',
        observedGeneration: 1,
        lastTransitionTime: 'x',
      },
    ],
  },
};
const manager = withReady(aNode({ name: 'node0', roles: ['manager'] }), 'True', 'Ready');
const worker = withReady(aNode({ name: 'node1' }), 'True', 'Ready');
const facts: ClusterFacts = {
  cluster,
  nodes: [manager, worker],
  resolved: resolvedNodes(1, 1),
  managers: new Map([['node0', serving('10.0.0.2:2376')]]),
  nowMs: Date.UTC(2026, 0, 1),
};
const error = new SwarmError('CREDENTIALS_INVALID', 'Cannot use "token": it must hold a token');
const refused = new SwarmError('ENGINE_UNREACHABLE', 'Cannot connect: connection refused');

const tokenService = { name: '10.0.0.1:3377', node: 'node0' };
const silent = new SwarmError('DISCOVERY_FAILED', 'Cannot ask the discovery service: no answer in 5 s');
const hungService = { ...tokenService, isServing: false, error: silent };
const unknownService = { ...tokenService, isServing: undefined };
const otherService = { name: '10.0.0.9:3377', node: 'node9', isServing: true };

const cases: readonly (readonly [string, Partial<ClusterFacts>, Record<string, string>])[] = [
  [
    'all is well',
    {},
    {
      ready: 'True',
      reason: 'Ready',
      message: '1 of 1 workers are joined; the Docker API is at tcp://10.0.0.1:3376',
    },
  ],
  [
    'the token service is not known to fail',
    { services: [unknownService] },
    { ready: 'True', reason: 'Ready' },
  ],
  [
    'the token service does not serve, and all is well without it',
    { services: [hungService] },
    {
      ready: 'True',
      reason: 'DiscoveryNotServing',
      progress: 'settled',
      message:
        '1 of 1 workers are joined; the Docker API is at tcp://10.0.0.1:3376, but the token service on node0 (10.0.0.1:3377) does not serve: Cannot ask the discovery service: no answer in 5 s; what is joined stays, and no engine can join → Check that this host may reach that port; a service that hangs is helped by docker restart swarm-demo-discovery on that engine: leases are kept',
    },
  ],
  [
    'engines wait to be listed and the token service does not serve',
    { nodes: [manager, withReady(worker, 'False', 'NotJoined')], services: [hungService] },
    {
      ready: 'False',
      reason: 'NotJoined',
      message:
        'Waiting for the managers to list every worker as healthy; the token service on node0 (10.0.0.1:3377) does not serve: Cannot ask the discovery service: no answer in 5 s; what is joined stays, and no engine can join → Check that this host may reach that port; a service that hangs is helped by docker restart swarm-demo-discovery on that engine: leases are kept',
    },
  ],
  [
    'the cluster is suspended and its token service does not serve',
    { cluster: { ...cluster, spec: aCluster({ suspend: true }).spec }, services: [hungService] },
    { ready: 'True', reason: 'Suspended' },
  ],
  [
    'credentials cannot be used',
    { error },
    { ready: 'False', reason: 'CredentialsInvalid', progress: 'stalled' },
  ],
  ['there is no manager', { resolved: [], nodes: [] }, { reason: 'NoManager', progress: 'stalled' }],
  ['there is no worker', { resolved: resolvedNodes(1, 0), nodes: [manager] }, { reason: 'NoWorkers' }],
  [
    'no engine at all answers',
    { isCutOff: true, nodes: [withReady(manager, 'False', 'EngineUnreachable', 'Cannot connect'), worker] },
    {
      reason: 'CutOff',
      message:
        'No engine of any cluster answers: this machine is most likely cut off, and nothing is changed or given up → Check the network of the machine that the operator runs on',
      progress: 'working',
    },
  ],
  [
    'a node works on it',
    { nodes: [manager, withReady(worker, 'False', 'EngineUnreachable', 'Cannot connect')] },
    {
      reason: 'NodesNotReady',
      message: 'Node node1 is not ready: EngineUnreachable: Cannot connect',
      progress: 'working',
    },
  ],
  [
    'only the user can help the node',
    { nodes: [manager, withReady(worker, 'False', 'CAUnknown')] },
    { reason: 'NodesNotReady', progress: 'stalled' },
  ],
  [
    'all nodes are new',
    { nodes: [withReady(manager, 'False', 'Progressing'), withReady(worker, 'False', 'Progressing')] },
    { reason: 'Progressing', message: 'Waiting for the nodes' },
  ],
  [
    'the nodes work',
    { nodes: [manager, withReady(worker, 'False', 'Progressing')], work: 'Loading the image' },
    { reason: 'Progressing', message: 'Loading the image' },
  ],
  [
    'nobody has looked at a node',
    { nodes: [manager, withReady(worker, 'Unknown', 'Progressing')] },
    { reason: 'Progressing', message: 'Looking at the engines' },
  ],
  [
    'a node waits for the manager',
    { nodes: [withReady(manager, 'False', 'ManagerNotServing'), withReady(worker, 'False', 'NotJoined')] },
    { reason: 'ManagerNotServing', message: 'Waiting for a manager to answer' },
  ],
  [
    'a node waits to be listed',
    { nodes: [manager, withReady(worker, 'False', 'NotJoined')] },
    { reason: 'NotJoined', message: 'Waiting for the managers to list every worker as healthy' },
  ],
  [
    'a node is not as it was and the cluster is suspended',
    {
      cluster: { ...cluster, spec: aCluster({ suspend: true }).spec },
      nodes: [manager, withReady(worker, 'False', 'Suspended')],
      work: 'Creating containers',
    },
    { reason: 'Suspended', progress: 'settled' },
  ],
  [
    'an image cannot be had for a new spec',
    {
      cluster: { ...cluster, metadata: { ...cluster.metadata, generation: 2 } },
      nodes: [manager, withReady(worker, 'False', 'ImageMissing', 'Cannot pull')],
      work: 'Pulling the image',
    },
    { reason: 'NodesNotReady', message: 'Node node1 is not ready: ImageMissing: Cannot pull' },
  ],
  [
    'something is wrong with one of many',
    { nodes: [withReady(manager, 'False', 'Progressing'), withReady(worker, 'False', 'NotHealthy', 'x')] },
    { reason: 'NodesNotReady', message: 'Node node1 is not ready: NotHealthy: x', progress: 'working' },
  ],
  [
    'the manager does not answer',
    { managers: new Map([['node0', { type: 'silent', error: refused }]]) },
    {
      reason: 'ManagerNotServing',
      message: 'The manager on node0 does not answer: Cannot connect: connection refused',
    },
  ],
  [
    'the manager does not list everybody',
    { managers: new Map([['node0', serving()]]) },
    { reason: 'NotJoined', message: 'Waiting for the managers to list every worker as healthy' },
  ],
  [
    'a new spec is rolled out',
    {
      cluster: { ...cluster, metadata: { ...cluster.metadata, generation: 2 } },
      work: 'Creating containers',
    },
    { ready: 'False', reason: 'Progressing', message: 'Creating containers' },
  ],
  [
    'a new spec waits because the cluster is suspended',
    {
      cluster: {
        ...cluster,
        metadata: { ...cluster.metadata, generation: 2 },
        spec: aCluster({ suspend: true }).spec,
      },
      work: 'Creating containers',
    },
    {
      ready: 'False',
      reason: 'Suspended',
      message:
        'spec.suspend of cluster "demo" is true; left undone: creating containers (swarmctl plan demo says what)',
      progress: 'settled',
    },
  ],
  ['certificates are renewed', { work: 'Delivering new files' }, { ready: 'True', reason: 'Ready' }],
  [
    'it is being deleted',
    {
      cluster: { ...cluster, metadata: { ...cluster.metadata, deletionTimestamp: 'x' } },
      leftovers: 'its engines are at it',
    },
    { reason: 'Terminating', message: "Removing swarmctl's containers: its engines are at it" },
  ],
];

for (const [name, change, expected] of cases) {
  t.test(`decideCluster() when ${name}`, async (t) =>
    t.match(decideCluster({ ...facts, ...change }), expected),
  );
}

t.test('clusterStatus() counts nodes and names the endpoint', async (t) => {
  t.match(clusterStatus(facts), {
    observedGeneration: 1,
    endpoint: 'tcp://10.0.0.1:3376',
    tokenRef: 'clusters/demo/token',
    managers: [{ node: 'node0', address: '10.0.0.1:3376', role: 'primary' }],
    nodes: { total: 2, workers: 1, ready: 2, joined: 1 },
    summary: '1/1',
  });
});

t.test('clusterStatus() names the manager that answers', async (t) => {
  const two = resolvedNodes(2, 1);
  const managers = new Map<string, ManagerView>([
    ['node0', { type: 'silent', error: refused }],
    ['node1', serving('10.0.0.3:2376')],
  ]);
  t.equal(clusterStatus({ ...facts, resolved: two, managers }).endpoint, 'tcp://10.0.0.2:3376');
});

t.test('clusterStatus() shows a suspended cluster', async (t) => {
  const status = clusterStatus({ ...facts, cluster: { ...cluster, spec: aCluster({ suspend: true }).spec } });
  t.match(
    status.conditions?.find((one) => one.type === 'Suspended'),
    { status: 'True' },
  );
});

t.test('clusterStatus() says which token services do not serve', (t) => {
  const said = (services: ClusterFacts['services'], before: Cluster = cluster) =>
    clusterStatus({ ...facts, cluster: before, services }).conditions?.find(
      ({ type }) => type === 'DiscoveryNotServing',
    );
  t.match(said([hungService]), {
    status: 'True',
    reason: 'DiscoveryFailed',
    message: /no engine can join → /,
  });
  t.match(said([otherService, hungService, { ...hungService, name: '10.0.0.8:3377' }]), {
    message: /on node0 \(10\.0\.0\.1:3377\) does not serve \(nor do 1 more\): .*; the others do its work → /,
  });
  t.match(said([{ ...hungService, node: undefined }]), {
    message: /service at 10\.0\.0\.1:3377 does not serve: .* → Check that service, and the way to it$/,
  });
  t.equal(said([otherService]), undefined);
  t.equal(said(undefined), undefined);
  const told = { ...cluster, status: clusterStatus({ ...facts, services: [hungService] }) };
  t.match(said(undefined, told), { reason: 'DiscoveryFailed' }, 'an earlier process said so');
  t.match(said([unknownService], told), { message: /no answer in 5 s/ }, 'and nothing speaks against it yet');
  t.equal(said([otherService], told), undefined, 'it is over');
  t.equal(said([], told), undefined, 'there is none any more');
  t.end();
});
