// swarmctl describe: layout, conditions and the story.
import t from 'tap';
import { formatDescription, statusLine } from '../../../cmd/swarmctl/output/description.js';
import type { JsonObject } from '../../../controller/base/json.js';
import { aCluster, aNode } from '../../support/resource-builders.js';
import { matchGolden } from '../../support/golden.js';

const nowMs = Date.UTC(2026, 0, 1, 12);
const ago = (seconds: number): string => new Date(nowMs - seconds * 1000).toISOString().replace('.000', '');

function condition(
  type: string,
  o: { readonly status: string; readonly reason: string; readonly message: string; readonly seconds: number },
): JsonObject {
  return {
    type,
    status: o.status,
    reason: o.reason,
    message: o.message,
    observedGeneration: 1,
    lastTransitionTime: ago(o.seconds),
  };
}

function asJson(object: unknown): JsonObject {
  return object as JsonObject; // builders make plain data
}

t.test('formatDescription() shows a node that is not ready, why, and what to do', async (t) => {
  const node = aNode({
    name: 'node3',
    cluster: 'prod',
    roles: ['manager', 'worker'],
    metadata: {
      creationTimestamp: ago(86_400 * 3),
      labels: { zone: 'a', env: 'prod' },
      annotations: { 'swarmctl.io/source': 'manifests/nodes.yaml:41:1' },
    },
  });
  const status = {
    address: '10.0.0.13:2376',
    certificateExpiryTime: new Date(nowMs + 86_400_000 * 20).toISOString(),
    engine: { version: '20.10.24', os: 'linux', arch: 'x86_64', cpus: 2, memory: '23.5GiB' },
    agents: [
      {
        role: 'join',
        state: 'running',
        containerId: 'a41f00112233445566',
        image: 'swarm:1.0.0-3f9c21d',
        specHash: 'x',
      },
    ],
    conditions: [
      condition('Ready', {
        status: 'False',
        reason: 'EngineUnreachable',
        message: 'Cannot connect to engine "node3" at 10.0.0.13:2376: connection refused',
        seconds: 40,
      }),
      condition('Reconciling', {
        status: 'True',
        reason: 'Retrying',
        message: 'try 4, next in 16 s',
        seconds: 40,
      }),
    ],
  };
  const event = (o: {
    readonly type: string;
    readonly reason: string;
    readonly message: string;
    readonly count: number;
    readonly seconds: number;
  }): JsonObject => ({
    type: o.type,
    reason: o.reason,
    message: o.message,
    count: o.count,
    firstTimestamp: ago(o.seconds + 60),
    lastTimestamp: ago(o.seconds),
  });
  const events = [
    event({
      type: 'Warning',
      reason: 'EngineUnreachable',
      message: 'observe failed after 5.0 s: connection refused',
      count: 4,
      seconds: 40,
    }),
    event({
      type: 'Normal',
      reason: 'Started',
      message: 'container swarm-prod-join running (a41f…)',
      count: 1,
      seconds: 180,
    }),
  ];
  await matchGolden(
    t,
    'swarmctl-describe-node.txt',
    formatDescription({ object: asJson({ ...node, status }), events, nowMs }),
  );
});

t.test('formatDescription() shows a cluster with its managers', async (t) => {
  const status = {
    endpoint: 'tcp://192.168.99.100:3376',
    nodes: { total: 4, workers: 3, ready: 4, joined: 3 },
    managers: [{ node: 'node0', address: '192.168.99.100:3376', role: 'primary' }],
    conditions: [
      condition('Ready', {
        status: 'True',
        reason: 'Ready',
        message: 'docker info shows 3 of 3 workers',
        seconds: 200,
      }),
    ],
  };
  const object = { ...aCluster({ metadata: { creationTimestamp: ago(7200) } }), status };
  await matchGolden(
    t,
    'swarmctl-describe-cluster.txt',
    formatDescription({ object: asJson(object), events: [], nowMs }),
  );
});

t.test('statusLine() says where an object stands', async (t) => {
  const metadata = { name: 'n' };
  const deleted = { ...metadata, deletionTimestamp: ago(5) };
  const unknown = condition('Ready', {
    status: 'Unknown',
    reason: 'NotObserved',
    message: 'not observed yet',
    seconds: 3,
  });
  const broken = condition('Ready', { status: 'False', reason: 'X', message: 'no', seconds: 3 });
  t.equal(statusLine({ metadata }, nowMs), 'Not known yet');
  t.equal(
    statusLine({ metadata, status: { conditions: [unknown] } }, nowMs),
    'Not known: not observed yet (since 3s)',
  );
  t.equal(statusLine({ metadata, status: { conditions: [broken] } }, nowMs), 'Not ready: no (since 3s)');
  t.equal(
    statusLine({ metadata: deleted, status: { conditions: [broken] } }, nowMs),
    'Being deleted: no (since 5s)',
  );
});

t.test('statusLine() says of a ready object what does not go by itself', (t) => {
  const line = (...types: readonly string[]): string => {
    const others = types.map((type) =>
      condition(type, { status: 'True', reason: 'X', message: 'x', seconds: 1 }),
    );
    const ready = condition('Ready', { status: 'True', reason: 'X', message: 'x', seconds: 3 });
    return statusLine({ metadata: { name: 'n' }, status: { conditions: [ready, ...others] } }, nowMs);
  };
  t.equal(line(), 'Ready (since 3s)');
  t.equal(line('DiscoveryNotServing'), 'Ready (since 3s), but its discovery does not serve');
  t.equal(line('Drifted', 'Suspended'), 'Ready (since 3s), but suspended and changed by others');
  t.end();
});

t.test('formatDescription() prints the hint of a message once, on a line of its own', async (t) => {
  const message = 'spec.engine.tls names no files → Set caFile';
  const ready = condition('Ready', { status: 'False', reason: 'CredentialsInvalid', message, seconds: 3 });
  const stalled = condition('Stalled', { status: 'True', reason: 'CredentialsInvalid', message, seconds: 3 });
  const object = { ...asJson(aNode()), status: { conditions: [ready, stalled] } };
  const text = formatDescription({ object, events: [], nowMs });
  t.match(text, /Status: {4}Not ready: spec\.engine\.tls names no files \(since 3s\)\n/);
  t.same(text.match(/→.*/g), ['→ Set caFile']);
});

t.test('formatDescription() shows the commit in force, and why a newer one is not', async (t) => {
  const annotations = {
    'swarmctl.io/source': 'fleet/cluster.yaml:1:1',
    'swarmctl.io/commit': '3f9c21d04b7e9c1d2e3f',
    'swarmctl.io/commit-author': 'Ann Lee <ann@example.org>',
    'swarmctl.io/commit-time': ago(180),
    'swarmctl.io/commit-refused': 'badbadbadbad: fleet/n2.yaml:6:3: Cannot use node "n2": unknown field',
  };
  const object = asJson(aCluster({ name: 'prod', metadata: { creationTimestamp: ago(3600), annotations } }));
  const lines = formatDescription({ object, events: [], nowMs }).split('\n');
  t.same(lines.slice(2, 4), [
    'Commit:    3f9c21d04b7e of Ann Lee <ann@example.org>, 3m ago',
    '           not in force: badbadbadbad: fleet/n2.yaml:6:3: Cannot use node "n2": unknown field',
  ]);
});

t.test(
  'formatDescription() tells what others changed, what was done, what comes next, and who owns what',
  async (t) => {
    const node = aNode({
      metadata: {
        creationTimestamp: ago(86_400),
        annotations: {
          'swarmctl.io/source': 'nodes.yaml:3:1',
          'swarmctl.io/suspended': 'new disk',
          'swarmctl.io/suspended-by': 'ann',
          'swarmctl.io/suspended-at': ago(600),
          'swarmctl.io/suspended-until': ago(-6600),
        },
      },
    });
    const drift = { container: 'swarm-demo-join', specHash: 'x' };
    const object = asJson({
      ...node,
      status: {
        conditions: [
          condition('Ready', {
            status: 'True',
            reason: 'Suspended',
            message: 'The node is joined as 10.0.0.2:2376',
            seconds: 600,
          }),
        ],
        drift: [
          { ...drift, field: 'restart policy', expected: 'always', found: 'no' },
          { ...drift, field: 'CPU shares', expected: 'none', found: '7' },
        ],
        lastActions: [
          {
            ...{ time: ago(700), result: 'Cannot start: no space left', milliseconds: 2340 },
            action: 'start container swarm-demo-join on node1: it was just created',
          },
          {
            ...{ time: ago(702), result: 'done', milliseconds: 120 },
            action: 'create container swarm-demo-join on node1: it does not exist',
          },
        ],
      },
    });
    const story = {
      nextRunTime: ago(-16),
      failures: 4,
      owners: [
        { fields: ['spec', 'label zone'], owner: 'nodes.yaml:3:1' },
        { fields: ['annotation swarmctl.io/suspended'], owner: 'API' },
        { fields: ['status'], owner: 'operator' },
      ],
    };
    await matchGolden(
      t,
      'swarmctl-describe-drifted.txt',
      formatDescription({ object, events: [], story, nowMs }),
    );
  },
);
