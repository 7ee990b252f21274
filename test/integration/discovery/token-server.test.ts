// Tests of the token service over real sockets: TLS with client certificates, bounds, reload, restart.
import { connect } from 'node:net';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import t, { type Test } from 'tap';
import { systemClock } from '../../../controller/base/clock.js';
import { createLogger, silentLogger, type Logger } from '../../../controller/base/log.js';
import type { DiscoveryBackend } from '../../../controller/discovery/backend.js';
import { openDiscovery } from '../../../controller/discovery/open-backend.js';
import { TokenServer, type TokenServerOptions } from '../../../controller/discovery/token-server.js';
import { createDiscoveryPki, discoveryOptions, writePkiFiles } from '../../support/discovery-pki.js';
import { FakeClock } from '../../support/fake-clock.js';

const token = '0123456789abcdef0123456789abcdef';
const host = '127.0.0.1';
const pki = await createDiscoveryPki();
const foreign = await createDiscoveryPki({ name: 'another CA' });
const directory = await mkdtemp(path.join(tmpdir(), 'discovery-'));
const files = await writePkiFiles(directory, pki);
t.teardown(() => rm(directory, { recursive: true }));

const mutualTls = {
  cert: pki.server.certPem,
  key: pki.server.keyPem,
  ca: pki.authority.certPem,
  requireClientCert: true,
};

const never = new AbortController().signal;

async function aServer(
  t: Test,
  options: Partial<TokenServerOptions> = {},
): Promise<{ server: TokenServer; port: number }> {
  const server = new TokenServer({ clock: systemClock, logger: silentLogger, ...options });
  t.teardown(() => server.close());
  const { port } = await server.listen({ host, port: 0 });
  return { server, port };
}

async function aBackend(
  t: Test,
  url: string,
  options: { options?: Readonly<Record<string, string>>; logger?: Logger; clock?: FakeClock } = {},
): Promise<DiscoveryBackend> {
  const backend = await openDiscovery(url, {
    clock: options.clock ?? systemClock,
    random: () => 0.5,
    options: options.options ?? {},
    ...(options.logger === undefined ? {} : { logger: options.logger }),
  });
  t.teardown(() => backend.close());
  return backend;
}

t.test('TokenServer and token:// register, list and unregister over mutual TLS', async (t) => {
  const { port } = await aServer(t, { tls: mutualTls });
  const backend = await aBackend(t, `token://${host}:${port}/v1/${token}`, {
    options: discoveryOptions(files),
  });
  await backend.register('10.0.0.2:2376', 180, never);
  await backend.register('10.0.0.1:2376', 180, never);
  t.same(await backend.list(never), ['10.0.0.1:2376', '10.0.0.2:2376']);
  await backend.unregister?.('10.0.0.1:2376', never);
  await backend.unregister?.('10.0.0.1:2376', never);
  t.same(await backend.list(never), ['10.0.0.2:2376']);
});

t.test('token:// checks the name of the service, or the one it is told', async (t) => {
  const { port } = await aServer(t, { tls: { ...mutualTls, requireClientCert: false } });
  const url = `token://127.0.0.2:${port}/${token}`;
  const { server } = await aServer(t);
  await server.close();
  const other = new TokenServer({ clock: systemClock, logger: silentLogger, tls: mutualTls });
  t.teardown(() => other.close());
  await other.listen({ host: '127.0.0.2', port });
  const strict = await aBackend(t, url, { options: discoveryOptions(files) });
  await t.rejects(strict.list(never), { message: /its certificate is for another name/ });
  const named = await aBackend(t, url, {
    options: { ...discoveryOptions(files), 'token.servername': 'discovery.test' },
  });
  await named.register('a:1', 10, never);
  t.same(await named.list(never), ['a:1']);
});

t.test('token:// tells what is wrong with a service, and what to do', async (t) => {
  const { port } = await aServer(t, { tls: mutualTls });
  const plain = await aServer(t);
  const service = `${host}:${port}`;
  const at = (rest: string): string => `token://${rest}/v1/${token}`;
  const foreignDirectory = await mkdtemp(path.join(tmpdir(), 'discovery-'));
  t.teardown(() => rm(foreignDirectory, { recursive: true }));
  const foreignFiles = await writePkiFiles(foreignDirectory, foreign);
  const rows = [
    [at(service), {}, /not signed by a trusted CA/, /token\.cacertfile/],
    [
      at(service),
      { 'token.cacertfile': files.ca },
      /want of a valid client certificate|without an answer/,
      /token\.certfile/,
    ],
    [
      at(service),
      { ...discoveryOptions(foreignFiles), 'token.cacertfile': files.ca },
      /want of a valid client certificate|without an answer/,
      /token\.certfile/,
    ],
    [at(`${host}:${plain.port}`), {}, /does not speak TLS/, /token\+http/],
    [at(`${host}:1`), {}, /"127\.0\.0\.1:1": connection refused/, /runs/],
    [`token+http://${service}/${token}`, {}, /without an answer|does not answer in HTTP/, /TLS|log/],
  ] as const;
  for (const [url, options, message, hint] of rows) {
    const backend = await aBackend(t, url, { options });
    await t.rejects(backend.list(never), { code: 'DISCOVERY_FAILED', message, hint });
    await t.rejects(backend.register('a:1', 10, never), { code: 'DISCOVERY_FAILED', message });
  }
});

t.test('openDiscovery() refuses TLS files that are missing, half or no certificates', async (t) => {
  const url = `token://${host}:1/${token}`;
  const junk = path.join(directory, 'junk.pem');
  await writeFile(junk, 'nothing');
  const open = (options: Readonly<Record<string, string>>): Promise<DiscoveryBackend> =>
    openDiscovery(url, { clock: systemClock, random: () => 0.5, options });
  await t.rejects(open({ 'token.cacertfile': '/none' }), {
    code: 'CREDENTIALS_UNREADABLE',
    message: 'Cannot read "/none": open /none: no such file or directory',
  });
  await t.rejects(open({ 'kv.certfile': files.clientCert }), { code: 'DISCOVERY_INVALID' });
  await t.rejects(open({ 'token.cacertfile': junk }), { code: 'CREDENTIALS_INVALID' });
  await t.rejects(open({ 'token.certfile': files.clientCert, 'token.keyfile': files.serverKey }), {
    code: 'CREDENTIALS_INVALID',
  });
});

t.test('TokenServer answers nobody without a certificate of its CA', async (t) => {
  const { port } = await aServer(t, { tls: mutualTls });
  for (const material of [
    {},
    { cert: foreign.client.certPem, key: foreign.client.keyPem },
    { cert: pki.server.certPem, key: pki.server.keyPem },
  ]) {
    const received = await new Promise<string>((resolve) => {
      const socket = tlsConnect({ host, port, ca: pki.authority.certPem, ...material });
      let text = '';
      socket.on('secureConnect', () => socket.write('GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n'));
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(text));
    });
    t.equal(received, '');
  }
});

t.test('TokenServer speaks TLS 1.2 and newer only', async (t) => {
  const { port } = await aServer(t, { tls: { ...mutualTls, requireClientCert: false } });
  const attempt = (version: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'): Promise<string> =>
    new Promise((resolve) => {
      const socket = tlsConnect(
        {
          ...{ host, port, ca: pki.authority.certPem, minVersion: version, maxVersion: version },
          // Otherwise the client itself would refuse the old version.
          ciphers: 'DEFAULT@SECLEVEL=0',
        },
        () => {
          resolve(socket.getProtocol() ?? '');
          socket.destroy();
        },
      );
      socket.on('error', () => resolve('refused'));
    });
  t.same(await Promise.all([attempt('TLSv1.1'), attempt('TLSv1.2'), attempt('TLSv1.3')]), [
    'refused',
    'TLSv1.2',
    'TLSv1.3',
  ]);
});

t.test('TokenServer reloadTls() serves new certificates and keeps the old for bad ones', async (t) => {
  const { server, port } = await aServer(t, { tls: { ...mutualTls, requireClientCert: false } });
  const fingerprint = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = tlsConnect({ host, port, rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate().fingerprint256);
        socket.destroy();
      });
      socket.on('error', reject);
    });
  const before = await fingerprint();
  t.throws(() => server.reloadTls({ ...mutualTls, key: foreign.server.keyPem }), {
    code: 'CREDENTIALS_INVALID',
  });
  t.throws(() => server.reloadTls({ ...mutualTls, cert: '' }), { message: /holds no certificate/ });
  t.throws(() => server.reloadTls({ ...mutualTls, key: '' }), { message: /holds no private key/ });
  t.throws(() => server.reloadTls({ ...mutualTls, ca: '' }), { message: /holds no certificate/ });
  t.equal(await fingerprint(), before);
  server.reloadTls({ cert: foreign.server.certPem, key: foreign.server.keyPem, requireClientCert: false });
  t.not(await fingerprint(), before);
});

t.test('token:// uses rotated files, and the old ones while the new do not fit together', async (t) => {
  const own = await mkdtemp(path.join(tmpdir(), 'discovery-'));
  t.teardown(() => rm(own, { recursive: true }));
  const ownFiles = await writePkiFiles(own, pki);
  const { server, port } = await aServer(t, { tls: mutualTls });
  const warnings: string[] = [];
  const logger: Logger = { ...silentLogger, warn: (message) => void warnings.push(message) };
  const backend = await aBackend(t, `token://${host}:${port}/${token}`, {
    options: discoveryOptions(ownFiles),
    logger,
  });
  await backend.register('a:1', 180, never);
  await writeFile(ownFiles.clientKey, foreign.client.keyPem);
  await backend.register('a:1', 180, never);
  await backend.register('a:1', 180, never);
  t.equal(warnings.length, 1);
  t.match(warnings[0], /the previous files stay in use/);
  await t.rejects(backend.reload?.() ?? Promise.resolve(), { code: 'CREDENTIALS_INVALID' });
  server.reloadTls({
    cert: foreign.server.certPem,
    key: foreign.server.keyPem,
    ca: foreign.authority.certPem,
    requireClientCert: true,
  });
  await t.rejects(backend.register('a:1', 180, never), { code: 'DISCOVERY_FAILED' });
  await writePkiFiles(own, foreign);
  await backend.register('a:1', 180, never);
});

t.test('TokenServer closes what is too large or too slow, and goes on', async (t) => {
  const { port } = await aServer(t);
  const talk = (text: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({ host, port }, () => socket.write(text));
      let received = '';
      socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(received));
    });
  const big = `POST /v1/clusters/${token} HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n${'x'.repeat(5000)}`;
  t.match(await talk(big), /^HTTP\/1\.1 413 /);
  t.match(await talk(`GET /${'x'.repeat(9000)} HTTP/1.1\r\nHost: x\r\n\r\n`), /^HTTP\/1\.1 431 /);
  t.match(await talk('nonsense\r\n\r\n'), /^HTTP\/1\.1 400 /);
  const backend = await aBackend(t, `token+http://${host}:${port}/${token}`);
  await backend.register('a:1', 180, never);
});

t.test('TokenServer with a data file forgets nothing at a restart', async (t) => {
  const dataFile = path.join(directory, 'made', 'on', 'the', 'way', 'leases.json');
  const first = await aServer(t, { dataFile });
  const before = await aBackend(t, `token+http://${host}:${first.port}/${token}`);
  await before.register('a:1', 180, never);
  await first.server.close();
  t.notMatch(await readFile(dataFile, 'utf8'), token, 'the file does not tell tokens');
  const second = await aServer(t, { dataFile });
  const after = await aBackend(t, `token+http://${host}:${second.port}/${token}`);
  t.same(await after.list(never), ['a:1']);
});

t.test('TokenServer writes a new member within a second, without being asked to stop', async (t) => {
  const clock = new FakeClock();
  const dataFile = path.join(directory, 'behind.json');
  const { port } = await aServer(t, { dataFile, clock });
  const backend = await aBackend(t, `token+http://${host}:${port}/${token}`);
  await backend.register('a:1', 180, never);
  await clock.advance(1000);
  for (;;) {
    const text = await readFile(dataFile, 'utf8').catch(() => '');
    if (text.includes('a:1')) break;
    await new Promise((resolve) => setImmediate(resolve));
  }
});

t.test('TokenServer moves a data file aside that it cannot understand', async (t) => {
  const dataFile = path.join(directory, 'broken.json');
  await writeFile(dataFile, '{"version":1,"clusters":{"x":');
  const errors: string[] = [];
  const logger: Logger = { ...silentLogger, error: (message) => void errors.push(message) };
  const clock = new FakeClock(1000);
  const { port } = await aServer(t, { dataFile, logger, clock });
  t.match(errors, [/Cannot use data file .* moved aside/]);
  t.match(await readFile(`${dataFile}.corrupt-1000`, 'utf8'), /version/);
  const backend = await aBackend(t, `token+http://${host}:${port}/${token}`);
  await backend.register('a:1', 180, never);
});

t.test(
  'TokenServer serves without its data file when that cannot be written, and says so once',
  async (t) => {
    const dataFile = path.join(directory, 'blocked.json');
    const errors: string[] = [];
    const logger: Logger = { ...silentLogger, error: (message) => void errors.push(message) };
    const { port, server } = await aServer(t, { dataFile, logger });
    // A directory in its place cannot be replaced by a file.
    await rm(dataFile);
    await mkdir(dataFile);
    const backend = await aBackend(t, `token+http://${host}:${port}/${token}`);
    await backend.register('a:1', 180, never);
    await server.close();
    t.match(errors, [/^Cannot write data file ".*blocked\.json": /]);
  },
);

t.test('TokenServer listen() says why an address cannot be used', async (t) => {
  const { port } = await aServer(t);
  const second = new TokenServer({ clock: systemClock, logger: silentLogger });
  await t.rejects(second.listen({ host, port }), {
    code: 'DISCOVERY_FAILED',
    message: `Cannot listen on "${host}:${port}": the address is in use`,
  });
  await second.close();
  const bad = new TokenServer({
    clock: systemClock,
    logger: silentLogger,
    tls: { ...mutualTls, key: foreign.server.keyPem },
  });
  await t.rejects(bad.listen({ host, port: 0 }), { code: 'CREDENTIALS_INVALID' });
});

t.test(
  'TokenServer names an IPv4 client by its IPv4 address, also on a socket for both families',
  async (t) => {
    const lines: string[] = [];
    const logger = createLogger({ clock: new FakeClock(), write: (line) => lines.push(line) });
    const server = new TokenServer({ clock: systemClock, logger });
    t.teardown(() => server.close());
    const { port } = await server.listen({ host: '', port: 0 });
    const answer = await fetch(`http://${host}:${port}/v1/clusters`, { method: 'POST' });
    t.equal(answer.status, 201);
    t.match(lines.join(''), /Created cluster.* client=127\.0\.0\.1\n/);
  },
);
