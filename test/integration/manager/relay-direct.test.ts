// Large answers that are handed on in the framing they come in: every byte, at the pace of who reads, and never half as whole.
import { createHash, randomBytes } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import type { Test } from 'tap';
import { systemClock } from '../../../controller/base/clock.js';
import { EngineTransport } from '../../../controller/engine/transport.js';
import { relayDirect } from '../../../controller/manager/relay-direct.js';
import { until } from '../../support/until.js';
import { createTestPki } from '../../support/test-pki.js';

const pki = await createTestPki(Date.now());
const serverTls = { cert: pki.server.certPem, key: pki.server.keyPem };

interface Between {
  /** Port of the server that relays. */
  readonly port: number;
  readonly isTls: boolean;
  /** How relays ended, oldest first: what was thrown, or undefined. */
  readonly ends: unknown[];
}

async function listening(t: Test, server: net.Server): Promise<number> {
  if (server.listening) return (server.address() as AddressInfo).port; // listening on TCP
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  t.teardown(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  return (server.address() as AddressInfo).port; // listening on TCP
}

/** A server that relays every GET to `engine`. */
async function relayTo(
  t: Test,
  engine: net.Server,
  { isTls, bodyStallMs = 0 }: { readonly isTls: boolean; readonly bodyStallMs?: number },
): Promise<Between> {
  const transport = new EngineTransport({
    endpoint: {
      name: 'n1',
      address: { host: '127.0.0.1', port: await listening(t, engine) },
      ...(isTls ? { tls: pki.client } : {}),
    },
    clock: systemClock,
  });
  t.teardown(() => transport.close());
  const ends: unknown[] = [];
  const relay = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    const gone = new AbortController();
    response.once('close', () => gone.abort(new Error('the client left')));
    try {
      const path = request.url ?? '/';
      const answer = await transport.requestDirect({ method: 'GET', path, bodyStallMs, signal: gone.signal });
      response.statusCode = answer.status;
      const { framing } = answer;
      if (framing.type === 'length') response.setHeader('Content-Length', framing.bytes);
      await relayDirect(answer, response);
      ends.push(undefined);
    } catch (error) {
      ends.push(error);
      response.destroy();
    }
  };
  const listener: http.RequestListener = (request, response) => void relay(request, response);
  const server = isTls ? https.createServer(serverTls, listener) : http.createServer(listener);
  return { port: await listening(t, server), isTls, ends };
}

function get(
  { port, isTls }: Between,
  path: string,
  agent: http.Agent | false = false,
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, agent };
    const sent = isTls
      ? https.get(
          { ...options, ca: pki.ca.certPem, servername: 'localhost', checkServerIdentity: () => undefined },
          resolve,
        )
      : http.get(options, resolve);
    sent.on('error', reject);
  });
}

const sum = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

async function readAll(answer: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer); // no encoding is set
  return Buffer.concat(chunks);
}

const data = randomBytes(8 * 1024 * 1024);

/** Answers with the data in pieces of many sizes; the path says how it is framed. */
const inPieces: http.RequestListener = (request, response) => {
  if (request.url === '/missing') {
    response.writeHead(404, { 'Content-Length': 7 }).end('nowhere');
    return;
  }
  if (request.url === '/length') response.setHeader('Content-Length', data.length);
  if (request.url === '/close') {
    response.shouldKeepAlive = false;
    response.useChunkedEncodingByDefault = false;
  }
  let at = 0;
  const sizes = [1, 17, 4_096, 65_536, 300_000, 1_000_000];
  let turn = 0;
  const write = (): void => {
    while (at < data.length) {
      const piece = data.subarray(at, at + (sizes[turn++ % sizes.length] ?? 1));
      at += piece.length;
      if (!response.write(piece)) return;
    }
    response.off('drain', write).end();
  };
  response.on('drain', write);
  write();
};

for (const isTls of [false, true]) {
  const name = isTls ? 'TLS on both sides' : 'plain';
  const engine = (): net.Server =>
    isTls ? https.createServer(serverTls, inPieces) : http.createServer(inPieces);

  void t.test(`relayDirect() passes on every byte, in every framing, ${name}`, async (t) => {
    const between = await relayTo(t, engine(), { isTls });
    const agent = isTls ? false : new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (const path of ['/chunks', '/length', '/close', '/missing', '/chunks']) {
      const answer = await get(between, path, agent);
      const body = await readAll(answer);
      if (path === '/missing') t.same([answer.statusCode, body.toString()], [404, 'nowhere']);
      else t.same([answer.statusCode, sum(body)], [200, sum(data)], path);
    }
    await until(() => between.ends.length === 5);
    t.same(between.ends, Array(5).fill(undefined));
    if (agent !== false) agent.destroy();
  });

  void t.test(`relayDirect() waits for who reads slowly, and ends with who leaves, ${name}`, async (t) => {
    let written = 0;
    let isOpen = true;
    const endless: http.RequestListener = (_request, response) => {
      const block = Buffer.alloc(64 * 1024);
      const write = (): void => {
        while (!response.destroyed) {
          written += block.length;
          if (!response.write(block)) return;
        }
      };
      response.on('drain', write).once('close', () => (isOpen = false));
      write();
    };
    const source = isTls ? https.createServer(serverTls, endless) : http.createServer(endless);
    const between = await relayTo(t, source, { isTls });
    const answer = await get(between, '/');
    answer.on('error', () => undefined);
    // The buffers of the system fill, and then nothing moves any more.
    let before = -1;
    while (before !== written) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    t.ok(written < 64 * 1024 * 1024, `${written} bytes were written`);
    answer.resume();
    await until(() => written > before);
    answer.destroy();
    await until(() => !isOpen && between.ends.length === 1);
    t.match(between.ends, [{ message: 'the client left' }]);
  });
}

void t.test('relayDirect() gives no half of an answer as a whole one', async (t) => {
  const answers: Readonly<Record<string, (socket: net.Socket) => void>> = {
    '/cut-chunk': (socket) => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel'),
    '/cut-between': (socket) =>
      socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'),
    '/cut-length': (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello'),
    '/bad-chunk': (socket) =>
      socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\nhello'),
    '/stalls': (socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello'),
  };
  const engine = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (head: Buffer) => answers[/^GET (\S+)/.exec(head.toString())?.[1] ?? '']?.(socket));
  });
  const between = await relayTo(t, engine, { isTls: false });
  const impatient = await relayTo(t, engine, { isTls: false, bodyStallMs: 300 });
  for (const path of Object.keys(answers)) {
    const answer = await get(path === '/stalls' ? impatient : between, path);
    await t.rejects(readAll(answer), { code: 'ECONNRESET' }, path);
  }
  t.match(
    [...between.ends, ...impatient.ends],
    [
      { code: 'ECONNRESET' },
      { code: 'ECONNRESET' },
      { code: 'ECONNRESET' },
      { code: 'HPE_INVALID_ANSWER' },
      { message: 'the body stands still' },
    ],
  );
});

void t.test('requestDirect() tells why no answer came, and takes heads in pieces', async (t) => {
  const answers: Readonly<Record<string, (socket: net.Socket) => void>> = {
    '/nothing': (socket) => socket.end(),
    '/ssh': (socket) => void socket.write('SSH-2.0-OpenSSH_9\r\n\r\n'),
    '/long': (socket) => void socket.write(`HTTP/1.1 200 OK\r\nA: ${'x'.repeat(2 << 20)}`),
    '/pieces': (socket) => {
      socket.setNoDelay(true);
      const text = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
      let at = 0;
      const write = (): void => {
        if (at >= text.length) return;
        socket.write(text.slice(at, at + 1));
        at += 1;
        setImmediate(write);
      };
      write();
    },
  };
  const engine = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (head: Buffer) => answers[/^GET (\S+)/.exec(head.toString())?.[1] ?? '']?.(socket));
  });
  const between = await relayTo(t, engine, { isTls: false });
  for (const path of ['/nothing', '/ssh', '/long'])
    await t.rejects(get(between, path), { code: 'ECONNRESET' }, path);
  t.match(between.ends, [
    { code: 'ENGINE_UNREACHABLE', message: /n1/ },
    { message: /n1/ },
    { message: /n1/ },
  ]);
  t.equal((await readAll(await get(between, '/pieces'))).toString(), 'hello');
});
