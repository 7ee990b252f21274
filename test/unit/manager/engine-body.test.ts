// Create bodies for engines that know less than the client.
import t from 'tap';
import { adaptCreateBody, type SpokenVersions } from '../../../controller/manager/placement/engine-body.js';

const spoken = (engine: string, client = '1.51'): SpokenVersions => ({ client, engine, hasOldCgroups: true });

const body = {
  Image: 'busybox',
  Future: true,
  HostConfig: { NetworkMode: 'front' },
  NetworkingConfig: {
    EndpointsConfig: { back: { Aliases: ['b'] }, front: { Aliases: ['f'], MacAddress: '02:00:00:00:00:01' } },
  },
};

void t.test('adaptCreateBody() leaves the body for engines that know it all', async (t) => {
  t.same(adaptCreateBody(body, spoken('1.44')), { body, connectLater: [] });
});

void t.test(
  'adaptCreateBody() gives engines before 1.44 the main endpoint, and the others later',
  async (t) => {
    t.same(adaptCreateBody(body, spoken('1.43')), {
      body: {
        ...body,
        MacAddress: '02:00:00:00:00:01',
        NetworkingConfig: { EndpointsConfig: { front: body.NetworkingConfig.EndpointsConfig.front } },
      },
      connectLater: [{ network: 'back', config: { Aliases: ['b'] } }],
    });
  },
);

void t.test('adaptCreateBody() writes mounts that make directories as binds before 1.42', async (t) => {
  const mount = {
    Type: 'bind',
    Source: '/s',
    Target: '/t',
    ReadOnly: true,
    BindOptions: { CreateMountpoint: true, Propagation: 'rslave' },
  };
  const kept = { Type: 'volume', Source: 'v', Target: '/v' };
  const adapted = adaptCreateBody(
    { HostConfig: { Mounts: [mount, kept], Binds: ['/a:/b'] } },
    spoken('1.41'),
  );
  t.same(adapted.body, { HostConfig: { Mounts: [kept], Binds: ['/a:/b', '/s:/t:ro,rslave'] } });
});

void t.test('adaptCreateBody() gives older clients the defaults of their version', async (t) => {
  const hostOf = (given: SpokenVersions, hostConfig = {}) =>
    adaptCreateBody({ HostConfig: hostConfig }, given).body['HostConfig'];
  t.same(hostOf(spoken('1.44', '1.39')), { IpcMode: 'shareable', CgroupnsMode: 'host' });
  t.same(hostOf(spoken('1.44', '1.40')), { CgroupnsMode: 'host' });
  t.same(hostOf({ ...spoken('1.44', '1.39'), hasOldCgroups: false }), { IpcMode: 'shareable' });
  t.same(
    hostOf(spoken('1.44', '1.39'), { IpcMode: 'private', CgroupnsMode: 'private' }),
    { IpcMode: 'private', CgroupnsMode: 'private' },
    'what is said stays',
  );
  t.same(hostOf(spoken('1.39', '1.39')), {}, 'an engine that speaks the version does it itself');
  t.same(hostOf(spoken('1.44', '1.41')), {});
});
