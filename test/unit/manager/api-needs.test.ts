// What of a request older engines would leave out without a word.
import t from 'tap';
import type { PooledEngine } from '../../../controller/engine/cluster-view.js';
import {
  ableEngines,
  connectNeeds,
  createNeeds,
  imageNeeds,
  lossWarnings,
  networkNeeds,
} from '../../../controller/manager/api-needs.js';

const mounted = (...mounts: unknown[]) => ({ HostConfig: { Mounts: mounts } });

void t.test('createNeeds() names each feature with the version that brought it', async (t) => {
  const cases: readonly (readonly [body: Record<string, unknown>, since: string])[] = [
    [mounted({ Type: 'bind', BindOptions: { ReadOnlyForceRecursive: true } }), '1.44'],
    [{ HostConfig: { DeviceRequests: [null, { Driver: 'cdi', DeviceIDs: ['a.b/c=d'] }] } }, '1.44'],
    [mounted({ Type: 'bind' }, { Type: 'volume', VolumeOptions: { Subpath: 'a/b' } }), '1.45'],
    [mounted({ Type: 'tmpfs', TmpfsOptions: { Options: [['noexec']] } }), '1.46'],
    [mounted({ Type: 'image', Source: 'busybox', Target: '/i' }), '1.48'],
    [{ NetworkingConfig: { EndpointsConfig: { a: null, b: { GwPriority: -1 } } } }, '1.48'],
  ];
  for (const [body, since] of cases) {
    t.same(
      createNeeds(body, { version: '1.51' }).map((need) => need.since),
      [since],
      JSON.stringify(body),
    );
    t.same(
      createNeeds(body, { version: since }).map((need) => need.since),
      [since],
    );
    t.same(createNeeds(body, { version: '1.43' }), [], 'no engine heeds it from a client that old');
  }
});

void t.test('createNeeds() asks nothing of what every engine knows, and bears any JSON', async (t) => {
  const bodies = [
    {},
    { HostConfig: null, NetworkingConfig: [] },
    mounted(null, 1, { Type: 'bind', BindOptions: { ReadOnlyForceRecursive: false } }),
    mounted(
      { Type: 'volume', VolumeOptions: { Subpath: '' } },
      { Type: 'tmpfs', TmpfsOptions: { Options: [] } },
    ),
    { HostConfig: { DeviceRequests: [{ Driver: 'nvidia' }, 1] } },
    { HostConfig: { Mounts: {} }, NetworkingConfig: { EndpointsConfig: { a: { GwPriority: 0 } } } },
  ];
  for (const body of bodies) t.same(createNeeds(body, { version: '1.51' }), [], JSON.stringify(body));
  t.same(createNeeds({}, { version: '1.51', platform: 'linux/arm64' }), [
    { feature: 'the platform of a container', since: '1.41', platform: 'linux/arm64' },
  ]);
  t.same(createNeeds({}, { version: '1.51', platform: '' }), []);
  t.same(createNeeds({}, { version: '1.40', platform: 'linux/arm64' }), []);
});

void t.test('lossWarnings() tells what the engine leaves out, and only that', async (t) => {
  const body = { HostConfig: { Annotations: { a: 'b' } }, Healthcheck: { StartInterval: 1e9 } };
  const warnings = (version: string, engineVersion: string) =>
    lossWarnings(body, { version, engine: 'node1', engineVersion });
  t.same(warnings('1.51', '1.43'), [
    'node1 left out the start interval of a health check: that needs API 1.44, and it speaks 1.43',
  ]);
  t.equal(warnings('1.51', '1.41').length, 2);
  t.same(warnings('1.51', '1.44'), []);
  t.same(warnings('1.42', '1.41'), [], 'an engine would not tell such a client either');
  t.same(lossWarnings({}, { version: '1.51', engine: 'node1', engineVersion: '1.24' }), []);
});

void t.test('networkNeeds(), connectNeeds() and imageNeeds() read their requests', async (t) => {
  const versionsOf = (needs: readonly { readonly since: string }[]) => needs.map(({ since }) => since);
  t.same(versionsOf(networkNeeds({ EnableIPv4: false }, '1.48')), ['1.48']);
  t.same(networkNeeds({ EnableIPv4: true }, '1.48'), []);
  t.same(networkNeeds({ EnableIPv4: false }, '1.47'), []);
  t.same(versionsOf(connectNeeds({ EndpointConfig: { GwPriority: 5 } }, '1.51')), ['1.48']);
  t.same(connectNeeds({ Container: 'a' }, '1.51'), []);
  const platform = new URLSearchParams({ platform: '{"os":"linux"}' });
  t.same(versionsOf(imageNeeds('push', platform, '1.51')), ['1.46']);
  t.same(versionsOf(imageNeeds('get', platform, '1.51')), ['1.48']);
  t.same(imageNeeds('json', platform, '1.48'), []);
  t.same(imageNeeds('load', new URLSearchParams({ platform: '' }), '1.51'), []);
});

void t.test('ableEngines() keeps engines that know it, and names those that do not', async (t) => {
  const [old, newer] = [
    { name: 'old', specs: { apiVersion: '1.41' } },
    { name: 'newer', specs: { apiVersion: '1.51' } },
  ] as unknown as readonly [PooledEngine, PooledEngine]; // only what is read
  const needs = networkNeeds({ EnableIPv4: false }, '1.51');
  t.same(ableEngines([old, newer], needs), [newer]);
  t.same(ableEngines([old], []), [old]);
  t.same(ableEngines([], needs), []);
  t.throws(() => ableEngines([old], needs), {
    status: 400,
    message: 'a network without IPv4 needs API 1.48: old speaks 1.41',
  });
});
