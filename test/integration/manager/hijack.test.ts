// Upgraded connections byte by byte: heads, bodies, half-close, aborts, shutdown.
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { FakeEngine } from '../../support/fake-engine.js';
import { startFakeManager, type FakeManager } from '../../support/fake-manager.js';
import { makeCredentials, startManager } from '../../support/manager-cluster.js';
import { until } from '../../support/until.js';

t.setTimeout(60_000);

const upgrade = (path: string, headers = '', body = ''): string =>
  `POST ${path} HTTP/1.1\r\nHost: m\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n${headers}\r\n${body}`;

async function withContainer(
  t: Parameters<typeof startFakeManager>[0],
): Promise<{ manager: FakeManager; engine: FakeEngine }> {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }] });
  const [engine] = manager.engines;
  if (engine === undefined) throw new Error('one engine was started');
  await manager.call('POST', '/containers/create?name=web', { body: { Image: 'busybox', Tty: false } });
  return { manager, engine };
}

void t.test('attach relays the 101 of the engine, then exactly the bytes after the request', async (t) => {
  const { manager } = await withContainer(t);
  const rows: readonly [string, string, string][] = [
    ['no body', 'Content-Length: 0\r\n', ''],
    ['a body with a length, which is dropped', 'Content-Length: 15\r\n', '{"stream":true}'],
    ['a body in chunks, which is dropped', 'Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\n\r\n'],
    ['an empty body in chunks', 'Transfer-Encoding: chunked\r\n', '0\r\n\r\n'],
  ];
  for (const [name, headers, body] of rows) {
    const received = await exchange(net.connect(manager.port, '127.0.0.1'), [
      upgrade('/containers/web/attach?stream=1&stdin=1', headers, body),
      'typed',
    ]);
    t.match(received.head, /^HTTP\/1\.1 101 UPGRADED\r\n/, name);
    t.equal(received.body.toString(), 'typed', name);
  }
});

void t.test('attach sends nothing upstream before the engine has switched', async (t) => {
  const { manager } = await withContainer(t);
  const received = await exchange(net.connect(manager.port, '127.0.0.1'), [
    `${upgrade('/v1.41/containers/web/attach', 'Content-Length: 3\r\n', 'abc')}typed at once`,
  ]);
  t.equal(received.body.toString(), 'typed at once');
});

void t.test('exec start sends its body, the full path and a version', async (t) => {
  const { manager, engine } = await withContainer(t);
  const made = await manager.call('POST', '/containers/web/exec', {
    body: { Cmd: ['cat'], AttachStdin: true },
  });
  t.equal(made.status, 201);
  const id = (made.json as { Id: string }).Id; // shape of the API
  const received = await exchange(net.connect(manager.port, '127.0.0.1'), [
    upgrade(
      `/exec/${id}/start`,
      'Content-Type: application/json\r\nContent-Length: 29\r\n',
      '{"Detach":false,"Tty":false}\n',
    ),
    'input',
  ]);
  t.match(received.head, /^HTTP\/1\.1 101 /);
  t.ok(received.body.toString().endsWith('input'));
  t.match(engine.requests.at(-1), { path: `/exec/${id}/start`, version: '1.51' });
});

void t.test('an exec is found again after a restart of the manager', async (t) => {
  const { manager, engine } = await withContainer(t);
  const made = await manager.call('POST', '/containers/web/exec', { body: { Cmd: ['cat'] } });
  const id = (made.json as { Id: string }).Id; // shape of the API
  const again = await startManager(t, { addresses: [engine.address] });
  const received = await exchange(net.connect(again.port, '127.0.0.1'), [
    upgrade(`/exec/${id}/start`, 'Content-Length: 2\r\n', '{}'),
  ]);
  t.match(received.head, /^HTTP\/1\.1 101 /);
});

void t.test('a refusal is an ordinary answer, and the connection ends', async (t) => {
  const { manager, engine } = await withContainer(t);
  const missing = await exchange(net.connect(manager.port, '127.0.0.1'), [
    upgrade('/containers/nope/attach'),
  ]);
  t.match(missing.head, /^HTTP\/1\.1 404 /);
  t.match(missing.body.toString(), '{"message":"No such container: nope"}');
  // The engine has lost the container and nobody has told the manager yet.
  engine.containers.clear();
  const gone = await exchange(net.connect(manager.port, '127.0.0.1'), [upgrade('/containers/web/attach')]);
  t.match(gone.head, /^HTTP\/1\.1 404 /);
  t.match(gone.body.toString(), /^No such container: /);
});

void t.test('16 MB come back as they went, through TLS, after the end of input', async (t) => {
  const engine = await FakeEngine.start({ name: 'n1' });
  t.teardown(() => engine.close());
  const { clientDirectory, newServerTls } = await makeCredentials(t);
  const started = await startManager(t, { addresses: [engine.address], tls: await newServerTls() });
  const container = engine.addContainer({ name: 'web' });
  await waitForContainer(started.pool, container.Id);
  const data = randomBytes(16 * 1024 * 1024);
  const received = await exchange(await connectTls(clientDirectory, started.port), [
    upgrade(`/containers/${container.Id}/attach`),
    data,
  ]);
  t.equal(Buffer.compare(received.body, data), 0);
});

void t.test('certificates are replaced under an open tunnel, and the shutdown ends it', async (t) => {
  const engine = await FakeEngine.start({ name: 'n1' });
  t.teardown(() => engine.close());
  const { clientDirectory, newServerTls } = await makeCredentials(t);
  const started = await startManager(t, { addresses: [engine.address], tls: await newServerTls() });
  const container = engine.addContainer({ name: 'web' });
  await waitForContainer(started.pool, container.Id);
  const socket = await connectTls(clientDirectory, started.port);
  const before = socket.getPeerX509Certificate()?.serialNumber;
  socket.write(upgrade(`/containers/${container.Id}/attach`));
  t.match(await nextData(socket), /^HTTP\/1\.1 101 /);
  started.manager.setTls(await newServerTls());
  socket.write('still here');
  t.equal(await nextData(socket), 'still here');
  const fresh = await connectTls(clientDirectory, started.port);
  t.not(fresh.getPeerX509Certificate()?.serialNumber, before, 'new connections get the new certificate');
  fresh.destroy();
  const ended = new Promise((resolve) => socket.once('end', resolve));
  socket.resume();
  await started.manager.close(5000);
  await ended;
  socket.destroy();
});

void t.test('without a certificate of the CA there is no answer', async (t) => {
  const engine = await FakeEngine.start({ name: 'n1' });
  t.teardown(() => engine.close());
  const { clientDirectory, newServerTls } = await makeCredentials(t);
  const foreign = await makeCredentials(t);
  const { port } = await startManager(t, { addresses: [engine.address], tls: await newServerTls() });
  const nothing = await talkTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  t.match(nothing, { received: '', code: /ALERT|ECONNRESET/ });
  const [cert, key] = await readPair(foreign.clientDirectory);
  // OpenSSL lets the handshake end and Node then closes: no alert, but no byte of an answer either.
  t.match(await talkTls({ port, host: '127.0.0.1', rejectUnauthorized: false, cert, key }), { received: '' });
  const own = await readPair(clientDirectory);
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  const offered = { port, host: '127.0.0.1', rejectUnauthorized: false, cert: own[0], key: own[1], ...old };
  t.match(await talkTls(offered), { received: '', code: /ALERT|PROTOCOL|ECONNRESET/ }, 'TLS 1.1');
  t.match(await talkTls({ ...offered, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' }), {
    received: /^HTTP\/1\.1 200 /,
  });
});

interface Received {
  readonly head: string;
  readonly body: Buffer;
}

/** Sends the parts, the later ones after a moment, ends, and reads to the end. */
function exchange(socket: net.Socket, parts: readonly (string | Buffer)[]): Promise<Received> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => {
      const all = Buffer.concat(chunks);
      const end = all.indexOf('\r\n\r\n') + 4;
      resolve({ head: all.subarray(0, end).toString('latin1'), body: all.subarray(end) });
    });
    const [first = '', ...rest] = parts;
    socket.write(first);
    for (const part of rest) socket.write(part);
    socket.end();
  });
}

function nextData(socket: net.Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.once('data', (chunk: Buffer) => resolve(chunk.toString('latin1')));
    socket.once('error', reject);
  });
}

async function readPair(directory: string): Promise<[string, string]> {
  return [
    await readFile(path.join(directory, 'cert.pem'), 'utf8'),
    await readFile(path.join(directory, 'key.pem'), 'utf8'),
  ];
}

async function connectTls(directory: string, port: number): Promise<tls.TLSSocket> {
  const [cert, key] = await readPair(directory);
  const ca = await readFile(path.join(directory, 'ca.pem'), 'utf8');
  return new Promise((resolve, reject) => {
    const socket = tls.connect(
      { port, host: '127.0.0.1', ca, cert, key, allowHalfOpen: true } as tls.ConnectionOptions,
      () => resolve(socket),
    );
    socket.once('error', reject);
  });
}

function talkTls(options: tls.ConnectionOptions): Promise<{ received: string; code: string }> {
  return new Promise((resolve) => {
    let received = '';
    let code = '';
    const socket = tls.connect(options, () =>
      socket.write('GET /_ping HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n'),
    );
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    socket.on('error', (error: NodeJS.ErrnoException) => (code = error.code ?? error.message));
    socket.on('close', () => resolve({ received, code }));
  });
}

async function waitForContainer(
  pool: { findContainer: (id: string) => { type: string } },
  id: string,
): Promise<void> {
  await until(() => pool.findContainer(id).type === 'found');
}
