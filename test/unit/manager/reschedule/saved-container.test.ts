// From the inspection of a container to what makes the same one elsewhere, and who has to move together.
import t from 'tap';
import { groupByShared } from '../../../../controller/manager/reschedule/group-by-shared.js';
import {
  derivedSwarmId,
  saveContainer,
  shouldRun,
  type SavedContainer,
  type SaveOptions,
} from '../../../../controller/manager/reschedule/saved-container.js';
import { aPooledEngine } from '../../engine/container-rows.js';

const containerId = `c0ffee${'1'.repeat(58)}`;
const engine = aPooledEngine('n1');
const options: SaveOptions = {
  engine: { id: 'ID-n1', name: 'n1', address: 'n1:2376', cpus: 2 },
  state: 'running',
  networks: ['front', 'back', 'bridge', 'other'].map((Name) => ({
    engine,
    id: Name,
    summary: { Name, Id: `id-${Name}` },
  })),
  volumes: ['data', 'elsewhere'].map((Name) => ({ engine, id: Name, summary: { Name, Driver: 'local' } })),
  nameOf: (id) => (id === 'd'.repeat(64) ? 'db' : undefined),
};

function save(change: Record<string, object> = {}): SavedContainer {
  const saved = saveContainer(
    {
      Id: containerId,
      Name: '/web',
      Image: 'sha256:1',
      ...change,
      Config: {
        Hostname: containerId.slice(0, 12),
        Image: 'busybox',
        Labels: {},
        Future: 1,
        ...change['Config'],
      },
      HostConfig: { NetworkMode: 'bridge', ContainerIDFile: '/tmp/x', Future: [2], ...change['HostConfig'] },
      NetworkSettings: { Networks: { bridge: { NetworkID: 'b' } }, ...change['NetworkSettings'] },
    },
    options,
  );
  if (saved === undefined) throw new Error('it can be saved');
  return saved;
}

void t.test(
  'saveContainer() keeps what was asked for, unknown fields too, and drops what the engine chose',
  async (t) => {
    const { body } = save();
    t.same(body, {
      Image: 'busybox',
      Labels: {},
      Future: 1,
      HostConfig: { NetworkMode: 'bridge', Future: [2] },
      NetworkingConfig: { EndpointsConfig: {} },
    });
  },
);

const hostnames: readonly (readonly [string, string, string, string | undefined])[] = [
  ['of the user', 'mine', 'bridge', 'mine'],
  ['made of the ID', containerId.slice(0, 12), 'front', undefined],
  ['of the engine in its own network', 'n1', 'host', undefined],
  ['that reads as the engine in another network', 'n1', 'bridge', 'n1'],
  ['of the container whose network it has', 'db', 'container:db', undefined],
];
for (const [claim, Hostname, NetworkMode, expected] of hostnames)
  void t.test(`saveContainer() has the right host name: one ${claim}`, async (t) => {
    t.equal(save({ Config: { Hostname }, HostConfig: { NetworkMode } }).body['Hostname'], expected);
  });

void t.test('saveContainer() keeps every endpoint as it was asked for', async (t) => {
  const { body, networks } = save({
    HostConfig: { NetworkMode: 'f'.repeat(64) },
    NetworkSettings: {
      Networks: {
        back: { NetworkID: 'e', IPAddress: '10.0.0.2', Aliases: null },
        front: {
          NetworkID: 'f'.repeat(64),
          IPAMConfig: { IPv4Address: '10.1.0.7' },
          Aliases: ['www', containerId.slice(0, 12)],
          Links: ['db:database'],
          IPAddress: '10.1.0.7',
          MacAddress: '02:42:0a:01:00:07',
          GwPriority: 0,
        },
      },
    },
  });
  t.match(body, { HostConfig: { NetworkMode: 'front' } });
  const { EndpointsConfig: endpoints } = body['NetworkingConfig'] as { EndpointsConfig: object }; // built so
  t.same(Object.entries(endpoints), [
    ['front', { IPAMConfig: { IPv4Address: '10.1.0.7' }, Links: ['db:database'], Aliases: ['www'] }],
    ['back', {}],
  ]);
  t.same(networks, [
    { Name: 'front', Id: 'id-front' },
    { Name: 'back', Id: 'id-back' },
  ]);
});

void t.test('saveContainer() names the bridge beside networks that were connected later', async (t) => {
  const { body } = save({ NetworkSettings: { Networks: { bridge: {}, back: {} } } });
  t.same(body['NetworkingConfig'], { EndpointsConfig: { bridge: {}, back: {} } });
});

void t.test(
  'saveContainer() calls other containers by names, which their replacements have too',
  async (t) => {
    const db = 'd'.repeat(64);
    const { body } = save({
      HostConfig: {
        NetworkMode: `container:${db}`,
        IpcMode: `container:${db}`,
        PidMode: 'container:unknown',
        Links: ['/db:/web/database', '/cache:/web/cache'],
        VolumesFrom: [`${db}:ro`, 'other'],
      },
    });
    t.same(body['HostConfig'], {
      NetworkMode: 'container:db',
      IpcMode: 'container:db',
      PidMode: 'container:unknown',
      Links: ['db:database', 'cache:cache'],
      VolumesFrom: ['db:ro', 'other'],
      Future: [2],
    });
  },
);

void t.test('saveContainer() keeps named volumes, not those that engines name', async (t) => {
  const mounts = [
    { Type: 'volume', Name: 'data' },
    { Type: 'volume', Name: 'e'.repeat(64) },
    { Type: 'bind', Source: '/srv' },
  ];
  t.same(save({ Mounts: mounts }).volumes, [{ Name: 'data', Driver: 'local' }]);
});

void t.test(
  'saveContainer() takes the swarm ID from the label, else makes the same one each time',
  async (t) => {
    t.equal(save({ Config: { Labels: { 'com.docker.swarm.id': 'x' } } }).swarmId, 'x');
    t.equal(save().swarmId, derivedSwarmId(containerId));
    t.match(derivedSwarmId(containerId), /^a[0-9a-f]{63}$/);
    const labels = { 'io.swarmctl.replaces': `${'1'.repeat(64)},${'2'.repeat(64)}` };
    t.same(save({ Config: { Labels: labels } }).replaced, ['1'.repeat(64), '2'.repeat(64)]);
  },
);

void t.test('saveContainer() has nothing to say of what is no container with a name', async (t) => {
  t.equal(saveContainer({ Id: containerId, Name: '' }, options), undefined);
  t.equal(saveContainer({}, options), undefined);
});

const ends: readonly (readonly [string, number | undefined, number, boolean])[] = [
  ['running', undefined, 100_000, true],
  ['paused', undefined, 100_000, true],
  ['restarting', undefined, 100_000, true],
  ['exited', 90_000, 100_000, true],
  ['exited', 60_000, 100_000, false],
  ['exited', undefined, 100_000, false],
  ['created', undefined, 100_000, false],
];
for (const [state, endedAtMs, lostAtMs, expected] of ends)
  void t.test(`shouldRun() is ${expected} for one ${state} at ${endedAtMs ?? 'no time'}`, async (t) => {
    t.equal(shouldRun({ state, endedAtMs }, { lostAtMs }), expected);
  });

function member(name: string, host: object, shared: Partial<SavedContainer> = {}): SavedContainer {
  return { ...save(), id: name, name, body: { HostConfig: host }, networks: [], volumes: [], ...shared };
}

void t.test(
  'groupByShared() joins what shares networks, volumes or each other, what is needed first',
  async (t) => {
    const front = { networks: [{ Name: 'front' }] };
    const groups = groupByShared([
      member('web', { Links: ['api:api'] }, front),
      member('alone', {}),
      member('api', { NetworkMode: 'container:base' }),
      member('base', {}),
      member('proxy', {}, { ...front, volumes: [{ Name: 'data' }] }),
      member('backup', { VolumesFrom: ['store:ro'] }, { volumes: [{ Name: 'data' }] }),
      member('store', {}),
    ]);
    t.same(
      groups.map((group) => group.map(({ name }) => name)),
      [['alone'], ['base', 'api', 'web', 'proxy', 'store', 'backup']],
    );
  },
);

void t.test('groupByShared() ends also when containers need each other in a circle', async (t) => {
  const groups = groupByShared([member('a', { Links: ['b:b'] }), member('b', { Links: ['a:a'] })]);
  t.same(
    groups.map((group) => group.map(({ name }) => name)),
    [['b', 'a']],
  );
});
