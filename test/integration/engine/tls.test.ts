// TLS towards engines: who is refused, in which words, and how credentials change under way.
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import t from 'tap';
import type { Test } from 'tap';
import { systemClock } from '../../../controller/base/clock.js';
import { EngineClient } from '../../../controller/engine/engine-client.js';
import type { EngineEndpoint, EngineTls } from '../../../controller/engine/endpoint.js';
import { EngineTransport } from '../../../controller/engine/transport.js';
import { until } from '../../support/until.js';
import { FakeClock } from '../../support/fake-clock.js';
import { FakeEngine } from '../../support/fake-engine.js';
import { createTestPki, type TestPki } from '../../support/test-pki.js';

const pki = await createTestPki(Date.now());

async function secureEngine(t: Test, server = pki.server): Promise<FakeEngine> {
  const engine = await FakeEngine.start({
    name: 'n1',
    tls: { cert: server.certPem, key: server.keyPem, ca: pki.ca.certPem },
  });
  t.teardown(() => engine.close());
  return engine;
}

async function describeBy(endpoint: EngineEndpoint): Promise<unknown> {
  const client = new EngineClient({ endpoint, clock: systemClock });
  try {
    return await client.describe();
  } finally {
    await client.close();
  }
}

const trusts = (material: Partial<EngineTls>): EngineTls => ({ ...pki.client, ...material });
const otherCa = (await createTestPki(Date.now())).ca.certPem;

const refusals: readonly (readonly [
  string,
  (pki: TestPki) => EngineTls,
  { readonly code: string; readonly message: RegExp },
])[] = [
  [
    'a client certificate of another CA',
    () => pki.stranger,
    { code: 'ENGINE_CLIENT_REJECTED', message: /it refused the client certificate/ },
  ],
  [
    'no client certificate',
    () => ({ ca: pki.ca.certPem }),
    { code: 'ENGINE_CLIENT_REJECTED', message: /it asks for a client certificate and none is configured$/ },
  ],
  [
    'a CA that did not sign the engine',
    () => trusts({ ca: otherCa }),
    { code: 'ENGINE_CA_UNKNOWN', message: /^Cannot verify engine "n1": certificate is signed by/ },
  ],
  [
    'another server name',
    () => trusts({ serverName: 'n1.local' }),
    {
      code: 'ENGINE_TLS_REJECTED',
      message: /^Cannot verify engine "n1": certificate is valid for .*127\.0\.0\.1.*, not n1\.local$/,
    },
  ],
  [
    'a certificate that is no PEM',
    () => trusts({ cert: 'x' }),
    { code: 'CREDENTIALS_INVALID', message: /^Cannot use the TLS files for engine "n1"/ },
  ],
];

for (const [name, material, expected] of refusals)
  void t.test(`describe() with ${name} says so`, async (t) => {
    const engine = await secureEngine(t);
    await t.rejects(describeBy(engine.endpoint(material(pki))), expected);
  });

void t.test(
  'describe() accepts a server name of the certificate, and any certificate with verify: false',
  async (t) => {
    const engine = await secureEngine(t);
    t.match(await describeBy(engine.endpoint(trusts({ serverName: 'localhost' }))), { name: 'n1' });
    t.match(await describeBy(engine.endpoint(trusts({ ca: otherCa, verify: false }))), { name: 'n1' });
  },
);

void t.test('describe() tells when the certificate of the engine expires', async (t) => {
  const engine = await secureEngine(t);
  const description = (await describeBy(engine.endpoint(pki.client))) as { certificateNotAfterMs: number };
  const leftMs = description.certificateNotAfterMs - Date.now();
  t.ok(leftMs > 23 * 3_600_000 && leftMs <= 24 * 3_600_000);
});

void t.test('describe() of an engine with another certificate names what it is valid for', async (t) => {
  const engine = await secureEngine(t, await pki.issueServer(['10.9.8.7'], ['elsewhere']));
  await t.rejects(describeBy(engine.endpoint(pki.client)), {
    message: 'Cannot verify engine "n1": certificate is valid for elsewhere, 10.9.8.7, not 127.0.0.1',
  });
});

void t.test(
  'describe() over TLS of a plain engine, and in plain of a TLS one, names the mismatch',
  async (t) => {
    const plain = await FakeEngine.start({ name: 'n1' });
    t.teardown(() => plain.close());
    await t.rejects(describeBy(plain.endpoint(pki.client)), {
      code: 'ENGINE_TLS_REJECTED',
      message: /the engine answers without TLS$/,
    });
    const secure = await secureEngine(t);
    await t.rejects(describeBy(secure.endpoint()), {
      code: 'ENGINE_UNREACHABLE',
      message: /the engine closed the connection$/,
    });
  },
);

void t.test('describe() of a manager instead of an engine says so', async (t) => {
  const manager = await FakeEngine.start({ name: 'n1', cpus: 0 });
  t.teardown(() => manager.close());
  await t.rejects(describeBy(manager.endpoint()), {
    code: 'ENGINE_UNUSABLE',
    message: /is a Docker Engine, not a Swarm manager$/,
  });
});

void t.test('openSocket() gives up on a peer that never shakes hands', async (t) => {
  const silent = net.createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', () => resolve()));
  const { port } = silent.address() as AddressInfo; // listening on TCP
  const clock = new FakeClock();
  const endpoint = { name: 'n1', address: { host: '127.0.0.1', port }, tls: pki.client };
  const transport = new EngineTransport({ endpoint, clock });
  t.teardown(async () => {
    await transport.close();
    silent.close();
  });
  const opening = transport.openSocket();
  await Promise.all([
    t.rejects(opening, {
      code: 'ENGINE_TIMEOUT',
      message: `Cannot connect to engine "n1" at 127.0.0.1:${port}: no connection after 5 seconds`,
    }),
    clock.advance(5_001),
  ]);
  await t.rejects(transport.openSocket(AbortSignal.abort(new Error('no'))), { message: 'no' });
  const stop = new AbortController();
  const aborted = transport.openSocket(stop.signal);
  stop.abort(new Error('client went away'));
  await t.rejects(aborted, { message: 'client went away' });
});

void t.test('openSocket() keeps both halves apart: the engine may end first', async (t) => {
  const received: string[] = [];
  const server = tls.createServer(
    { cert: pki.server.certPem, key: pki.server.keyPem, allowHalfOpen: true },
    (socket) => {
      socket.end('done');
      socket.on('data', (chunk: Buffer) => received.push(chunk.toString()));
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo; // listening on TCP
  t.teardown(() => server.close());
  const transport = new EngineTransport({
    endpoint: { name: 'n1', address: { host: '127.0.0.1', port }, tls: pki.client },
    clock: systemClock,
  });
  const socket = await transport.openSocket();
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await new Promise<void>((resolve) => socket.once('end', () => resolve()));
  t.equal(text, 'done');
  t.ok(socket.writable);
  socket.end('still said');
  await until(() => received.join('') === 'still said');
  socket.destroy();
  await transport.close();
});

void t.test('setTls() uses the new credentials at once and lets streams on old ones run', async (t) => {
  const engine = await secureEngine(t);
  const transport = new EngineTransport({ endpoint: engine.endpoint(pki.client), clock: systemClock });
  t.teardown(() => transport.close());
  const events = await transport.request({ method: 'GET', path: '/events' });
  transport.setTls(pki.stranger);
  await t.rejects(transport.requestJson({ method: 'GET', path: '/info' }), {
    code: 'ENGINE_CLIENT_REJECTED',
  });
  transport.setTls(pki.client);
  t.match(await transport.requestJson({ method: 'GET', path: '/info' }), { body: { Name: 'n1' } });
  const next = new Promise<string>((resolve) => events.body.once('data', (chunk) => resolve(String(chunk))));
  engine.addContainer({ name: 'web' });
  t.match(await next, '"Action":"create"');
});
