// The data path to an engine over real sockets: bodies, limits, aborts.
import { setMaxListeners } from 'node:events';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import t from 'tap';
import type { Test } from 'tap';
import { systemClock } from '../../../controller/base/clock.js';
import { EngineTransport } from '../../../controller/engine/transport.js';
import { until } from '../../support/until.js';
import { FakeClock } from '../../support/fake-clock.js';

/** A transport to a server that answers by `listener`. */
async function serve(
  t: Test,
  listener: http.RequestListener,
  clock = systemClock,
): Promise<{
  readonly transport: EngineTransport;
  readonly server: http.Server;
  readonly sockets: Set<Socket>;
}> {
  const server = http.createServer({ maxHeaderSize: 1 << 20 }, listener);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo; // listening on TCP
  const transport = new EngineTransport({
    endpoint: { name: 'n1', address: { host: '127.0.0.1', port } },
    clock,
  });
  t.teardown(async () => {
    await transport.close();
    server.close();
    server.closeAllConnections();
  });
  return { transport, server, sockets };
}

async function read(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer); // no encoding is set
  return Buffer.concat(chunks);
}

void t.test('request() carries method, path, headers and status as they are', async (t) => {
  const { transport } = await serve(t, (request, response) => {
    response.writeHead(418, 'Teapot', [
      ['X-Many', 'a'],
      ['X-Many', 'b'],
      ['X-Method', request.method ?? ''],
      ['X-Path', request.url ?? ''],
      ['X-Auth', request.headers['x-registry-auth'] as string],
      ['X-Upgrade', String(request.headers.upgrade)],
    ]);
    response.end('short');
  });
  const response = await transport.request({
    method: 'DELETE',
    path: '/v1.51/a%2Fb?x=1&x=2',
    headers: { 'X-Registry-Auth': 'secret', Upgrade: 'tcp', Connection: 'Upgrade', Expect: '100-continue' },
  });
  t.equal(response.status, 418);
  t.equal(response.statusText, 'Teapot');
  t.same(response.headers['x-many'], ['a', 'b']);
  t.match(response.headers, {
    'x-method': 'DELETE',
    'x-path': '/v1.51/a%2Fb?x=1&x=2',
    'x-auth': 'secret',
    'x-upgrade': 'undefined',
  });
  t.ok(response.rawHeaders.includes('X-Many') || response.rawHeaders.includes('x-many'));
  t.equal((await read(response.body)).toString(), 'short');
});

void t.test('request() passes headers of hundreds of kilobytes both ways', async (t) => {
  const { transport } = await serve(t, (request, response) => {
    response.setHeader('X-Back', request.headers['x-registry-config'] as string).end();
  });
  const long = 'x'.repeat(300_000);
  const response = await transport.request({
    method: 'GET',
    path: '/',
    headers: { 'X-Registry-Config': long },
  });
  response.body.resume();
  t.equal(response.headers['x-back'], long);
});

void t.test('request() sends a body with its length, and a stream in chunks', async (t) => {
  const { transport } = await serve(t, (request, response) => {
    void read(request).then((body) =>
      response.end(
        JSON.stringify({
          size: body.length,
          length: request.headers['content-length'] ?? null,
          te: request.headers['transfer-encoding'] ?? null,
        }),
      ),
    );
  });
  const post = async (body: Uint8Array | Readable, headers = {}): Promise<unknown> =>
    (await transport.requestJson({ method: 'POST', path: '/', body, headers })).body;
  t.same(await post(Buffer.alloc(10), { 'Content-Length': '999' }), { size: 10, length: '10', te: null });
  t.same(await post(Readable.from([Buffer.alloc(70_000), Buffer.alloc(5)])), {
    size: 70_005,
    length: null,
    te: 'chunked',
  });
  t.same(await post(Readable.from([Buffer.alloc(7)]), { 'Content-Length': '7' }), {
    size: 7,
    length: '7',
    te: null,
  });
});

void t.test('request() gets the refusal of an upload whose body is never read', async (t) => {
  const { transport, server } = await serve(t, () => undefined);
  server.on('checkContinue', (_request, response: http.ServerResponse) => {
    response.writeHead(404, { 'Content-Type': 'application/json' }).end('{"message":"No such container: x"}');
  });
  let pulled = 0;
  const endless = new Readable({
    read() {
      pulled += 1;
      this.push(Buffer.alloc(65_536));
    },
  });
  await t.rejects(transport.requestJson({ method: 'PUT', path: '/', body: endless }), {
    code: 'OBJECT_NOT_FOUND',
    message: /No such container: x$/,
  });
  t.ok(pulled < 5, 'only what a stream reads ahead was produced');
  endless.destroy();
});

void t.test('request() begins to answer while the upload is still flowing', async (t) => {
  const { transport } = await serve(t, (request, response) => {
    response.writeHead(200).flushHeaders();
    request.pipe(response);
  });
  const source = new Readable({ read: () => undefined });
  source.push('one ');
  const response = await transport.request({
    method: 'POST',
    path: '/build',
    body: source,
    headersTimeoutMs: 0,
  });
  const first = await new Promise<string>((resolve) =>
    response.body.once('data', (chunk) => resolve(String(chunk))),
  );
  t.equal(first, 'one ');
  source.push('two');
  source.push(null);
  t.equal((await read(response.body)).toString(), 'two');
});

void t.test('request() fails an upload whose source fails', async (t) => {
  const { transport } = await serve(t, (request) => void request.resume());
  const source = Readable.from(
    (async function* () {
      yield Buffer.from('x');
      throw new Error('client went away');
    })(),
  );
  await t.rejects(transport.request({ method: 'POST', path: '/', body: source }), {
    message: /client went away/,
  });
});

void t.test('an answer is only read as fast as it is taken', async (t) => {
  let written = 0;
  const { transport } = await serve(t, (_request, response) => {
    const write = (): void => {
      while (written < 256 && response.write(Buffer.alloc(1024 * 1024))) written += 1;
      written += 1;
      if (written < 256) response.once('drain', write);
      else response.end();
    };
    write();
  });
  const response = await transport.request({ method: 'GET', path: '/' });
  await new Promise<void>((resolve) => response.body.once('readable', () => resolve()));
  const before = written;
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  t.ok(written < 64, `at most socket buffers were filled (${before}, ${written} MiB of 256)`);
  response.body.destroy();
});

void t.test('aborting ends the request at the engine, before and after its headers', async (t) => {
  let ended = 0;
  const { transport } = await serve(t, (request, response) => {
    response.once('close', () => (ended += 1));
    if (request.url === '/stream') response.write('x');
  });
  const before = new AbortController();
  const waiting = transport.request({ method: 'GET', path: '/hang', signal: before.signal });
  await new Promise((resolve) => setImmediate(resolve));
  before.abort(new Error('client went away'));
  await t.rejects(waiting, { message: 'client went away' });
  const after = new AbortController();
  const response = await transport.request({ method: 'GET', path: '/stream', signal: after.signal });
  const failed = new Promise((resolve) => response.body.once('error', resolve));
  after.abort(new Error('client went away'));
  t.match(await failed, { message: 'client went away' });
  const third = await transport.request({ method: 'GET', path: '/stream' });
  third.body.destroy();
  await until(() => ended >= 2);
  await t.rejects(
    transport.request({ method: 'GET', path: '/', signal: AbortSignal.abort(new Error('no')) }),
    { message: 'no' },
  );
});

void t.test('request() gives up after its time limit, and 0 is none', async (t) => {
  const clock = new FakeClock();
  let answer = (): void => undefined;
  let arrived = 0;
  const { transport } = await serve(
    t,
    (request, response) => {
      arrived += 1;
      if (request.url === '/late') answer = () => response.end('late');
    },
    clock,
  );
  const limited = transport.request({ method: 'GET', path: '/hang', attempt: 'list the images of' });
  const unlimited = transport.request({ method: 'GET', path: '/late', headersTimeoutMs: 0 });
  await until(() => arrived === 2);
  await Promise.all([
    t.rejects(limited, {
      code: 'ENGINE_TIMEOUT',
      message: /^Cannot list the images of engine "n1" at 127\.0\.0\.1:\d+: no answer after 30 seconds$/,
    }),
    clock.advance(31_000),
  ]);
  answer();
  t.equal((await read((await unlimited).body)).toString(), 'late');
});

void t.test('requestJson() covers the body by its time limit', async (t) => {
  const clock = new FakeClock();
  const { transport } = await serve(
    t,
    (_request, response) => void response.writeHead(200).write('{'),
    clock,
  );
  const result = transport.requestJson({ method: 'GET', path: '/', headersTimeoutMs: 2_000 });
  await Promise.all([
    t.rejects(result, { code: 'ENGINE_TIMEOUT', message: /no (whole )?answer after 2 seconds$/ }),
    (async () => {
      await until(() => clock.pendingTimers > 0);
      for (let i = 0; i < 20; i += 1) await clock.advance(200);
    })(),
  ]);
});

void t.test('requestJson() bounds the answer and refuses what is no JSON', async (t) => {
  const { transport } = await serve(t, (request, response) =>
    response.end(request.url === '/big' ? 'x'.repeat(2_000) : 'no json'),
  );
  await t.rejects(transport.requestJson({ method: 'GET', path: '/big', maxBytes: 1_000 }), {
    code: 'ENGINE_ERROR',
    message: /longer than 1000 bytes/,
  });
  await t.rejects(transport.requestJson({ method: 'GET', path: '/' }), {
    code: 'ENGINE_ERROR',
    message: /it is not JSON/,
  });
});

void t.test('sixteen requests wait for a hung engine at once; those without limit pass them', async (t) => {
  let waiting = 0;
  const { transport } = await serve(t, (request, response) => {
    if (request.url === '/stream') response.end('through');
    else waiting += 1;
  });
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  const hung = Array.from({ length: 40 }, () =>
    transport.request({ method: 'GET', path: '/hang', signal: stop.signal }),
  );
  await until(() => waiting === 16);
  const stream = await transport.request({ method: 'GET', path: '/stream', headersTimeoutMs: 0 });
  t.equal((await read(stream.body)).toString(), 'through');
  t.equal(waiting, 16);
  stop.abort(new Error('stop'));
  const results = await Promise.allSettled(hung);
  t.ok(results.every(({ status }) => status === 'rejected'));
});

void t.test('a hundred open streams leave room for short requests', async (t) => {
  const { transport, sockets } = await serve(t, (request, response) => {
    if (request.url === '/follow') response.writeHead(200).write('x');
    else response.end('{}');
  });
  const streams = await Promise.all(
    Array.from({ length: 100 }, () => transport.request({ method: 'GET', path: '/follow' })),
  );
  await transport.requestJson({ method: 'GET', path: '/' });
  t.ok(sockets.size <= 101);
  for (const { body } of streams) body.destroy();
});

void t.test('requests one after the other share one connection', async (t) => {
  const { transport, sockets } = await serve(t, (_request, response) => response.end('{}'));
  for (let i = 0; i < 10; i += 1) await transport.requestJson({ method: 'GET', path: '/' });
  t.equal(sockets.size, 1);
});

void t.test('setTls() leaves requests on their connection, and opens another for the next', async (t) => {
  let answer = (): void => undefined;
  const { transport, sockets } = await serve(t, (request, response) => {
    if (request.url === '/late') answer = () => response.end('late');
    else response.end('{}');
  });
  const late = transport.requestBytes({ method: 'GET', path: '/late' });
  await transport.requestBytes({ method: 'GET', path: '/' });
  t.equal(sockets.size, 2);
  transport.setTls(undefined);
  await until(() => sockets.size === 1);
  answer();
  t.equal((await late).bytes.toString(), 'late');
  await until(() => sockets.size === 0);
  await transport.requestBytes({ method: 'GET', path: '/' });
  t.equal(sockets.size, 1);
});

void t.test('ping() fails at once when the transport is closed', async (t) => {
  const { transport, sockets } = await serve(t, () => undefined);
  const ping = new Promise((resolve, reject) => {
    transport.ping({
      timeoutMs: 600_000,
      onEnd: (failure, status) => {
        if (failure === undefined) resolve(status);
        else reject(failure);
      },
    });
  });
  await until(() => sockets.size === 1);
  await Promise.all([
    t.rejects(ping, { code: 'ENGINE_UNREACHABLE', message: /shut down$/ }),
    transport.close(),
  ]);
});

void t.test('close() fails what is under way, uploads too, and what comes after', async (t) => {
  let arrived = 0;
  const { transport, sockets } = await serve(t, (request) => {
    arrived += 1;
    request.resume();
  });
  const under = [
    transport.request({ method: 'GET', path: '/' }),
    transport.request({ method: 'PUT', path: '/', body: new Readable({ read: () => undefined }) }),
  ];
  await until(() => arrived === 2);
  const rejected = under.map((one) => t.rejects(one, { code: 'ENGINE_UNREACHABLE', message: /shut down$/ }));
  await Promise.all([...rejected, transport.close()]);
  await until(() => sockets.size === 0);
  await t.rejects(transport.request({ method: 'GET', path: '/' }), { code: 'ABORTED' });
  await transport.close();
});
