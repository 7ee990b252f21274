// Connections that are opened before they are asked for: who gets them, and when nobody may.
import { once } from 'node:events';
import type net from 'node:net';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import t from 'tap';
import type { Test } from 'tap';
import { EngineDialer } from '../../../controller/engine/dialer.js';
import { SpareSockets } from '../../../controller/engine/spare-sockets.js';
import { EngineTransport } from '../../../controller/engine/transport.js';
import { FakeClock } from '../../support/fake-clock.js';
import { createTestPki } from '../../support/test-pki.js';
import { until } from '../../support/until.js';

const pki = await createTestPki(Date.now());

interface Peer {
  readonly transport: EngineTransport;
  readonly clock: FakeClock;
  /** Connections as the engine sees them, in their order. */
  readonly sockets: tls.TLSSocket[];
  /** Those that are still open there. */
  readonly open: () => number;
}

/** @param answer to whatever it is sent */
async function startPeer(t: Test, answer: (socket: tls.TLSSocket) => void = () => undefined): Promise<Peer> {
  const sockets: tls.TLSSocket[] = [];
  const server = tls.createServer(
    {
      cert: pki.server.certPem,
      key: pki.server.keyPem,
      ca: pki.ca.certPem,
      requestCert: true,
      rejectUnauthorized: true,
    },
    (socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined).on('data', () => answer(socket));
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // listening on TCP
  const clock = new FakeClock();
  const transport = new EngineTransport({
    endpoint: { name: 'n1', address: { host: '127.0.0.1', port }, tls: pki.client },
    clock,
  });
  t.teardown(async () => {
    await transport.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { transport, clock, sockets, open: () => sockets.filter(({ destroyed }) => !destroyed).length };
}

void t.test('openSocket() takes what openAhead() opened, and dials when there is no more', async (t) => {
  const { transport, sockets } = await startPeer(t);
  transport.openAhead(2);
  const taken = await Promise.all([transport.openSocket(), transport.openSocket()]);
  await until(() => sockets.length === 2);
  taken.push(await transport.openSocket());
  await until(() => sockets.length === 3);
  t.equal(new Set(taken).size, 3);
  for (const socket of taken) {
    t.ok(socket.writable && socket.readable);
    socket.destroy();
  }
  await until(() => sockets.every(({ destroyed }) => destroyed));
});

void t.test('request() takes what openAhead() opened', async (t) => {
  const { transport, sockets, open } = await startPeer(t, (socket) =>
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
  );
  transport.openAhead(2);
  await until(() => open() === 2);
  for (let at = 0; at < 3; at += 1) {
    const { status, body } = await transport.request({ method: 'POST', path: '/wait', headersTimeoutMs: 0 });
    t.equal(status, 200);
    t.equal(String(await body.toArray()), 'ok');
  }
  t.equal(sockets.length, 2);
});

void t.test('openAhead() keeps a few at most, and for a while', async (t) => {
  const { transport, clock, sockets, open } = await startPeer(t);
  for (let at = 0; at < 5; at += 1) transport.openAhead(2);
  await until(() => sockets.length === 2);
  await clock.advance(9_999);
  t.equal(open(), 2);
  await clock.advance(1);
  await until(() => open() === 0);
  const socket = await transport.openSocket();
  await until(() => open() === 1);
  t.equal(sockets.length, 3);
  socket.destroy();
});

const ends: Readonly<Record<string, (socket: tls.TLSSocket) => void>> = {
  destroyed: (socket) => void socket.destroy(),
  ended: (socket) => void socket.end(),
  'spoke on': (socket) => void socket.write('HTTP/1.1 200 OK\r\n\r\n'),
};

for (const [what, act] of Object.entries(ends))
  void t.test(`take() gives none that the engine ${what}`, async (t) => {
    const { transport, clock, sockets } = await startPeer(t);
    const dialer = new EngineDialer({ endpoint: transport.endpoint, clock });
    const made: net.Socket[] = [];
    const spares = new SpareSockets({
      clock,
      dialer: {
        endpoint: dialer.endpoint,
        readyEvent: dialer.readyEvent,
        connect: (options) => {
          const socket = dialer.connect(options);
          made.push(socket);
          return socket;
        },
      },
    });
    spares.open(1);
    await until(() => sockets.length === 1);
    const [[spare], [mine]] = [sockets, made];
    if (spare === undefined || mine === undefined) throw new Error('it was opened');
    act(spare);
    await until(() => mine.destroyed || mine.readableLength > 0);
    t.equal(spares.take(), undefined);
    t.ok(mine.destroyed);
  });

void t.test('setTls() and close() end what nobody took', async (t) => {
  const { transport, sockets, open } = await startPeer(t);
  transport.openAhead(1);
  await until(() => sockets.length === 1);
  transport.setTls(pki.stranger);
  await until(() => open() === 0);
  transport.setTls(pki.client);
  transport.openAhead(1);
  await until(() => open() === 1);
  await transport.close();
  await until(() => open() === 0);
  transport.openAhead(1);
  t.equal(open(), 0);
});
