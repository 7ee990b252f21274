// Clients that are slow, greedy or gone: each is cut by its own limit, and nobody else notices.
import type net from 'node:net';
import tls from 'node:tls';
import t from 'tap';
import { systemClock } from '../../../controller/base/clock.js';
import { silentLogger, type Logger } from '../../../controller/base/log.js';
import type { ConnectionLimits } from '../../../controller/manager/connection-limits.js';
import { ManagerServer, type RequestHandler } from '../../../controller/manager/server.js';
import { startFakeManager } from '../../support/fake-manager.js';
import { makeCredentials } from '../../support/manager-cluster.js';
import { connectRaw, readToEnd, requestText as request, sendRaw } from '../../support/raw-http.js';
import { until } from '../../support/until.js';

t.setTimeout(60_000);

const hello: RequestHandler = {
  handleRequest: (_request, response) => {
    response.end('hello');
    return Promise.resolve();
  },
  handleUpgrade: () => Promise.reject(new Error('no upgrade is expected')),
};

async function startServer(
  t: { teardown: (work: () => Promise<void>) => unknown },
  options: {
    readonly limits?: Partial<ConnectionLimits>;
    readonly handler?: RequestHandler;
    readonly logger?: Logger;
    readonly tls?: Awaited<ReturnType<Awaited<ReturnType<typeof makeCredentials>>['newServerTls']>>;
  },
): Promise<{ server: ManagerServer; port: number; close: (graceMs: number) => Promise<void> }> {
  const { limits, handler = hello } = options;
  const server = new ManagerServer({
    handler,
    clock: systemClock,
    logger: options.logger ?? silentLogger,
    limits,
    tls: options.tls,
  });
  const close = (graceMs: number): Promise<void> =>
    server.close({ graceMs, endStreams: () => Promise.resolve() });
  t.teardown(() => close(0));
  const listening = await server.listen({ type: 'tcp', host: '127.0.0.1', port: 0 });
  return { server, port: listening.type === 'tcp' ? listening.port : 0, close };
}

void t.test('headers that do not come are not waited for', async (t) => {
  const { port } = await startServer(t, { limits: { headersMs: 300 } });
  const silent = connectRaw({ port });
  const slow = connectRaw({ port });
  slow.write('GET /_ping HTTP/1.1\r\nHost: a\r\nX-A: ');
  const drip = setInterval(() => slow.writable && slow.write('a'), 50);
  slow.on('error', () => undefined);
  const answers = await Promise.all([readToEnd(silent), readToEnd(slow)]);
  clearInterval(drip);
  for (const answer of answers) t.match(answer, /^HTTP\/1\.1 408 Request Timeout\r\n/);
  for (const socket of [silent, slow]) socket.destroy();
});

void t.test('connections without a request make room for those that have one', async (t) => {
  const { port } = await startServer(t, { limits: { connections: 40 } });
  const idle: net.Socket[] = [];
  t.teardown(async () => idle.forEach((socket) => socket.destroy()));
  for (let at = 0; at < 120; at += 1) {
    const socket = connectRaw({ port });
    idle.push(socket);
    const answered = new Promise((resolve) => socket.once('data', resolve));
    socket.on('error', () => undefined).on('end', () => socket.destroy());
    socket.write(request('GET', '/_ping'));
    await answered;
  }
  t.match(await sendRaw({ port }, request('GET', '/_ping')), { status: 200, body: 'hello' });
  t.ok(idle.filter((socket) => !socket.destroyed).length <= 40);
});

void t.test('an answer that nobody reads does not keep its connection', async (t) => {
  const big = Buffer.alloc(64 * 1024 * 1024);
  const closed: Promise<void>[] = [];
  const { port } = await startServer(t, {
    limits: { unreadMs: 1_000 },
    handler: {
      ...hello,
      handleRequest: (_request, response) => {
        closed.push(new Promise((resolve) => response.once('close', () => resolve())));
        response.end(big);
        return Promise.resolve();
      },
    },
  });
  const sleeper = connectRaw({ port });
  sleeper.on('error', () => undefined);
  sleeper.write(request('GET', '/'));
  await new Promise((resolve) => sleeper.once('readable', resolve));
  const reader = connectRaw({ port });
  let received = 0;
  reader.on('data', (chunk: Buffer) => (received += chunk.length));
  const readerEnd = new Promise((resolve) => reader.once('end', resolve));
  reader.write(request('GET', '/', { headers: 'Connection: close\r\n' }));
  await readerEnd;
  t.ok(received > big.length, 'who reads gets all of it');
  await Promise.all(closed);
  t.equal(closed.length, 2, 'who does not is cut: both answers are over');
  for (const socket of [sleeper, reader]) socket.destroy();
});

void t.test('requests sent ahead are answered one at a time, in order, and not without end', async (t) => {
  const served: string[] = [];
  const finish: (() => void)[] = [];
  const { port } = await startServer(t, {
    limits: { requestsAhead: 5 },
    handler: {
      ...hello,
      handleRequest: async ({ url = '' }, response) => {
        served.push(url);
        await new Promise<void>((resolve) => finish.push(resolve));
        response.end(url);
      },
    },
  });
  const client = connectRaw({ port });
  const text = readToEnd(client);
  client.write(
    ['/1', '/2', '/3'].map((path) => request('GET', path)).join('') +
      request('GET', '/4', { headers: 'Connection: close\r\n' }),
  );
  for (const count of [1, 2, 3, 4]) {
    await until(() => finish.length === count);
    t.equal(served.length, count, 'the next one waits for the answer before it');
    finish[count - 1]?.();
  }
  t.same(
    [...(await text).matchAll(/\n(\/\d)/g)].map(([, path]) => path),
    ['/1', '/2', '/3', '/4'],
  );
  const greedy = connectRaw({ port });
  greedy.on('error', () => undefined);
  greedy.write(request('GET', '/greedy').repeat(50));
  t.equal(await readToEnd(greedy), '', 'more than five ahead: cut');
  t.equal(served.length, 5);
});

void t.test('nothing is written into the middle of an answer', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }] });
  const { port } = manager;
  const rows: readonly [name: string, second: string][] = [
    ['garbage', 'garbage\r\n\r\n'],
    [
      'an upgrade',
      request('POST', '/containers/web/attach', { headers: 'Connection: Upgrade\r\nUpgrade: tcp\r\n' }),
    ],
  ];
  for (const [name, second] of rows) {
    const client = connectRaw({ port });
    const text = readToEnd(client);
    await new Promise<void>((resolve) => {
      client.once('data', () => resolve());
      client.write(request('GET', '/events'));
    });
    client.write(second);
    const received = await text;
    t.equal(
      received.split('HTTP/1.1').length,
      2,
      `${name} behind an open stream ends it without another head`,
    );
  }
});

void t.test('a connection that was used before can be upgraded', async (t) => {
  const upgraded: boolean[] = [];
  const { port } = await startServer(t, {
    handler: {
      ...hello,
      handleUpgrade: (_request, socket) => {
        upgraded.push(true);
        socket.end('HTTP/1.1 101 UPGRADED\r\n\r\nraw');
        return Promise.resolve();
      },
    },
  });
  const upgrade = request('POST', '/attach', { headers: 'Connection: Upgrade\r\nUpgrade: tcp\r\n' });
  for (let at = 0; at < 50; at += 1) {
    const client = connectRaw({ port });
    client.write(request('GET', '/_ping'));
    await new Promise((resolve) => client.once('data', resolve));
    const rest = readToEnd(client);
    client.write(upgrade);
    await rest;
    client.destroy();
  }
  t.equal(upgraded.length, 50, 'at once, as clients do that keep connections');
  // Both in one piece: the upgrade is there before the answer to the first is known to be sent.
  const both = connectRaw({ port });
  const text = readToEnd(both);
  both.write(request('GET', '/_ping') + upgrade);
  t.match(await text, /^HTTP\/1\.1 200 OK\r\n[\s\S]*helloHTTP\/1\.1 101 UPGRADED\r\n\r\nraw$/);
});

void t.test('a body announced with Expect is asked for only when it is wanted', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }] });
  const [engine] = manager.engines;
  engine?.addContainer({ name: 'web' });
  await until(() => manager.pool.findContainer('web').type === 'found');
  const announced = 'Expect: 100-continue\r\nContent-Type: application/x-tar\r\nContent-Length: 1024\r\n';
  const wanted = connectRaw({ port: manager.port });
  const first = new Promise<string>((resolve) =>
    wanted.once('data', (chunk: Buffer) => resolve(String(chunk))),
  );
  wanted.write(request('PUT', '/containers/web/archive?path=/', { headers: announced }));
  t.match(await first, /^HTTP\/1\.1 100 Continue\r\n/);
  const rest = new Promise<string>((resolve) =>
    wanted.once('data', (chunk: Buffer) => resolve(String(chunk))),
  );
  wanted.write(Buffer.alloc(1024));
  t.match(await rest, /^HTTP\/1\.1 200 OK\r\n/);
  wanted.destroy();
  const refused = await sendRaw(
    { port: manager.port },
    request('PUT', '/containers/nope/archive?path=/', { headers: announced }),
    { toEnd: true },
  );
  t.match(refused, { status: 404, isClosed: true }, 'no 100, and no doubt what the next bytes would be');
});

void t.test('input that is left open is no reason to wait', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }] });
  const [engine] = manager.engines;
  const id = engine?.addContainer({ name: 'web' }).Id ?? '';
  engine?.execs.set('e'.repeat(64), { containerId: id, tty: false });
  await until(() => manager.pool.findContainer('web').type === 'found');
  for (const [path, sent, chunk] of [
    [
      '/containers/web/attach?stdin=1&stdout=1&stream=1',
      `/containers/${id}/attach`,
      '0f\r\n{"stream":true}\r\n',
    ],
    [`/exec/${'e'.repeat(64)}/start`, `/exec/${'e'.repeat(64)}/start`, '10\r\n{"Detach":false}\r\n'],
  ] as const) {
    const before = engine?.requests.length ?? 0;
    const client = connectRaw({ port: manager.port });
    client.write(
      request('POST', path, { headers: 'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n' }) +
        chunk,
    );
    await until(() => (engine?.requests.slice(before) ?? []).some((one) => one.path === sent));
    t.pass(`${path.split('?')[0] ?? ''} reached the engine before the body ended`);
    client.destroy();
  }
});

void t.test(
  'clients in the middle of a TLS handshake, or of a request, do not hold a shutdown',
  async (t) => {
    const { newServerTls, clientDirectory } = await makeCredentials(t);
    t.ok(clientDirectory);
    const { port, close } = await startServer(t, {
      tls: { ...(await newServerTls()), requireClientCert: false },
    });
    const silent = connectRaw({ port });
    const begun = connectRaw({ port });
    begun.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
    const asking = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    asking.write('GET /_ping HTTP/1.1\r\nHost: a\r\n');
    // Connections are accepted in their order: one that is answered comes after those.
    const last = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    last.write(request('GET', '/_ping'));
    await new Promise((resolve) => last.once('data', resolve));
    const ends = [silent, begun, asking, last].map((socket) => readToEnd(socket));
    // An hour of grace: only an end that needs none of it resolves in the time of this test.
    await close(3_600_000);
    await Promise.all(ends);
    t.pass('all of them were ended at once');
    for (const socket of [silent, begun, asking, last]) socket.destroy();
  },
);

void t.test('HTTP to a port with TLS, and TLS to one without, are told as engines do', async (t) => {
  const { newServerTls } = await makeCredentials(t);
  const told: string[] = [];
  const logger: Logger = { ...silentLogger, warn: (message) => void told.push(message) };
  const secure = await startServer(t, { tls: await newServerTls(), logger });
  for (const method of ['GET', 'POST', 'HEAD', 'PUT']) {
    const socket = connectRaw(secure);
    socket.write(`${method} /v1.41/_ping HTTP/1.1\r\nHost: a\r\n\r\n`);
    t.equal(
      await readToEnd(socket),
      'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n',
      method,
    );
    socket.destroy();
  }
  t.match(told, [/^A client speaks HTTP to a port with TLS/], 'once, not for each');
  const garbage = connectRaw(secure);
  garbage.write('SSH-2.0-Go\r\n');
  t.notMatch(await readToEnd(garbage), /HTTP/);
  garbage.destroy();
  const plain = await startServer(t, { logger });
  const client = tls.connect({ host: '127.0.0.1', port: plain.port, rejectUnauthorized: false });
  const failed = new Promise<Error>((resolve) => client.once('error', resolve));
  t.match(await failed, { code: /^ERR_SSL_/ });
  client.destroy();
  t.match(told.slice(1), [/^A client speaks TLS to a port without TLS/]);
  t.equal(told.length, 2);
});
