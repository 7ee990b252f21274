// The manager over fake engines: answers, races and engines that fail in the middle.
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import t from 'tap';
import { startFakeManager, type FakeManager } from '../../support/fake-manager.js';
import { waitForState } from '../../support/manager-cluster.js';
import { waitUntil } from '../../support/programs.js';

const create = (
  manager: FakeManager,
  name: string,
  body: object = { Image: 'busybox' },
): ReturnType<FakeManager['call']> => manager.call('POST', `/containers/create?name=${name}`, { body });

const names = (answer: { json: unknown }): string[] =>
  (answer.json as { Names: string[] }[]).map(({ Names: [first = ''] }) => first); // list entries of the API

void t.test('every answer says who speaks, and unknown pages are as unknown as at an engine', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }] });
  const ping = await manager.call('GET', '/_ping');
  t.match(ping, {
    status: 200,
    text: 'OK',
    headers: { 'api-version': '1.51', ostype: 'linux', swarm: 'inactive' },
  });
  t.match(await manager.call('HEAD', '/v1.41/_ping'), { status: 200, text: '' });
  t.match(await manager.call('OPTIONS', '/anything'), { status: 200, text: '' });
  for (const [method, path] of [
    ['GET', '/nope'],
    ['PATCH', '/info'],
    ['GET', '/containers/../info'],
    ['GET', '//info'],
  ] as const) {
    t.match(await manager.call(method, path), { status: 404, json: { message: 'page not found' } }, path);
  }
  t.match(await manager.call('GET', '/services'), { status: 503, json: { message: /not a swarm manager/ } });
});

void t.test('containers are created once, under one name, also when requests race', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }, { name: 'n2' }] });
  const answers = await Promise.all(Array.from({ length: 20 }, () => create(manager, 'web')));
  t.same(answers.map(({ status }) => status).sort(), [201, ...Array<number>(19).fill(409)]);
  t.match(answers.find(({ status }) => status === 409)?.json, {
    message: /^Conflict\. The container name "\/web" is already in use by container "[0-9a-f]{64}"\./,
  });
  t.equal(
    manager.engines.reduce((sum, { containers }) => sum + containers.size, 0),
    1,
  );
  t.same(names(await manager.call('GET', '/containers/json?all=1')), ['/web']);
});

void t.test('containers spread, are renamed and removed by any spelling of their name', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }, { name: 'n2' }] });
  for (const name of ['w1', 'w2', 'w3', 'w4']) t.match(await create(manager, name), { status: 201 });
  t.same(
    manager.engines.map(({ containers }) => containers.size),
    [2, 2],
  );
  t.match(await manager.call('POST', '/containers/w1/rename?name=w2'), { status: 409 });
  t.match(await manager.call('POST', '/containers/w1/rename?name=v1'), { status: 204 });
  t.match(await manager.call('GET', '/containers/w1/json'), { status: 404 });
  const inspected = await manager.call('GET', '/containers/v1/json');
  t.match(inspected.json, { Name: '/v1', Node: { Name: /^n[12]$/, IP: '127.0.0.1' } });
  const node = (inspected.json as { Node: { Name: string } }).Node.Name; // matched above
  t.match(await manager.call('DELETE', `/containers/${node}%2Fv1?force=1`), { status: 204 });
  t.match(await manager.call('DELETE', '/containers/v1'), {
    status: 404,
    json: { message: 'No such container: v1' },
  });
});

void t.test('the CLI before 29.4 gets the names of classic swarm', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }] });
  await create(manager, 'web');
  const headers = { 'User-Agent': 'Docker-Client/28.2.2 (linux)' };
  t.same(names(await manager.call('GET', '/containers/json?all=1', { headers })), ['/n1/web']);
});

void t.test('a name on two engines is never guessed', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }, { name: 'n2' }] });
  for (const engine of manager.engines) engine.addContainer({ name: 'twin' });
  const both = await eventually(
    () => manager.call('DELETE', '/containers/twin'),
    ({ status }) => status === 409,
  );
  t.match(both.json, {
    message: 'Cannot choose container "twin": it is ambiguous, name one of n1/twin, n2/twin',
  });
});

void t.test('an engine that cannot be reached is passed over, and never twice the container', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }, { name: 'n2' }] });
  const [first, second] = manager.engines;
  if (first === undefined || second === undefined) throw new Error('two engines were started');
  for (const engine of manager.engines) {
    engine.faults.reset = ({ path, method }) =>
      method === 'POST' && path === '/containers/create' && engine === first;
  }
  t.match(await create(manager, 'web'), { status: 201 });
  t.match(await create(manager, 'web2'), { status: 201 });
  t.equal(first.containers.size, 0);
  t.equal(second.containers.size, 2);
});

void t.test('a create whose answer is lost is found again by its label, not repeated', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }] });
  const [engine] = manager.engines;
  if (engine === undefined) throw new Error('one engine was started');
  // The engine makes the container, then its answer takes so long that the connections are cut.
  let made = 0;
  const announce = engine.announce.bind(engine);
  engine.announce = (container, action) => {
    announce(container, action);
    made += 1;
    if (action === 'create') engine.cutConnections();
  };
  const answer = await create(manager, 'web');
  t.match(answer, { status: 201, json: { Id: [...engine.containers.keys()][0] } });
  t.equal(made, 1);
});

void t.test('an unhealthy engine hides nothing and delays nobody', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }, { name: 'n2' }] });
  const [first] = manager.engines;
  first?.addContainer({ name: 'web' });
  await eventually(
    () => manager.call('GET', '/containers/json'),
    ({ json }) => (json as unknown[]).length === 1,
  );
  await first?.close();
  await waitForState(manager.pool, { state: 'unhealthy', count: 1 });
  const list = await manager.call('GET', '/containers/json');
  t.match(list.json, [{ Names: ['/web', '/n1/web'], State: 'running', Status: 'Host Down' }]);
  t.match(await manager.call('POST', '/containers/web/stop'), {
    status: 503,
    json: { message: 'Container web running on unhealthy node n1' },
  });
  t.match((await manager.call('GET', '/info')).json, {
    ContainersRunning: 1,
    Warnings: [/n1 is unreachable/],
  });
});

void t.test('engines keep their own words: errors, warnings and bodies pass unchanged', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }] });
  t.match(await create(manager, 'web', { Image: 'nowhere:1' }), {
    status: 404,
    json: { message: /No such image: nowhere:1/ },
  });
  const [engine] = manager.engines;
  if (engine === undefined) throw new Error('one engine was started');
  engine.faults.answer = ({ path }) =>
    path.endsWith('/start') ? { status: 409, json: { message: 'engine says no', extra: [1] } } : undefined;
  await create(manager, 'web');
  t.match(await manager.call('POST', '/containers/web/start'), {
    status: 409,
    json: { message: 'engine says no', extra: [1] },
  });
});

void t.test('upstream requests carry the version that the engine speaks', async (t) => {
  const manager = await startFakeManager(t, {
    engines: [
      { name: 'old', apiVersion: '1.41', version: '20.10.24' },
      { name: 'new', apiVersion: '1.52', minApiVersion: '1.44', version: '29.0.0' },
    ],
  });
  for (const engine of manager.engines) engine.addContainer({ name: `on-${engine.name}` });
  await eventually(
    () => manager.call('GET', '/containers/json'),
    ({ json }) => (json as unknown[]).length === 2,
  );
  // What containers reserve is read once in the background, with inspections of its own.
  await waitUntil('every container was inspected', () =>
    Promise.resolve(
      manager.engines.every(({ requests }) =>
        requests.some(({ path }) => /^\/containers\/[0-9a-f]{64}\/json$/.test(path)),
      ),
    ),
  );
  const versions = async (path: string): Promise<string[]> => {
    for (const engine of manager.engines) engine.requests.length = 0;
    await manager.call('GET', path);
    return manager.engines.flatMap(({ requests }) =>
      requests
        .filter((request) => request.path.endsWith('/json') && request.path.length > 20)
        .map(({ version }) => version),
    );
  };
  t.same(await versions('/v1.30/containers/on-old/json'), ['1.30']);
  t.same(await versions('/v1.51/containers/on-old/json'), ['1.41']);
  t.same(await versions('/v1.30/containers/on-new/json'), ['1.44']);
  t.same(await versions('/containers/on-new/json'), ['1.51']);
});

void t.test('events of all engines come in one stream, filtered, until the manager ends', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }, { name: 'n2' }] });
  const filters = encodeURIComponent('{"event":["create"]}');
  const options = { host: '127.0.0.1', port: manager.port, path: `/events?filters=${filters}`, agent: false };
  // The head of the answer comes when the stream has begun.
  const stream = await new Promise<http.IncomingMessage>((resolve, reject) => {
    http.get(options, resolve).on('error', reject);
  });
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const ended = once(stream, 'end');
  for (const engine of manager.engines) engine.addContainer({ name: `c-${engine.name}` });
  await eventually(
    () => manager.call('GET', '/containers/json'),
    ({ json }) => (json as unknown[]).length === 2,
  );
  await manager.manager.close(5000);
  await ended;
  const events = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { Action: string; Actor: { Attributes: Record<string, string> } });
  t.same(events.map(({ Actor }) => Actor.Attributes['node.name']).sort(), ['n1', 'n2']);
  t.ok(events.every(({ Action }) => Action === 'create'));
});

void t.test('requests that are no good HTTP are refused without reaching an engine', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }] });
  const rows: readonly [string, string, RegExp][] = [
    ['two hosts', 'GET /info HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n', /^HTTP\/1.1 400 /],
    [
      'length and chunks',
      'POST /containers/create HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      /^HTTP\/1.1 400 /,
    ],
    ['no HTTP', 'hello\r\n\r\n', /^HTTP\/1.1 400 /],
    [
      'huge header',
      `GET /info HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(1_100_000)}\r\n\r\n`,
      /^HTTP\/1.1 431 /,
    ],
    [
      'large header',
      `GET /_ping HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(100_000)}\r\nConnection: close\r\n\r\n`,
      /^HTTP\/1.1 200 /,
    ],
    [
      'other upgrade',
      'GET /_ping HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
      /^HTTP\/1.1 200 [\s\S]*OK$/,
    ],
  ];
  for (const [name, text, expected] of rows) t.match(await raw(manager.port, text), expected, name);
});

/** Sends text on a connection; resolves with all that comes back. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(text));
    let received = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
    socket.on('error', (error) => (received === '' ? reject(error) : resolve(received)));
    socket.on('close', () => resolve(received));
  });
}

async function eventually<T>(look: () => Promise<T>, isThere: (value: T) => boolean): Promise<T> {
  // Only decides how long a failure takes.
  const deadline = Date.now() + 60_000;
  for (;;) {
    const value = await look();
    if (isThere(value) || Date.now() > deadline) return value;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
