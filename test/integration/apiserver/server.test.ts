// The API server on real sockets: unix and TLS, who may speak, limits, closing.
import t from 'tap';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { stat, writeFile } from 'node:fs/promises';
import { Agent, request, type IncomingMessage } from 'node:http';
import { request as tlsRequest, type RequestOptions } from 'node:https';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { ApiServer } from '../../../controller/apiserver/server.js';
import { systemClock } from '../../../controller/base/clock.js';
import { silentLogger } from '../../../controller/base/log.js';
import { createAuthority, issueCertificate } from '../../../controller/pki/authority.js';
import { shortDirectory, startApi } from '../../support/api-server.js';
import { nodeBody, nodesPath } from '../../support/api-fixture.js';
import { runSwarmctl } from '../../support/run-swarmctl.js';

const clock = systemClock;

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: IncomingMessage['headers'];
}

function send(
  socketPath: string,
  o: {
    readonly method?: string;
    readonly path: string;
    readonly body?: string;
    readonly headers?: Record<string, string>;
  },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      socketPath,
      method: o.method ?? 'GET',
      path: o.path,
      headers: { ...(o.body === undefined ? {} : { 'content-type': 'application/json' }), ...o.headers },
      agent: false,
    });
    outgoing.once('error', reject);
    outgoing.once('response', (response) => void readAnswer(response).then(resolve, reject));
    outgoing.end(o.body);
  });
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  response.setEncoding('utf8');
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode ?? 0, text, headers: response.headers };
}

t.test('listenUnix() makes a socket only its user may open, and removes it at the end', async (t) => {
  const directory = await shortDirectory(t);
  const api = await startApi(directory, { clock });
  t.equal((await stat(api.socketPath)).mode & 0o777, 0o600);
  t.equal((await send(api.socketPath, { path: '/healthz' })).text, 'ok');
  await api.close();
  await api.close();
  await t.rejects(stat(api.socketPath), { code: 'ENOENT' });
});

t.test('listenUnix() takes over a socket that nobody answers on, and no other', async (t) => {
  const directory = await shortDirectory(t);
  const socketPath = path.join(directory, 'swarmctl.sock');
  // A program that ends without closing leaves its socket behind.
  const leave = `require('net').createServer().listen(${JSON.stringify(socketPath)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', leave]);
  t.ok((await stat(socketPath)).isSocket(), 'there is a stale socket');
  const api = await startApi(directory, { clock });
  t.teardown(api.close);
  t.equal((await send(socketPath, { path: '/healthz' })).status, 200);

  const second = new ApiServer({
    store: api.store,
    crds: { all: () => [], byKind: () => undefined, find: () => undefined },
    validator: { validate: () => ({ problems: [] }) },
    clock,
    logger: silentLogger,
  });
  await t.rejects(second.listenUnix(socketPath), { code: 'STATE_LOCKED' });
  const file = path.join(directory, 'file');
  await writeFile(file, 'precious');
  await t.rejects(second.listenUnix(file), { code: 'STATE_CORRUPT' });
  await t.rejects(second.listenUnix(`/tmp/${'x'.repeat(120)}`), { code: 'USAGE' });
  await second.close();
  t.equal((await send(socketPath, { path: '/healthz' })).status, 200, 'the first one still answers');
});

t.test('listenTls() lets in only clients whose certificate the CA signed', async (t) => {
  const api = await startApi(await shortDirectory(t), { clock });
  t.teardown(api.close);
  const nowMs = clock.now();
  const validity = { nowMs, validityDays: 2 };
  const authority = await createAuthority({ commonName: 'api', ...validity });
  const stranger = await createAuthority({ commonName: 'stranger', ...validity });
  const own = await issueCertificate({
    authority,
    commonName: 'api',
    usages: ['server'],
    ipAddresses: ['127.0.0.1'],
    ...validity,
  });
  const client = await issueCertificate({ authority, commonName: 'admin', usages: ['client'], ...validity });
  const foreign = await issueCertificate({
    authority: stranger,
    commonName: 'admin',
    usages: ['client'],
    ...validity,
  });
  const { port } = await api.server.listenTls({
    host: '127.0.0.1',
    port: 0,
    cert: own.certPem,
    key: own.keyPem,
    ca: authority.certPem,
  });
  const get = (tls: RequestOptions): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const outgoing = tlsRequest({
        host: '127.0.0.1',
        port,
        path: '/version',
        ca: authority.certPem,
        agent: false,
        ...tls,
      });
      outgoing.once('error', reject);
      outgoing.once('response', (response) => void readAnswer(response).then(resolve, reject));
      outgoing.end();
    });
  t.equal((await get({ cert: client.certPem, key: client.keyPem })).status, 200);
  await t.rejects(get({}), 'no certificate');
  await t.rejects(get({ cert: foreign.certPem, key: foreign.keyPem }), 'a certificate of another CA');
  await t.rejects(
    get({ cert: client.certPem, key: client.keyPem, maxVersion: 'TLSv1.1', minVersion: 'TLSv1' }),
    'an old protocol',
  );
  await t.rejects(
    new Promise((_resolve, reject) => {
      request({ host: '127.0.0.1', port, path: '/version', agent: false }).once('error', reject).end();
    }),
    'plain HTTP',
  );
});

t.test('a body that is too large is refused without being read', async (t) => {
  const api = await startApi(await shortDirectory(t), { clock });
  t.teardown(api.close);
  const large = await send(api.socketPath, {
    method: 'POST',
    path: nodesPath,
    body: JSON.stringify({ x: 'y'.repeat(4 * 1024 * 1024) }),
  });
  t.match(large, { status: 413, text: /RequestEntityTooLarge/ });
  t.equal(large.headers.connection, 'close');
  const declared = await new Promise<Answer>((resolve, reject) => {
    const outgoing = request({
      socketPath: api.socketPath,
      method: 'POST',
      path: nodesPath,
      headers: { 'content-type': 'application/json', 'content-length': String(10 ** 12) },
      agent: false,
    });
    outgoing.once('error', reject);
    outgoing.once('response', (response) => void readAnswer(response).then(resolve, reject));
    outgoing.flushHeaders();
  });
  t.equal(declared.status, 413, 'it does not wait for a terabyte');
  const huge = await send(api.socketPath, {
    method: 'POST',
    path: nodesPath,
    body: JSON.stringify(nodeBody('ok')),
  });
  t.equal(huge.status, 201, 'the next request is served');
});

t.test('warnings travel in headers, errors as Status objects', async (t) => {
  const api = await startApi(await shortDirectory(t), { clock });
  t.teardown(api.close);
  const body = JSON.stringify(nodeBody('n1', { spec: { extra: 'ü' } }));
  const warned = await send(api.socketPath, {
    method: 'POST',
    path: `${nodesPath}?fieldValidation=Warn`,
    body,
  });
  t.equal(warned.headers.warning, '299 - "unknown field \\"spec.extra\\""');
  const missing = await send(api.socketPath, { path: `${nodesPath}/nope` });
  t.equal(missing.headers['content-type'], 'application/json');
  t.match(JSON.parse(missing.text), { kind: 'Status', status: 'Failure', code: 404 });
  t.equal(
    (await send(api.socketPath, { path: '/%E0%A4%A' })).status,
    400,
    'an address that is not URL-encoded',
  );
});

t.test('a handler that does not come back is answered for after the deadline', async (t) => {
  const timers: { delayMs: number; fire: () => void }[] = [];
  const slowClock = {
    ...clock,
    setTimer: (delayMs: number, fire: () => void) => {
      timers.push({ delayMs, fire });
      return () => undefined;
    },
  };
  const api = await startApi(await shortDirectory(t), {
    clock: slowClock,
    server: { planFor: () => new Promise(() => undefined) },
  });
  t.teardown(api.close);
  await send(api.socketPath, {
    method: 'POST',
    path: nodesPath.replace('nodes', 'clusters'),
    body: JSON.stringify({ metadata: { name: 'demo' }, spec: {} }),
  });
  const answer = send(api.socketPath, { path: '/apis/swarmctl.io/v1alpha1/plan/clusters/demo' });
  while (timers.filter(({ delayMs }) => delayMs === 60_000).length < 2) await new Promise(setImmediate);
  timers
    .filter(({ delayMs }) => delayMs === 60_000)
    .at(-1)
    ?.fire();
  t.match(await answer, { status: 504, text: /took longer than 60 s/ });
});

t.test('close() ends watches and lets their clients see a clean end', async (t) => {
  const api = await startApi(await shortDirectory(t), { clock });
  const outgoing = request({ socketPath: api.socketPath, path: `${nodesPath}?watch=1`, agent: false }).end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const ended = readAnswer(response);
  await send(api.socketPath, { method: 'POST', path: nodesPath, body: JSON.stringify(nodeBody('n1')) });
  await api.close();
  t.match(await ended, { status: 200, text: /^\{"type":"ADDED".*\}\n$/ });
});

t.test('close() does not wait for connections that clients keep open', async (t) => {
  const cuts: number[] = [];
  const setTimer: typeof clock.setTimer = (delayMs, callback) => {
    if (delayMs !== 2000) return clock.setTimer(delayMs, callback);
    cuts.push(delayMs);
    return () => cuts.pop();
  };
  const api = await startApi(await shortDirectory(t), { clock: { ...clock, setTimer } });
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const watch = request({ socketPath: api.socketPath, path: `${nodesPath}?watch=1`, agent }).end();
  const [response] = (await once(watch, 'response')) as [IncomingMessage];
  const ended = readAnswer(response);
  await api.close();
  t.equal((await ended).status, 200);
  t.same(cuts, [], 'the connections ended by themselves, before they would have been cut');
});

t.test('a client that goes away in the middle of a request does no harm', async (t) => {
  const api = await startApi(await shortDirectory(t), { clock });
  t.teardown(api.close);
  for (const text of [
    'GET /apis HTTP/1.1\r\nHost: x\r\n',
    `POST ${nodesPath} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
    'nonsense\r\n\r\n',
  ]) {
    const socket = connect(api.socketPath);
    await once(socket, 'connect');
    socket.write(text);
    socket.destroy();
  }
  t.equal((await send(api.socketPath, { path: '/healthz' })).status, 200);
});

t.test('something else on the port is an error, not a crash', async (t) => {
  const api = await startApi(await shortDirectory(t), { clock });
  t.teardown(api.close);
  const blocker = createServer().listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  t.teardown(() => blocker.close());
  const address = blocker.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const authority = await createAuthority({ commonName: 'api', nowMs: clock.now(), validityDays: 2 });
  await t.rejects(
    api.server.listenTls({
      host: '127.0.0.1',
      port,
      cert: authority.certPem,
      key: authority.keyPem,
      ca: authority.certPem,
    }),
    { code: 'EADDRINUSE' },
  );
});

t.test('/metrics and get --raw give what the API answers, as it is', async (t) => {
  const directory = await shortDirectory(t);
  const contentType = 'text/plain; version=0.0.4; charset=utf-8';
  const readiness = [{ name: 'state', error: undefined as string | undefined }];
  const server = {
    metrics: () => Promise.resolve({ contentType, text: 'a_total 1\n' }),
    readiness: () => readiness,
  };
  const api = await startApi(directory, { clock, server });
  t.teardown(api.close);
  const answer = await send(api.socketPath, { path: '/metrics' });
  t.same([answer.status, answer.headers['content-type'], answer.text], [200, contentType, 'a_total 1\n']);
  t.equal((await send(api.socketPath, { path: '/metrics', method: 'POST' })).status, 405);
  t.equal((await send(api.socketPath, { path: '/metrics/a' })).status, 404);
  const raw = (...args: readonly string[]) =>
    runSwarmctl(['get', ...args], { stateDirectory: directory, clock });
  t.same(await raw('--raw', '/metrics'), { code: 0, stdout: 'a_total 1\n', stderr: '' });
  t.match((await raw('--raw', '/readyz?verbose')).stdout, '[+]state ok');
  readiness[0] = { name: 'state', error: 'disk full' };
  const failed = await raw('--raw', '/readyz');
  t.match(failed, { code: 1, stdout: '', stderr: /error: .*\[-\]state failed: disk full/ });
  t.match(await raw('--raw', '/nope'), { code: 1, stderr: /error: .*\/nope/ });
  t.match(await raw('--raw', 'metrics'), { code: 2, stderr: /Cannot get "metrics": a path begins with \// });
  t.match(await raw('nodes', '--raw', '/metrics'), { code: 2, stderr: /together with a kind/ });
  const bare = await startApi(await shortDirectory(t), { clock });
  t.teardown(bare.close);
  t.equal((await send(bare.socketPath, { path: '/metrics' })).status, 404);
});
