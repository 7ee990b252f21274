// What must run beside what: containers, volumes and local networks.
import t from 'tap';
import { colocate, enginesOf } from '../../../controller/manager/placement/colocation.js';
import { aContainer, anEngine, anObject, aView } from './builders.js';

const n1 = anEngine({ name: 'n1' });
const n2 = anEngine({ name: 'n2' });
const db = aContainer({ engine: n2, name: 'db', id: 'd'.repeat(64) });
const view = aView({
  engines: [n1, n2],
  containers: [db],
  networks: [
    anObject(n1, 'id-front', { Name: 'front', Scope: 'local' }),
    anObject(n2, 'id-back', { Name: 'back', Scope: 'local' }),
    anObject(n1, 'id-both1', { Name: 'both', Scope: 'local' }),
    anObject(n2, 'id-both2', { Name: 'both', Scope: 'local' }),
    anObject(n1, 'id-over', { Name: 'over', Scope: 'swarm' }),
  ],
  volumes: [anObject(n1, 'data', { Scope: 'local' }), anObject(n2, 'shared', { Scope: 'global' })],
});

const place = (hostConfig: object, endpoints?: object): { only: string[] | undefined; body: unknown } => {
  const { pins, body } = colocate(
    { HostConfig: hostConfig, ...(endpoints ? { NetworkingConfig: { EndpointsConfig: endpoints } } : {}) },
    view,
  );
  const only = enginesOf(pins, view);
  return { only: only === undefined ? undefined : [...only].sort(), body };
};

void t.test('enginesOf() names the engines that have what the container uses', async (t) => {
  const rows: readonly [string, object, string[] | undefined][] = [
    ['nothing', {}, undefined],
    ['predefined network', { NetworkMode: 'bridge' }, undefined],
    ['local network', { NetworkMode: 'front' }, ['n1:2376']],
    ['network by ID', { NetworkMode: 'id-back' }, ['n2:2376']],
    ['network on two engines', { NetworkMode: 'both' }, ['n1:2376', 'n2:2376']],
    ['network of the cluster', { NetworkMode: 'over' }, undefined],
    ['unknown network', { NetworkMode: 'nope' }, undefined],
    ['named volume', { Binds: ['data:/d'] }, ['n1:2376']],
    ['new volume', { Binds: ['fresh:/d'] }, undefined],
    ['host path', { Binds: ['/data:/d'] }, undefined],
    ['anonymous volume', { Binds: ['/d'] }, undefined],
    ['volume of the cluster', { Binds: ['shared:/d'] }, undefined],
    ['mounted volume', { Mounts: [{ Type: 'volume', Source: 'data', Target: '/d' }] }, ['n1:2376']],
    ['mounted path', { Mounts: [{ Type: 'bind', Source: 'data', Target: '/d' }] }, undefined],
    ['network and volume', { NetworkMode: 'both', Binds: ['data:/d'] }, ['n1:2376']],
  ];
  for (const [name, hostConfig, expected] of rows) t.same(place(hostConfig).only, expected, name);
});

void t.test('enginesOf() names the engines of the swarm whose network it is', (t) => {
  const inSwarm = (name: string, manager?: string): ReturnType<typeof anEngine> => {
    const engine = anEngine({ name });
    const RemoteManagers = manager === undefined ? null : [{ NodeID: manager, Addr: `${manager}:2377` }];
    const Swarm = { LocalNodeState: manager === undefined ? 'inactive' : 'active', RemoteManagers };
    return { ...engine, specs: { ...defined(engine.specs), info: { Swarm } } };
  };
  const [manager, worker, foreign, alone] = [
    inSwarm('manager', 'm1'),
    inSwarm('worker', 'm1'),
    inSwarm('foreign', 'm9'),
    inSwarm('alone'),
  ];
  const networks = [anObject(manager, 'id-over', { Name: 'over', Scope: 'swarm' })];
  const swarms = aView({ engines: [manager, worker, foreign, alone], networks });
  const { pins } = colocate({ HostConfig: { NetworkMode: 'over' } }, swarms);
  t.same([...(enginesOf(pins, swarms) ?? [])], ['manager:2376', 'worker:2376']);
  t.end();
});

function defined<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the builder left it out');
  return value;
}

void t.test('colocate() strips nodes from references, and pins to them', async (t) => {
  t.match(place({ NetworkMode: 'n2/both' }), {
    only: ['n2:2376'],
    body: { HostConfig: { NetworkMode: 'both' } },
  });
  t.match(place({ NetworkMode: 'n2/bridge' }), {
    only: ['n2:2376'],
    body: { HostConfig: { NetworkMode: 'bridge' } },
  });
  t.match(place({ Binds: ['n2/new:/d:ro'] }), {
    only: ['n2:2376'],
    body: { HostConfig: { Binds: ['new:/d:ro'] } },
  });
  t.match(place({ NetworkMode: 'front' }, { 'n1/front': { Aliases: ['a'] } }), {
    only: ['n1:2376'],
    body: { NetworkingConfig: { EndpointsConfig: { front: { Aliases: ['a'] } } } },
  });
  t.match(
    place({ NetworkMode: 'container:n2/db', VolumesFrom: ['n2/db:ro'], Links: ['n2/db:alias', 'web:w'] }),
    {
      body: {
        HostConfig: {
          NetworkMode: `container:${db.id}`,
          VolumesFrom: [`${db.id}:ro`],
          Links: [`${db.id}:alias`, 'web:w'],
        },
      },
    },
  );
});

void t.test('enginesOf() says where things are when no engine has them all', async (t) => {
  t.throws(() => place({ NetworkMode: 'back', Binds: ['data:/d'] }), {
    code: 'NO_ELIGIBLE_ENGINE',
    message:
      'Cannot place container: no engine has everything it uses: network "back" is on n2; volume "data" is on n1',
  });
});

void t.test('colocate() leaves a body without HostConfig as it is', async (t) => {
  t.same(colocate({ Image: 'busybox', Future: 1 }, view).body, { Image: 'busybox', Future: 1 });
});
