// Every owned field: that a container as we make it has none, and what each change of it reads like.
import t from 'tap';
import { containerLabels } from '../../../controller/api/labels.js';
import { planLines } from '../../../controller/plan/describe-plan.js';
import type { DesiredContainer } from '../../../controller/plan/desired-container.js';
import {
  changesFor,
  describeFields,
  differingFields,
  isUpdatable,
  suspectsOf,
} from '../../../controller/plan/find-drift.js';
import type { EngineObservation, ObservedContainer } from '../../../controller/plan/observation.js';
import { ownedFields, readOwnedFields } from '../../../controller/plan/owned-fields.js';
import { planCluster } from '../../../controller/plan/plan-cluster.js';
import { desire, resolvedNodes, testInstallation } from '../../support/desired-worlds.js';
import { aCluster } from '../../support/resource-builders.js';

const nodes = resolvedNodes(1, 1);
const desired = desire(aCluster(), nodes);
const manage = desired.containers.find(({ role }) => role === 'manage')!; // node0 is a manager
const join = desired.containers.find(({ role }) => role === 'join')!; // node1 is a worker
const imageConfig = { Env: ['PATH=/bin'], Entrypoint: ['/swarm'], User: '', WorkingDir: '/' };
const image = { id: 'sha256:1', config: imageConfig };

type Inspection = Record<string, Record<string, unknown>> & { Image: never };

/** The inspection of a container made with the body, as an engine gives it. */
function inspected(container: DesiredContainer): Inspection {
  const { HostConfig, ...config } = structuredClone(container.body) as Record<
    string,
    Record<string, unknown>
  >;
  return {
    Image: 'sha256:1' as never,
    Config: { ...imageConfig, ...config },
    HostConfig: {
      ...{
        Binds: null,
        Mounts: null,
        VolumesFrom: null,
        PortBindings: {},
        PublishAllPorts: false,
        CapAdd: null,
      },
      ...{ NanoCpus: 0, CpuShares: 0, CpuQuota: 0, CpusetCpus: '', Devices: [], PidMode: '', UsernsMode: '' },
      ...{ Privileged: false, AutoRemove: false },
      ...HostConfig,
    },
    NetworkSettings: { Networks: { host: {} } },
  };
}

function observe(container: DesiredContainer, inspection: Inspection): ObservedContainer {
  return {
    ...{ id: 'c1', name: container.name, state: 'running', image: container.image },
    ...{ exitCode: 0, error: '', restartCount: 0, filesHash: container.filesHash ?? '' },
    labels: inspection['Config']?.['Labels'] as Record<string, string>,
    fields: readOwnedFields(inspection, image),
  };
}

t.test('differingFields() finds nothing on containers as we make them', async (t) => {
  for (const container of desired.containers) {
    const observed = observe(container, inspected(container));
    t.same(differingFields(container, observed), [], container.name);
    const compared = ownedFields.filter(({ compare }) => compare !== 'ours').map(({ name }) => name);
    t.same(Object.keys(observed.fields ?? {}), compared, 'and it compares every field');
  }
});

t.test('differingFields() does not compare what an engine does not report', async (t) => {
  const bare = { Image: 'sha256:1' as never, Config: { Labels: join.body['Labels'] } } as Inspection;
  t.same(differingFields(join, observe(join, bare)), []);
});

const host = (key: string, value: unknown) => (one: Inspection) => (one['HostConfig']![key] = value);
const config = (key: string, value: unknown) => (one: Inspection) => (one['Config']![key] = value);
const cases: readonly (readonly [(one: Inspection) => unknown, string, 'update' | 'replace'])[] = [
  [config('Image', 'swarm:2'), 'its image is swarm:2, not swarm:1.0.0-abcdef012345', 'replace'],
  [config('Cmd', ['manage', 'a b']), 'its command is manage "a b", not manage', 'replace'],
  [config('Entrypoint', ['/sh']), 'its entrypoint is /sh, not as in the image', 'replace'],
  [config('Env', ['A=secret']), 'its environment is A set, PATH missing, not as in the image', 'replace'],
  [config('User', '1000'), 'its user is 1000, not as in the image', 'replace'],
  [config('WorkingDir', '/tmp'), 'its working directory is /tmp, not as in the image', 'replace'],
  [host('Binds', ['/:/host']), 'its bind mounts are /:/host, not none', 'replace'],
  [
    host('Mounts', []),
    'its volumes are none, not volume:swarm-demo-manage-state:/etc/swarm/state',
    'replace',
  ],
  [host('VolumesFrom', ['x']), 'its volumes of containers are x, not none', 'replace'],
  [host('NetworkMode', 'bridge'), 'its network mode is bridge, not host', 'replace'],
  [
    (one) => (one['NetworkSettings']!['Networks'] = { host: {}, extra: {} }),
    'its networks are extra, host, not host',
    'replace',
  ],
  [host('PortBindings', { '80/tcp': [] }), 'its ports are 80/tcp, not none', 'replace'],
  [host('PublishAllPorts', true), 'its publishing of every port is true, not none', 'replace'],
  [host('RestartPolicy', { Name: 'no' }), 'its restart policy is no, not always', 'update'],
  [host('RestartPolicy', { Name: '' }), 'its restart policy is no, not always', 'update'],
  [host('Memory', 2 ** 20), 'its memory limit is 1MiB, not 2GiB', 'update'],
  [host('PidsLimit', 9), 'its process limit is 9, not 256', 'update'],
  [host('NanoCpus', 5e8), 'its CPUs are 500000000, not none', 'replace'],
  [host('CpuShares', 2), 'its CPU shares are 2, not none', 'replace'],
  [host('CpuQuota', 1000), 'its CPU quota is 1000, not none', 'replace'],
  [host('CpusetCpus', '0'), 'its CPU set is 0, not none', 'replace'],
  [host('CapAdd', ['NET_ADMIN']), 'its added capabilities are NET_ADMIN, not none', 'replace'],
  [host('CapDrop', null), 'its dropped capabilities are none, not ALL', 'replace'],
  [host('Privileged', true), 'its privileged is true, not none', 'replace'],
  [host('SecurityOpt', []), 'its security options are none, not no-new-privileges', 'replace'],
  [
    host('Devices', [{ PathOnHost: '/dev/x' }]),
    'its devices are {"PathOnHost":"/dev/x"}, not none',
    'replace',
  ],
  [host('PidMode', 'host'), 'its PID mode is host, not none', 'replace'],
  [host('UsernsMode', 'host'), 'its user namespace is host, not none', 'replace'],
  [host('AutoRemove', true), 'its removal at exit is true, not none', 'replace'],
  [
    host('LogConfig', { Type: 'none', Config: {} }),
    'its log driver is none, not json-file; its log options are none, not max-file=3, max-size=10m',
    'replace',
  ],
];

t.test('differingFields() names each field that others changed', async (t) => {
  for (const [change, text, heal] of cases) {
    const inspection = inspected(manage);
    change(inspection);
    const drift = differingFields(manage, observe(manage, inspection));
    const said = describeFields(drift);
    t.equal(said.startsWith('its command') ? said.slice(0, text.length) : said, text);
    t.equal(isUpdatable(drift), heal === 'update', text);
  }
  const found = cases.flatMap(([change]) => {
    const inspection = inspected(manage);
    change(inspection);
    return differingFields(manage, observe(manage, inspection)).map(({ field }) => field);
  });
  const all = ownedFields.filter(({ compare }) => compare !== 'ours').map(({ name }) => name);
  t.same([...new Set(found)].sort(), [...all].sort(), 'no field is left out');
});

t.test('differingFields() looks at our labels only', async (t) => {
  const inspection = inspected(join);
  inspection['Config']!['Labels'] = {
    ...(join.body['Labels'] as object),
    mine: 'x',
    [containerLabels.node]: 'other',
  };
  const observed = observe(join, inspection);
  t.same(
    describeFields(differingFields(join, observed)),
    `its label ${containerLabels.node} is other, not node1`,
  );
});

t.test('changesFor() changes what differs, and swap together with memory', async (t) => {
  const field = (name: string) => ({ field: name, expected: '', found: '' });
  t.same(changesFor(join.body, [field('restart policy')]), { RestartPolicy: { Name: 'always' } });
  t.same(changesFor(join.body, [field('memory limit'), field('process limit')]), {
    ...{ Memory: 256 * 2 ** 20, MemorySwap: 512 * 2 ** 20, PidsLimit: 256 },
  });
});

t.test('suspectsOf() names tools and other installations by their labels', async (t) => {
  const labels = { 'com.docker.compose.project': 'web', [containerLabels.installation]: 'other' };
  t.same(suspectsOf({ labels }, testInstallation), [
    'docker compose project web',
    'swarmctl installation other',
  ]);
  t.same(
    suspectsOf({ labels: { a: 'b', [containerLabels.installation]: testInstallation } }, testInstallation),
    [],
  );
});

const settled = { [join.name]: join.specHash };
const made = observe(join, inspected(join));
const report = desire(aCluster({ driftPolicy: 'Report' }), nodes);
const hold = { [join.name]: { untilMs: Date.UTC(2026, 0, 1), heals: 4 } };
const worlds: readonly (readonly [string, typeof desired, Partial<EngineObservation>, readonly string[]])[] =
  [
    [
      'it was removed and is reported',
      report,
      { settled },
      ['drift on node1: swarm-demo-join: it was removed (left so, because spec.driftPolicy is Report)'],
    ],
    [
      'it is not there yet and drift is reported',
      report,
      {},
      [
        'load image swarm:1.0.0-abcdef012345 into node1',
        'create container swarm-demo-join on node1: it does not exist',
        'copy 4 files into swarm-demo-join on node1',
        'start container swarm-demo-join on node1: it was just created',
      ],
    ],
    [
      'it was renamed and is reported',
      report,
      { settled, containers: [{ ...made, name: 'mine' }] },
      [
        'drift on node1: swarm-demo-join: it was renamed to mine (left so, because spec.driftPolicy is Report)',
      ],
    ],
    [
      'it was stopped and is held',
      desired,
      { settled, holds: hold, containers: [{ ...made, state: 'exited', exitCode: 137 }] },
      [
        'drift on node1: swarm-demo-join: it is stopped with exit code 137 (healed 4 times in vain, the next time at 2026-01-01T00:00:00Z)',
      ],
    ],
    [
      'it was stopped',
      desired,
      { settled, containers: [{ ...made, state: 'exited', exitCode: 137 }] },
      ['start container swarm-demo-join on node1: it stopped with exit code 137'],
    ],
    [
      'its spec hash was changed and is reported',
      report,
      { settled, containers: [{ ...made, labels: { ...made.labels, [containerLabels.specHash]: 'x' } }] },
      [
        `drift on node1: swarm-demo-join: its label ${containerLabels.specHash} is x, not ${join.specHash} (left so, because spec.driftPolicy is Report)`,
      ],
    ],
    [
      'it is of an older spec and drift is reported',
      report,
      {
        settled: { [join.name]: 'x' },
        images: [join.image],
        containers: [{ ...made, labels: { ...made.labels, [containerLabels.specHash]: 'x' } }],
      },
      [
        'remove container swarm-demo-join from node1: its spec changed',
        'create container swarm-demo-join on node1: its spec changed',
        'copy 4 files into swarm-demo-join on node1',
        'start container swarm-demo-join on node1: it was just created',
      ],
    ],
  ];

for (const [name, world, engine, lines] of worlds) {
  t.test(`planCluster() when ${name}`, async (t) => {
    const engines = new Map([['node1', { engineId: 'E', containers: [], images: [], ...engine }]]);
    t.same(planLines(planCluster(world, { engines })), lines);
  });
}

t.test('planCluster() delivers files again that others changed, without a restart', async (t) => {
  const changedFiles = [
    { path: 'discovery', found: 'missing' },
    { path: 'tls/ca.pem', found: 'changed' },
    { path: 'tls/key.pem', expected: 'mode 600', found: 'mode 644' },
  ];
  const engine = (policy?: 'Report') => {
    const wanted = desire(aCluster(policy === undefined ? {} : { driftPolicy: policy }), nodes);
    const containers = wanted.containers.filter(({ node }) => node === 'node1');
    const observed = containers.map((one) => ({ ...observe(one, inspected(one)), changedFiles }));
    const settled = Object.fromEntries(containers.map(({ name, specHash }) => [name, specHash]));
    const seen: EngineObservation = {
      engineId: 'E',
      images: [wanted.image.reference],
      containers: observed,
      settled,
    };
    return planLines(planCluster(wanted, { engines: new Map([['node1', seen]]) }));
  };
  t.same(engine(), [
    'copy 4 files into swarm-demo-join on node1',
    'reload swarm-demo-join on node1 (SIGHUP)',
  ]);
  t.same(engine('Report'), [
    'drift on node1: swarm-demo-join: its file discovery is missing; its file tls/ca.pem is changed; its file tls/key.pem has mode 644, not mode 600 (left so, because spec.driftPolicy is Report)',
  ]);
});
