// Tests of token:// with several services: union, one dead, one that came back without its data, watching.
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { silentLogger, type Logger } from '../../../controller/base/log.js';
import type { DiscoveryBackend } from '../../../controller/discovery/backend.js';
import { openDiscovery } from '../../../controller/discovery/open-backend.js';
import { TokenServer } from '../../../controller/discovery/token-server.js';
import { FakeClock } from '../../support/fake-clock.js';

const token = '0123456789abcdef0123456789abcdef';
const host = '127.0.0.1';
const never = new AbortController().signal;

async function aService(
  t: Test,
  options: { port?: number; clock?: FakeClock } = {},
): Promise<{
  server: TokenServer;
  port: number;
}> {
  const server = new TokenServer({ clock: options.clock ?? new FakeClock(), logger: silentLogger });
  t.teardown(() => server.close());
  const { port } = await server.listen({ host, port: options.port ?? 0 });
  return { server, port };
}

/** A service that is not ours. */
async function aForeignService(t: Test, listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  // listening on TCP
  return (server.address() as AddressInfo).port;
}

async function aBackend(
  t: Test,
  ports: readonly number[],
  options: { clock?: FakeClock; logger?: Logger; rest?: string } = {},
): Promise<DiscoveryBackend> {
  const hosts = ports.map((port) => `${host}:${port}`).join(',');
  const backend = await openDiscovery(`token+http://${hosts}/${options.rest ?? token}`, {
    clock: options.clock ?? new FakeClock(),
    random: () => 0.5,
    options: {},
    logger: options.logger ?? silentLogger,
  });
  t.teardown(() => backend.close());
  return backend;
}

t.test('token:// registers with all services and reads the union', async (t) => {
  const [one, two] = [await aService(t), await aService(t)];
  const both = await aBackend(t, [one.port, two.port]);
  await both.register('both:1', 180, never);
  await (await aBackend(t, [one.port])).register('one:1', 180, never);
  await (await aBackend(t, [two.port])).register('two:1', 180, never);
  t.same(await both.list(never), ['both:1', 'one:1', 'two:1']);
  await both.unregister?.('both:1', never);
  t.same(await (await aBackend(t, [one.port])).list(never), ['one:1']);
  t.same(await (await aBackend(t, [two.port])).list(never), ['two:1']);
});

t.test('token:// works with one of two services dead, and says so once', async (t) => {
  const alive = await aService(t);
  const dead = await aService(t);
  await dead.server.close();
  const lines: string[] = [];
  const note = (message: string): void => void lines.push(message);
  const both = await aBackend(t, [dead.port, alive.port], {
    logger: { ...silentLogger, warn: note, info: note },
  });
  await both.register('a:1', 180, never);
  t.same(await both.list(never), ['a:1']);
  await both.register('a:1', 180, never);
  t.equal(lines.length, 1);
  t.match(lines[0], /One of 2 discovery services fails: .*connection refused/);
  await aService(t, { port: dead.port });
  await both.register('a:1', 180, never);
  t.equal(lines[1], 'Discovery service answers again');
});

t.test('token:// fails when every service does, with each reason once', async (t) => {
  const dead = await aService(t);
  await dead.server.close();
  const backend = await aBackend(t, [dead.port, dead.port]);
  await t.rejects(backend.list(never), {
    code: 'DISCOVERY_FAILED',
    message: `Cannot reach discovery service "${host}:${dead.port}": connection refused`,
  });
});

t.test('token:// keeps for one lease what a service said before it fell silent', async (t) => {
  const clock = new FakeClock();
  const [one, two] = [await aService(t), await aService(t)];
  const both = await aBackend(t, [one.port, two.port], { clock });
  await (await aBackend(t, [one.port])).register('one:1', 180, never);
  await (await aBackend(t, [two.port])).register('two:1', 180, never);
  t.same(await both.list(never), ['one:1', 'two:1']);
  await one.server.close();
  await clock.advance(180_000);
  t.same(await both.list(never), ['one:1', 'two:1']);
  await clock.advance(1);
  t.same(await both.list(never), ['two:1']);
});

t.test('token:// loses nobody when the service comes back without its data', async (t) => {
  const first = await aService(t);
  const reader = await aBackend(t, [first.port]);
  const one = await aBackend(t, [first.port]);
  await one.register('one:1', 180, never);
  await one.register('two:1', 180, never);
  t.same(await reader.list(never), ['one:1', 'two:1']);
  await first.server.close();
  const clock = new FakeClock();
  await aService(t, { port: first.port, clock });
  await t.rejects(reader.list(never), {
    message: 'Failed to fetch entries, Discovery service returned 404 HTTP status code',
  });
  await one.register('one:1', 600, never);
  t.same(await reader.list(never), ['one:1', 'two:1'], 'the service is warming up');
  await one.register('two:1', 600, never);
  await one.unregister?.('two:1', never);
  t.same(await reader.list(never), ['one:1'], 'who has left is gone at once');
  await one.register('two:1', 180, never);
  await clock.advance(600_000);
  t.same(await reader.list(never), [], 'after the warm-up an empty list is a list');
});

t.test('token:// does not wait for a hung service when another has answered', async (t) => {
  const clock = new FakeClock();
  const asked: (() => void)[] = [];
  const hung = await aForeignService(t, () => asked.forEach((callback) => callback()));
  const alive = await aService(t);
  await (await aBackend(t, [alive.port])).register('a:1', 180, never);
  const isHung = new Promise<void>((resolve) => asked.push(resolve));
  const both = await aBackend(t, [hung, alive.port], { clock });
  const listing = both.list(never);
  await isHung;
  // The grace of two seconds starts with the first answer, whenever that arrives.
  const done = { is: false };
  void listing.then(() => (done.is = true));
  while (!done.is) await clock.advance(500);
  t.same(await listing, ['a:1']);
  t.ok(clock.now() - Date.UTC(2026, 0, 1) < 10_000, 'sooner than the deadline of a call');
});

t.test('token:// gives a hung service ten seconds when it is the only one', async (t) => {
  const clock = new FakeClock();
  const asked: (() => void)[] = [];
  const hung = await aForeignService(t, () => asked.forEach((callback) => callback()));
  const isHung = new Promise<void>((resolve) => asked.push(resolve));
  const backend = await aBackend(t, [hung], { clock });
  const listing = t.rejects(backend.list(never), { message: /no answer within 10 s/ });
  await isHung;
  await clock.advance(10_000);
  await listing;
});

const answers = [
  [200, 'null', undefined],
  [200, '["a:1"]', undefined],
  [200, '{"a":1}', /Failed to decode response: it must be an array of strings/],
  [200, '[1]', /Failed to decode response: it must be an array of strings/],
  [200, '<html>', /Failed to decode response: /],
  [200, '["nonsense"]', /address nonsense: missing port in address/],
  [201, '[]', /Failed to fetch entries, Discovery service returned 201 HTTP status code/],
  [
    502,
    '<html>bad gateway</html>',
    /Failed to fetch entries, Discovery service returned 502 HTTP status code/,
  ],
  [302, '', /returned 302 HTTP status code/],
] as const;

for (const [status, body, message] of answers) {
  t.test(`token:// reads a list answered with ${status} ${body}`, async (t) => {
    const port = await aForeignService(t, (_request, response) => {
      response.writeHead(status, { Location: 'http://127.0.0.1:1/' });
      response.end(body);
    });
    const backend = await aBackend(t, [port]);
    if (message === undefined) t.same(await backend.list(never), JSON.parse(body) ?? []);
    else await t.rejects(backend.list(never), { message });
  });
}

t.test('token:// sends the requests of the old hub protocol', async (t) => {
  const seen: object[] = [];
  const port = await aForeignService(t, (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      seen.push({ method: request.method, url: request.url, type: request.headers['content-type'], body });
      response.end(request.method === 'GET' ? '[]' : 'OK');
    });
  });
  const backend = await aBackend(t, [port], { rest: `some/base/${token}` });
  await backend.register('10.0.0.5:2375', 180, never);
  await backend.list(never);
  t.same(seen, [
    {
      method: 'POST',
      url: `/some/base/clusters/${token}?ttl=180`,
      type: 'application/json',
      body: '10.0.0.5:2375',
    },
    { method: 'GET', url: `/some/base/clusters/${token}`, type: undefined, body: '' },
  ]);
});

t.test('token:// reports that a service refuses a registration', async (t) => {
  const port = await aForeignService(t, (_request, response) => {
    response.writeHead(507, { 'Content-Type': 'application/json' });
    response.end('{"message":"no more fit"}');
  });
  await t.rejects((await aBackend(t, [port])).register('a:1', 180, never), {
    message: `Cannot register "a:1" at "${host}:${port}": Discovery service returned 507 HTTP status code (no more fit)`,
  });
});

t.test('token:// watch() notices joining and leaving within seconds, whatever the interval', async (t) => {
  const clock = new FakeClock();
  const { port } = await aService(t);
  const backend = await aBackend(t, [port], { clock });
  const agent = await aBackend(t, [port]);
  await agent.register('a:1', 180, never);
  const stopping = new AbortController();
  const lists: (readonly string[])[] = [];
  const errors: string[] = [];
  const watching = backend.watch({
    intervalMs: 60_000,
    signal: stopping.signal,
    onEntries: (entries) => lists.push(entries),
    onError: (error) => errors.push(error.message),
  });
  const until = async (count: number): Promise<void> => {
    const startedAt = clock.now();
    while (lists.length < count && clock.now() - startedAt < 5000) await clock.advance(10);
    t.equal(lists.length, count);
  };
  await until(1);
  await agent.register('b:1', 180, never);
  await until(2);
  await agent.unregister?.('a:1', never);
  await until(3);
  t.same(lists, [['a:1'], ['a:1', 'b:1'], ['b:1']]);
  t.same(errors, []);
  stopping.abort();
  await watching;
});
