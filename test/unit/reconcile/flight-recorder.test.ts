// The flight recorder: what it keeps replays to the same decisions, is bounded, and holds no secret.
import fc from 'fast-check';
import t from 'tap';
import { containerLabels } from '../../../controller/api/labels.js';
import type { Cluster, Node } from '../../../controller/api/resources.js';
import { SwarmError } from '../../../controller/base/errors.js';
import { describeAction } from '../../../controller/plan/action.js';
import { planLines } from '../../../controller/plan/describe-plan.js';
import { desireCluster } from '../../../controller/plan/desired-cluster.js';
import type { ClusterCredentials } from '../../../controller/plan/credentials.js';
import type { ObservedContainer } from '../../../controller/plan/observation.js';
import type { ResolvedNode } from '../../../controller/plan/resolved-node.js';
import { currentPlan } from '../../../controller/reconcile/current-plan.js';
import { Fleet, type NodeView } from '../../../controller/reconcile/fleet.js';
import { clusterInput, nodeInput } from '../../../controller/reconcile/flight-input.js';
import { FlightRecorder, type Flight } from '../../../controller/reconcile/flight-recorder.js';
import { findWork } from '../../../controller/reconcile/node-work.js';
import type { ReconcilePorts } from '../../../controller/reconcile/ports.js';
import { parseFlight, replay } from '../../../controller/reconcile/replay-flight.js';
import { FakeClock } from '../../support/fake-clock.js';
import { aCluster, aNode } from '../../support/resource-builders.js';

const installation = '11111111-1111-1111-1111-111111111111';
const clusterKey = { kind: 'Cluster', name: 'demo' } as const;

interface World {
  readonly nodes: readonly Node[];
  readonly cluster: Cluster;
  readonly credentials: ClusterCredentials;
  readonly views: ReadonlyMap<string, NodeView>;
  readonly engineTls?: ResolvedNode['engineTls'];
}

function portsOf(world: World) {
  const fleet = new Fleet();
  const resolved = world.nodes.map((node, index): ResolvedNode => {
    const address = { host: `10.0.0.${index + 1}`, port: 2376 };
    return {
      name: node.metadata.name,
      roles: node.spec.roles,
      isDeleting: node.metadata.deletionTimestamp !== undefined,
      address,
      entry: `${address.host}:2376`,
      ...(world.engineTls === undefined ? {} : { engineTls: world.engineTls }),
    };
  });
  fleet.setDesired(
    desireCluster({
      ...{ installation, cluster: world.cluster, nodes: resolved, credentials: world.credentials },
      image: { reference: 'swarm:1', source: 'archive' },
    }),
  );
  for (const [name, view] of world.views) fleet.setView(name, view);
  const store = {
    getCluster: (name: string) => (name === world.cluster.metadata.name ? world.cluster : undefined),
    getNode: (name: string) => world.nodes.find(({ metadata }) => metadata.name === name),
  };
  return { fleet, store, installation, clock: new FakeClock() } as unknown as Pick<
    ReconcilePorts,
    'fleet' | 'store' | 'installation' | 'clock'
  >; // what is read of them
}

const pem = (key: string): string => `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`;

function credentialsWith(token: string, key: string): ClusterCredentials {
  return { token, tls: { caPem: 'ca', pairFor: () => ({ certPem: 'cert', keyPem: pem(key) }) } };
}

const plain = credentialsWith('a'.repeat(32), 'key');
const nodes = [
  aNode({ name: 'node0', roles: ['manager', 'worker'] }),
  aNode({ name: 'node1' }),
  aNode({ name: 'node2' }),
];

function observed(node: string, containers: readonly ObservedContainer[]): NodeView {
  const engine = { id: `engine-${node}` };
  const observation = { engineId: engine.id, images: ['swarm:1'], containers };
  return { type: 'observed', engine, observation, failures: 0 } as unknown as NodeView; // of the engine only the ID counts
}

/** The containers of a node in some state, as the plan wants them. */
const container = fc.record({
  state: fc.constantFrom('running', 'exited', 'created', 'paused', 'removing'),
  isCurrent: fc.boolean(),
  isOurs: fc.boolean(),
  hasFiles: fc.boolean(),
});
const aWorld = fc.record({
  seen: fc.array(fc.constantFrom('unknown', 'failed', 'observed'), { minLength: 3, maxLength: 3 }),
  containers: fc.array(fc.array(fc.option(container), { minLength: 3, maxLength: 3 }), {
    minLength: 3,
    maxLength: 3,
  }),
  deleted: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
  suspend: fc.boolean(),
});

function worldFrom({
  seen,
  containers,
  deleted,
  suspend,
}: typeof aWorld extends fc.Arbitrary<infer T> ? T : never) {
  const some = nodes.map((node, index) =>
    deleted[index] === true
      ? { ...node, metadata: { ...node.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }
      : node,
  );
  const cluster = aCluster({ spec: { suspend } } as never); // the builder passes it on
  const base = { nodes: some, cluster, credentials: plain };
  const desired = portsOf({ ...base, views: new Map() }).fleet.desired('demo');
  const views = new Map(
    some.map(({ metadata: { name } }, index): [string, NodeView] => {
      if (seen[index] === 'unknown') return [name, { type: 'unknown' }];
      if (seen[index] === 'failed')
        return [name, { type: 'failed', error: new SwarmError('ENGINE_UNREACHABLE', 'gone'), failures: 1 }];
      const wanted = (desired?.containers ?? []).filter((one) => one.node === name);
      const found = wanted.flatMap((one, place): ObservedContainer[] => {
        const state = containers[index]?.[place];
        if (state === undefined || state === null) return [];
        return [
          {
            id: `${name}-${place}`,
            name: one.name,
            state: state.state,
            image: one.image,
            labels: {
              [containerLabels.installation]: state.isOurs ? installation : 'other',
              [containerLabels.cluster]: 'demo',
              [containerLabels.role]: one.role,
              [containerLabels.specHash]: state.isCurrent ? one.specHash : 'old',
            },
            ...(state.hasFiles && one.filesHash !== undefined ? { filesHash: one.filesHash } : {}),
            fields: state.isCurrent ? {} : { 'restart policy': 'no' },
            exitCode: 0,
            error: '',
            restartCount: 0,
          },
        ];
      });
      return [name, observed(name, found)];
    }),
  );
  return { ...base, views };
}

/** As a file carries it. */
function overFile(flight: Flight): Flight {
  return parseFlight(JSON.stringify(flight), 'x');
}

t.test('replay() decides from a dump what was decided, for any state of the engines', async (t) => {
  let decisions = 0;
  fc.assert(
    fc.property(aWorld, (choice) => {
      const world = worldFrom(choice);
      const ports = portsOf(world);
      const recorder = new FlightRecorder({ clock: new FakeClock(), program: '1', secrets: () => [] });
      const current = currentPlan('demo', ports);
      if (current === undefined) throw new Error('it is desired');
      recorder.record(clusterKey, planLines(current.plan), () => clusterInput('demo', ports));
      for (const node of world.nodes) {
        const { name } = node.metadata;
        const view = ports.fleet.view(name);
        const own = view.type === 'observed' ? view.observation.containers : [];
        const { actions } = findWork({
          node: name,
          cluster: world.cluster,
          clusterName: 'demo',
          isDeleting: node.metadata.deletionTimestamp !== undefined,
          own: own.filter(({ labels }) => labels[containerLabels.installation] === installation),
          suspension: undefined,
          ports,
        });
        if (actions.length === 0) continue;
        const key = { kind: 'Node', name } as const;
        recorder.record(key, actions.map(describeAction), () => nodeInput(node, ports))(undefined);
      }
      for (const { record, lines, isSame } of replay(overFile(recorder.dump()))) {
        decisions += 1;
        if (!isSame) throw new Error(`${record.lines.join('\n')}\nbecame\n${lines.join('\n')}`);
      }
    }),
    { numRuns: 500 },
  );
  t.ok(decisions > 100, `${decisions} decisions`);
});

t.test('replay() shows a decision that is another one now', async (t) => {
  const ports = portsOf({ nodes, cluster: aCluster(), credentials: plain, views: new Map() });
  const recorder = new FlightRecorder({ clock: new FakeClock(), program: '1', secrets: () => [] });
  recorder.record(clusterKey, ['what an older version wanted'], () => clusterInput('demo', ports));
  t.match(replay(overFile(recorder.dump())), [{ isSame: false, lines: [] }]);
});

const hex = fc.stringMatching(/^[0-9a-f]{32}$/);
const base64 = fc.stringMatching(/^[A-Za-z0-9+/]{40,60}$/);

t.test('FlightRecorder.dump() never holds a secret, wherever it stood', async (t) => {
  fc.assert(
    fc.property(hex, base64, base64, base64, base64, (token, key, auth, env, label) => {
      const dirty: ObservedContainer = {
        id: 'x',
        name: 'swarm-demo-join',
        state: 'exited',
        image: 'swarm:1',
        labels: { [containerLabels.installation]: installation, password: label },
        exitCode: 1,
        error: `cannot reach token://h:1/v1/${token} with ${token}: ${pem(key)} {"auth": "${auth}"}`,
        restartCount: 0,
        // What a later reading may bring along.
        ...{ Env: [`PASSWORD=${env}`], Config: { Env: [`PASSWORD=${env}`] } },
      };
      const foreign = {
        ...dirty,
        id: 'y',
        name: 'swarm-demo-manage',
        labels: { password: label },
        error: label,
      };
      const failed = new SwarmError('ENGINE_ERROR', `it said {"password": "${auth}"} for ${token}`);
      const annotated = nodes.map((node) => ({
        ...node,
        metadata: { ...node.metadata, annotations: { note: label }, labels: { note: label } },
      }));
      const views = new Map<string, NodeView>([
        ['node0', observed('node0', [dirty, foreign])],
        ['node1', { type: 'failed', error: failed, failures: 1 }],
      ]);
      const ports = portsOf({
        ...{ nodes: annotated, cluster: aCluster(), views },
        credentials: credentialsWith(token, key),
        engineTls: { ca: 'ca', cert: 'cert', key: pem(key) },
      });
      const recorder = new FlightRecorder({ clock: new FakeClock(), program: '1', secrets: () => [token] });
      const lines = [`copy token://h:1/v1/${token}`];
      recorder.record(clusterKey, lines, () => clusterInput('demo', ports));
      for (const node of annotated) {
        const nodeKey = { kind: 'Node', name: node.metadata.name } as const;
        recorder.record(nodeKey, lines, () => nodeInput(node, ports))(failed);
      }
      const text = JSON.stringify(recorder.dump());
      for (const secret of [token, key, auth, env, label]) {
        if (text.includes(secret) || text.includes(JSON.stringify(secret).slice(1, -1)))
          throw new Error(secret);
      }
    }),
    { numRuns: 300 },
  );
  t.pass('no generated secret was found');
});

t.test(
  'FlightRecorder keeps the last ten decisions of an object, and forgets old objects first',
  async (t) => {
    const ports = portsOf({ nodes, cluster: aCluster(), credentials: plain, views: new Map() });
    const recorder = new FlightRecorder({ clock: new FakeClock(), program: '1', secrets: () => [] });
    let asked = 0;
    const input = () => {
      asked += 1;
      return clusterInput('demo', ports);
    };
    recorder.record(clusterKey, [], input);
    t.equal(asked, 0, 'an object that never had anything to do is not told of');
    for (let index = 0; index < 30; index += 1) {
      recorder.record(clusterKey, [`step ${index}`], input);
      recorder.record(clusterKey, [`step ${index}`], input);
    }
    t.equal(asked, 30, 'the same decision is kept once');
    t.same(
      recorder.dump().records.map(({ lines }) => lines[0]),
      Array.from({ length: 10 }, (_, index) => `step ${index + 20}`),
    );
    for (let index = 0; index < 5000; index += 1) {
      recorder.record({ kind: 'Node', name: `n${index}` }, ['x'], () => ({ installation, nodes: [] }));
    }
    const { records } = recorder.dump();
    t.equal(records.length, 5000);
    t.notOk(records.some(({ key }) => key.kind === 'Cluster'));
  },
);

t.test('FlightRecorder keeps fewer decisions of a cluster with many nodes', async (t) => {
  const ports = portsOf({ nodes, cluster: aCluster(), credentials: plain, views: new Map() });
  const [seen] = clusterInput('demo', ports).nodes;
  if (seen === undefined) throw new Error('it has nodes');
  for (const [count, kept] of [
    [200, 10],
    [201, 9],
    [1000, 2],
    [5000, 2],
  ] as const) {
    const recorder = new FlightRecorder({ clock: new FakeClock(), program: '1', secrets: () => [] });
    const input = { installation, nodes: new Array<typeof seen>(count).fill(seen) };
    for (let index = 0; index < 12; index += 1) recorder.record(clusterKey, [`step ${index}`], () => input);
    const last = Array.from({ length: kept }, (_, index) => `step ${index + 12 - kept}`);
    t.same(
      recorder.dump().records.map(({ lines }) => lines[0]),
      last,
      `${count} nodes`,
    );
  }
});

t.test('FlightRecorder tells what came of a decision', async (t) => {
  const clock = new FakeClock();
  const recorder = new FlightRecorder({ clock, program: '1', secrets: () => [] });
  const conclude = recorder.record({ kind: 'Node', name: 'n' }, ['x'], () => ({ installation, nodes: [] }));
  await clock.advance(400);
  conclude(new SwarmError('ENGINE_ERROR', 'no'));
  t.match(recorder.dump().records, [{ result: { outcome: 'failed', message: 'no', durationMs: 400 } }]);
});

t.test('parseFlight() refuses what is no dump', async (t) => {
  for (const text of [
    '',
    '{}',
    '{"kind":"swarmctl-flight","format":1,"records":[{}]}',
    '{"kind":"swarmctl-flight","format":9}',
  ])
    t.throws(() => parseFlight(text, 'x'), { code: 'USAGE', message: /^Cannot replay "x": / });
});
