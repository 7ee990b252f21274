// Clients of a newer API than their engines: what an engine would leave out is done another way, elsewhere, or refused.
import t from 'tap';
import type { FakeEngine } from '../../support/fake-engine.js';
import { startFakeManager, type FakeManager } from '../../support/fake-manager.js';

const older = { name: 'older', version: '20.10.24', apiVersion: '1.41' };
const newer = { name: 'newer' };

const mounted = (mount: Record<string, unknown>) => ({
  Image: 'busybox',
  HostConfig: { Mounts: [{ Target: '/m', ...mount }] },
});

function create(manager: FakeManager, name: string, body: object): ReturnType<FakeManager['call']> {
  return manager.call('POST', `/containers/create?name=${name}`, { body });
}

/** What was changed on the engine, as `path?query`. */
function changes(engine: FakeEngine | undefined): readonly string[] {
  return (engine?.requests ?? [])
    .filter(({ method }) => method === 'POST')
    .map(
      ({ path, query }) =>
        `${path.replace(/[0-9a-f]{64}/, 'ID')}${query.size === 0 ? '' : `?${query.toString()}`}`,
    );
}

function idOf(engine: FakeEngine, name: string): string {
  return engine.find(name)?.Id ?? 'none';
}

void t.test('a container goes where its options are known, and nowhere else', async (t) => {
  const manager = await startFakeManager(t, { engines: [older, newer] });
  const [first, second] = manager.engines;
  const subpath = (volume: string) =>
    mounted({ Type: 'volume', Source: volume, VolumeOptions: { Subpath: 'a' } });
  for (const name of ['a', 'b', 'c']) t.match(await create(manager, name, subpath('v')), { status: 201 });
  t.equal(first?.containers.size, 0);
  t.equal(second?.containers.size, 3);
  // Another volume: the first one is where its containers are.
  t.match(await manager.call('POST', '/v1.44/containers/create?name=d', { body: subpath('w') }), {
    status: 201,
  });
  t.equal(first?.containers.size, 1, 'a client of an API without it asks for nothing');

  const refused = await create(manager, 'e', {
    ...mounted({ Type: 'image', Source: 'busybox' }),
    Env: ['constraint:node==older'],
  });
  t.equal(refused.status, 500);
  t.match(
    (refused.json as { message: string }).message, // every refusal has one
    /1 of 2 engines does not know a mount of an image, which needs API 1\.48 \(older speaks 1\.41\)$/,
  );
});

void t.test('a cluster of older engines says which version it lacks', async (t) => {
  const manager = await startFakeManager(t, { engines: [older] });
  const say = async (answer: ReturnType<FakeManager['call']>): Promise<string> => {
    const { status, json } = await answer;
    return `${status} ${(json as { message: string }).message}`; // as above
  };
  t.equal(
    await say(create(manager, 'web', mounted({ Type: 'image', Source: 'busybox' }))),
    '500 Cannot place container "web": 1 of 1 engine does not know a mount of an image, which needs API 1.48 (older speaks 1.41)',
  );
  t.equal(
    await say(manager.call('POST', '/networks/create', { body: { Name: 'n', EnableIPv4: false } })),
    '500 Cannot place the container: 1 of 1 engine does not know a network without IPv4, which needs API 1.48 (older speaks 1.41)',
  );
  t.match(await create(manager, 'web', { Image: 'busybox', HostConfig: { Annotations: { a: 'b' } } }), {
    status: 201,
    json: { Warnings: ['older left out annotations: that needs API 1.43, and it speaks 1.41'] },
  });
  t.match(await manager.call('POST', '/networks/create', { body: { Name: 'n' } }), { status: 201 });
  t.equal(
    await say(
      manager.call('POST', '/networks/n/connect', {
        body: { Container: 'web', EndpointConfig: { GwPriority: 1 } },
      }),
    ),
    '400 the gateway priority of a network needs API 1.48: older speaks 1.41',
  );
  const platform = encodeURIComponent('{"os":"linux","architecture":"arm64"}');
  for (const [method, path, since] of [
    ['POST', '/images/busybox/push', '1.46'],
    ['GET', '/images/busybox/get', '1.48'],
    ['GET', '/images/get', '1.48'],
    ['POST', '/images/load', '1.48'],
  ] as const) {
    const call = path.split('/').at(-1) ?? '';
    t.equal(
      await say(manager.call(method, `${path}?names=busybox&platform=${platform}`)),
      `400 platform of an image (${call}) needs API ${since}: older speaks 1.41`,
      path,
    );
  }
  t.match(
    await manager.call('GET', `/images/busybox/json?platform=${platform}`),
    { status: 200 },
    'what it tells of its only platform is true',
  );
});

void t.test('stop and restart send the signal that they were given', async (t) => {
  const manager = await startFakeManager(t, { engines: [older] });
  const [engine] = manager.engines;
  t.match(await create(manager, 'web', { Image: 'busybox' }), { status: 201 });
  const called = async (path: string): Promise<{ status: number; sent: readonly string[] }> => {
    const before = changes(engine).length;
    const { status } = await manager.call('POST', path);
    return { status, sent: changes(engine).slice(before) };
  };
  await called('/containers/web/start');
  t.same(await called('/containers/web/restart?signal=SIGUSR1&t=0'), {
    status: 204,
    sent: ['/containers/ID/kill?signal=SIGUSR1', '/containers/ID/restart?t=0'],
  });
  t.same(await called('/v1.41/containers/web/restart?signal=SIGUSR1&t=0'), {
    status: 204,
    sent: ['/containers/ID/restart?signal=SIGUSR1&t=0'],
  });
  t.same(await called('/containers/web/stop?signal=SIGUSR1&t=0'), {
    status: 204,
    sent: ['/containers/ID/kill?signal=SIGUSR1', '/containers/ID/stop?t=0'],
  });
  t.same(await called('/containers/web/stop?signal=SIGUSR1'), {
    status: 304,
    sent: ['/containers/ID/stop?t=0'],
  });
  await called('/containers/web/start');
  t.same(await called('/containers/web/stop?signal=SIGKILL&t=600'), {
    status: 204,
    sent: ['/containers/ID/kill?signal=SIGKILL', '/containers/ID/wait', '/containers/ID/stop?t=0'],
  });
});

void t.test('stop with a signal waits for the end, however long that is allowed to take', async (t) => {
  const manager = await startFakeManager(t, { engines: [older] });
  const [engine] = manager.engines;
  const body = { Image: 'busybox', HostConfig: { AutoRemove: true } };
  t.match(await create(manager, 'web', body), { status: 201 });
  t.match(await manager.call('POST', '/containers/web/start'), { status: 204 });
  t.match(await manager.call('POST', '/containers/web/restart?signal=SIGUSR1'), {
    status: 400,
    json: { message: /a signal needs API 1\.42 where the container is removed.* node older speaks 1\.41$/ },
  });
  if (engine === undefined) throw new Error('one engine was started');
  const waiting = new Promise<void>((resolve) => {
    engine.faults.hold = ({ path }) => {
      if (path.includes('/wait')) resolve();
      return undefined;
    };
  });
  const stopped = manager.call('POST', '/containers/web/stop?signal=SIGUSR1&t=-1');
  await waiting;
  t.match(await manager.call('POST', '/containers/web/kill'), { status: 204 });
  t.match(await stopped, { status: 204 });
});

void t.test('a signal that the engine refuses ends nothing', async (t) => {
  const manager = await startFakeManager(t, { engines: [older] });
  const [engine] = manager.engines;
  t.match(await create(manager, 'web', { Image: 'busybox' }), { status: 201 });
  await manager.call('POST', '/containers/web/start');
  if (engine === undefined) throw new Error('one engine was started');
  engine.faults.answer = ({ path }) =>
    path.includes('/kill') ? { status: 400, json: { message: 'Invalid signal: NOPE' } } : undefined;
  t.match(await manager.call('POST', '/containers/web/stop?signal=NOPE'), {
    status: 400,
    json: { message: 'Invalid signal: NOPE' },
  });
  t.equal(engine.find('web')?.status, 'running');
});

void t.test('a terminal gets the size that its create asked for', async (t) => {
  const manager = await startFakeManager(t, { engines: [older] });
  const [engine] = manager.engines;
  const body = { Image: 'busybox', Tty: true, HostConfig: { ConsoleSize: [40, 120] } };
  for (const [name, given] of [
    ['sized', body],
    ['default', { ...body, HostConfig: { ConsoleSize: [0, 0] } }],
    ['plain', { ...body, Tty: false }],
  ] as const) {
    t.match(await create(manager, name, given), { status: 201 });
    t.match(await manager.call('POST', `/containers/${name}/start`), { status: 204 });
  }
  t.match(await create(manager, 'old-client', body), { status: 201 });
  t.match(await manager.call('POST', '/v1.41/containers/old-client/start'), { status: 204 });
  t.same(
    changes(engine).filter((change) => change.includes('resize')),
    ['/containers/ID/resize?h=40&w=120'],
  );
  const inspected = engine?.requests.filter(
    ({ method, path }) => method === 'GET' && path.endsWith('/json') && path.includes(idOf(engine, 'plain')),
  );
  t.same(inspected, [], 'of one without a terminal that is known from its create');
});

void t.test('an older engine keeps as much of its build cache as was asked for', async (t) => {
  const manager = await startFakeManager(t, { engines: [older, newer] });
  const rows: readonly [query: string, version: string, told: readonly (string | undefined)[]][] = [
    ['reserved-space=5', 'v1.51', ['keep-storage=5', 'reserved-space=5']],
    ['keep-storage=5', 'v1.51', ['keep-storage=5', 'reserved-space=5']],
    ['keep-storage=5', 'v1.41', ['keep-storage=5', 'keep-storage=5']],
    ['max-used-space=7', 'v1.51', ['keep-storage=7', 'max-used-space=7']],
    ['reserved-space=9&max-used-space=7', 'v1.51', ['keep-storage=9', 'reserved-space=9&max-used-space=7']],
    ['all=1', 'v1.51', ['all=1', 'all=1']],
  ];
  for (const [query, version, told] of rows) {
    await manager.call('POST', `/${version}/build/prune?${query}`);
    const asked = manager.engines.map(({ requests }) =>
      requests.findLast(({ path }) => path === '/build/prune')?.query.toString(),
    );
    t.same(asked, told, `${query} of ${version}`);
  }
});

void t.test(
  'space that is to be free empties no build cache of an engine that does not know it',
  async (t) => {
    const manager = await startFakeManager(t, { engines: [older, newer] });
    // These engines have no such page; what they were asked is what counts.
    const prune = (query: string): ReturnType<FakeManager['call']> =>
      manager.call('POST', `/v1.51/build/prune?${query}`);
    const asked = (): readonly (string | undefined)[] =>
      manager.engines.map(({ requests }) =>
        requests.findLast(({ path }) => path === '/build/prune')?.query.toString(),
      );
    for (const query of ['min-free-space=5', 'min-free-space=5&reserved-space=1', 'all=1&min-free-space=5']) {
      t.match(await prune(query), {
        status: 400,
        json: {
          message:
            /^Cannot prune the build cache by free space: 1 of 2 engines would prune all of it, as that needs API 1\.48 \(older is spoken to in 1\.41\)/,
        },
      });
    }
    t.same(asked(), [undefined, undefined], 'and no other either, so that nothing is half done');
    await prune('min-free-space=5&max-used-space=7');
    t.same(asked(), ['min-free-space=5&keep-storage=7', 'min-free-space=5&max-used-space=7']);
    const onNewer = encodeURIComponent(JSON.stringify({ node: ['newer'] }));
    await prune(`min-free-space=5&filters=${onNewer}`);
    t.same(asked(), ['min-free-space=5&keep-storage=7', 'min-free-space=5']);
  },
);

void t.test('an exec that nobody knows is refused in the words of an engine', async (t) => {
  const manager = await startFakeManager(t, { engines: [older, newer] });
  for (const id of ['nope', 'ab'.repeat(32)]) {
    for (const [method, path] of [
      ['GET', 'json'],
      ['POST', 'resize?h=1&w=1'],
    ] as const) {
      t.match(await manager.call(method, `/exec/${id}/${path}`), {
        status: 404,
        json: { message: `No such exec instance: ${id}` },
      });
    }
  }
});
