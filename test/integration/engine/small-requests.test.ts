// Short requests on kept sockets, to a server that says exactly what a test wants.
import net, { type AddressInfo } from 'node:net';
import t from 'tap';
import type { Test } from 'tap';
import { systemClock, type Clock } from '../../../controller/base/clock.js';
import { EngineTransport } from '../../../controller/engine/transport.js';
import { until } from '../../support/until.js';
import { FakeClock } from '../../support/fake-clock.js';

interface TransportOptions {
  readonly clock?: Clock;
  /** Connections at most. */
  readonly most?: number;
}

/** Listens with `server`; both end with the test. */
async function transportTo(
  t: Test,
  server: net.Server,
  { clock = systemClock, most: mostConnections }: TransportOptions = {},
): Promise<EngineTransport> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo; // listening on TCP
  const endpoint = { name: 'n1', address: { host: '127.0.0.1', port } };
  const transport = new EngineTransport({ endpoint, clock, mostConnections });
  t.teardown(async () => {
    await transport.close();
    server.close();
  });
  return transport;
}

/** A transport to a server that says `answers` in turn, one to a request, in pieces as they are given. */
async function serveRaw(
  t: Test,
  answers: readonly (readonly string[])[],
  options: TransportOptions & { readonly isClosedAfter?: boolean } = {},
): Promise<{
  readonly transport: EngineTransport;
  readonly requests: string[];
  readonly connections: () => number;
}> {
  const requests: string[] = [];
  let connections = 0;
  const server = net.createServer((socket) => {
    connections += 1;
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      const pieces = answers[requests.length] ?? [];
      requests.push(chunk.toString('latin1'));
      void (async () => {
        for (const piece of pieces) {
          socket.write(piece, 'latin1');
          await new Promise((resolve) => setImmediate(resolve));
        }
        if (options.isClosedAfter === true) socket.end();
      })();
    });
  });
  return { transport: await transportTo(t, server, options), requests, connections: () => connections };
}

const ask = { method: 'GET', path: '/x', attempt: 'ask' };

void t.test('requestBytes() reads answers in pieces, and keeps the connection', async (t) => {
  const { transport, requests, connections } = await serveRaw(t, [
    ['HTTP/1.1 200 O', 'K\r\nContent-Le', 'ngth: 4\r\n\r', '\nab', 'cd'],
    [
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 409 C\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno',
      '\r\n0\r\n',
      '\r\n',
    ],
  ]);
  const first = await transport.requestBytes({ ...ask, headers: { 'X-Many': ['a', 'b'] } });
  t.same([first.status, first.bytes.toString()], [200, 'abcd']);
  t.match(
    requests[0],
    /^GET \/x HTTP\/1\.1\r\nhost: 127\.0\.0\.1:\d+\r\nconnection: keep-alive\r\nX-Many: a\r\nX-Many: b\r\n\r\n$/,
  );
  const second = await transport.requestBytes({ ...ask, method: 'POST' });
  t.same([second.status, second.bytes.toString()], [409, 'no']);
  t.match(requests[1], /\r\ncontent-length: 0\r\n\r\n$/);
  t.equal(connections(), 1);
});

void t.test('requestBytes() opens another connection where the engine closes each', async (t) => {
  const answer = ['HTTP/1.1 200 OK\r\n\r\nwhole'];
  const { transport, connections } = await serveRaw(t, [answer, answer], { isClosedAfter: true });
  for (let at = 0; at < 2; at += 1) t.equal((await transport.requestBytes(ask)).bytes.toString(), 'whole');
  t.equal(connections(), 2);
});

void t.test('requestBytes() fails an answer that is none, and takes nothing unasked for one', async (t) => {
  const good = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
  const { transport, connections } = await serveRaw(t, [['\x15\x03\x01'], [`${good}${good}`], [good]]);
  await t.rejects(transport.requestBytes(ask), {
    code: 'ENGINE_ERROR',
    message: /the answer is not valid HTTP$/,
  });
  for (let at = 0; at < 2; at += 1) t.equal((await transport.requestBytes(ask)).bytes.toString(), 'ok');
  t.equal(connections(), 3);
});

void t.test('requestBytes() fails an answer that is cut off', async (t) => {
  const answer = ['HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok'];
  const { transport } = await serveRaw(t, [answer], { isClosedAfter: true });
  await t.rejects(transport.requestBytes(ask), {
    code: 'ENGINE_UNREACHABLE',
    message: /the engine closed the connection$/,
  });
});

void t.test('requestBytes() sends nothing that would be read as another request', async (t) => {
  const { transport, requests } = await serveRaw(t, []);
  const bad = [
    { ...ask, path: '/x HTTP/1.1\r\nX: y' },
    { ...ask, path: '' },
    { ...ask, method: 'GET /y' },
    { ...ask, headers: { 'X-A': 'b\r\nX-C: d' } },
    { ...ask, headers: { 'X A': 'b' } },
  ];
  for (const request of bad) await t.rejects(transport.requestBytes(request), { code: 'ENGINE_ERROR' });
  t.same(requests, []);
});

void t.test('requestBytes() ends an answer that stands still', async (t) => {
  const clock = new FakeClock();
  const { transport, requests } = await serveRaw(t, [['HTTP/1.1 200 OK\r\n\r\n{']], { clock });
  const result = transport.requestBytes({ ...ask, headersTimeoutMs: 0, bodyStallMs: 10_000 });
  let isOver = false;
  // Before, time would end the attempt to connect.
  await until(() => requests.length === 1);
  await Promise.all([
    t
      .rejects(result, { code: 'ENGINE_TIMEOUT', message: /it stopped in the middle of its answer$/ })
      .finally(() => (isOver = true)),
    until(async () => {
      await clock.advance(1_000);
      return isOver;
    }),
  ]);
});

const chunkedHead = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const follow = { path: '/events', attempt: 'follow', timeoutMs: 5_000 };

async function textOf(body: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of body) text += String(chunk);
  return text;
}

void t.test(
  'follow() reads as it comes, on a connection of its own that others have before and after',
  async (t) => {
    const good = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
    let send = (_text: string): void => undefined;
    let connections = 0;
    const server = net.createServer((socket) => {
      connections += 1;
      socket
        .on('error', () => undefined)
        .on('data', (chunk) => {
          if (!chunk.toString('latin1').startsWith('GET /events ')) return void socket.write(good);
          socket.write(chunkedHead);
          send = (text) => void socket.write(text);
        });
    });
    const transport = await transportTo(t, server);
    await transport.requestBytes(ask);
    const { status, body } = await transport.follow({ ...follow, signal: new AbortController().signal });
    t.equal(status, 200);
    t.equal(connections, 1, 'the connection that was there is taken');
    const iterator = body[Symbol.asyncIterator]();
    for (const text of ['one', 'two']) {
      send(`3\r\n${text}\r\n`);
      t.equal(String((await iterator.next()).value), text);
      t.equal((await transport.requestBytes(ask)).bytes.toString(), 'ok', 'others do not wait');
    }
    send('0\r\n\r\n');
    t.equal((await iterator.next()).done, true);
    await Promise.all([transport.requestBytes(ask), transport.requestBytes(ask)]);
    t.equal(connections, 2);
  },
);

void t.test('follow() fails where there is no answer, or none in time', async (t) => {
  const clock = new FakeClock();
  const { transport, requests } = await serveRaw(t, [['\x15\x03\x01'], []], { clock });
  const { signal } = new AbortController();
  await t.rejects(transport.follow({ ...follow, signal }), { code: 'ENGINE_ERROR' });
  const late = transport.follow({ ...follow, signal });
  const outcome = late.then(
    () => 'answered',
    (error: unknown) => (error as { code?: string }).code,
  );
  await until(() => requests.length === 2);
  await clock.advance(follow.timeoutMs);
  t.equal(await outcome, 'ENGINE_TIMEOUT');
});

for (const [how, pieces] of [
  ['with its head', [`${chunkedHead}3\r\none\r\nnonsense\r\n`]],
  ['later', [chunkedHead, '3\r\none\r\n', 'nonsense\r\n']],
] as const)
  void t.test(`follow() tells its reader of an answer that goes wrong ${how}`, async (t) => {
    const { transport } = await serveRaw(t, [pieces]);
    const { body } = await transport.follow({ ...follow, signal: new AbortController().signal });
    await t.rejects(textOf(body), /a chunk without size/);
    t.equal(body.destroyed, true);
  });

void t.test('follow() ends with its signal, its reader and the transport', async (t) => {
  const { transport } = await serveRaw(t, [[chunkedHead], [chunkedHead], [chunkedHead], []]);
  const first = new AbortController();
  const { body } = await transport.follow({ ...follow, signal: first.signal });
  const read = textOf(body);
  first.abort(new Error('enough'));
  await t.rejects(read, /enough/);
  const second = await transport.follow({ ...follow, signal: new AbortController().signal });
  second.body.destroy();
  await t.rejects(transport.follow({ ...follow, signal: first.signal }), /enough/);
  const third = await transport.follow({ ...follow, signal: new AbortController().signal });
  const cut = textOf(third.body);
  const waiting = transport.follow({ ...follow, signal: new AbortController().signal });
  const outcomes = Promise.allSettled([cut, waiting]);
  await transport.close();
  for (const { status } of await outcomes) t.equal(status, 'rejected');
});

void t.test('follow() lets the engine wait for a reader, and loses nothing', async (t) => {
  const chunk = 'x'.repeat(65_536);
  const count = 512;
  let sent = 0;
  const server = net.createServer((socket) => {
    const write = (): void => {
      while (sent < count) {
        sent += 1;
        if (!socket.write(`10000\r\n${chunk}\r\n`)) return;
      }
      socket.end('0\r\n\r\n');
    };
    socket.on('error', () => undefined).on('drain', write);
    socket.once('data', () => {
      socket.write(chunkedHead);
      write();
    });
  });
  const transport = await transportTo(t, server);
  const { body } = await transport.follow({ ...follow, signal: new AbortController().signal });
  // 32 MiB fit into no sockets: it stands still where the reader would have to take more.
  let before = -1;
  while (sent !== before || body.readableLength === 0) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  t.ok(body.readableLength < 2 * 65_536 + 262_144, `${body.readableLength} bytes are held here`);
  t.ok(sent < count, `the engine waits after ${sent} pieces`);
  t.equal((await textOf(body)).length, count * chunk.length);
});

function pinged(transport: EngineTransport): Promise<number> {
  return new Promise((resolve, reject) => {
    transport.ping({
      timeoutMs: 600_000,
      onEnd: (failure, status) => {
        if (failure === undefined) resolve(status);
        else reject(failure);
      },
    });
  });
}

void t.test('ping() takes what it heard before, and looks into everything else', async (t) => {
  const ok = (date: string): string =>
    `HTTP/1.1 200 OK\r\nDate: ${date}\r\nContent-Length: 2\r\nServer: Docker\r\n\r\nOK`;
  const first = ok('Mon, 23 Nov 2026 03:43:18 GMT');
  const later = ok('Tue, 24 Nov 2026 13:33:59 GMT');
  const failed = first.replace('200 OK', '500 No');
  const { transport, requests, connections } = await serveRaw(t, [
    [first],
    [later],
    [later.slice(0, 40), later.slice(40)],
    [failed],
    [first],
    [first.replace('Docker', 'Dockor')],
  ]);
  const statuses: number[] = [];
  for (let at = 0; at < 6; at += 1) statuses.push(await pinged(transport));
  t.same(statuses, [200, 200, 200, 500, 200, 200]);
  t.equal(connections(), 1);
  t.equal(new Set(requests).size, 1);
});

void t.test('ping() is not deceived by what looks like an answer that it heard before', async (t) => {
  const ok = 'HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 03:43:18 GMT\r\nContent-Length: 2\r\n\r\nOK';
  for (const [answer, expected] of [
    // As long, and the same but for the date, in which the head ends.
    [ok.replace('Mon, 23 Nov 2026 03:43', 'x\r\nContent-Length: 9\r\n'), /a header without name/],
    [ok.replace('Mon, 23 Nov', 'Mon\r\n\r\nNov').replace('200', '503'), /^503$/],
    [ok.slice(0, -1), /other side closed/],
  ] as const) {
    let asked = 0;
    const server = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () => {
        asked += 1;
        if (asked === 1) socket.write(ok);
        else socket.end(answer);
      });
    });
    const transport = await transportTo(t, server);
    t.equal(await pinged(transport), 200);
    const outcome = await pinged(transport).then(String, (error: unknown) => String((error as Error).cause));
    t.match(outcome, expected, JSON.stringify(answer));
  }
});

void t.test('ping() tells that it is late, and still takes the answer or gives it up', async (t) => {
  for (const isAnswered of [true, false]) {
    const held: net.Socket[] = [];
    const server = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () => held.push(socket));
    });
    const transport = await transportTo(t, server);
    const timers: { readonly delayMs: number; readonly callback: () => void }[] = [];
    const told: string[] = [];
    transport.ping({
      timeoutMs: 4_500,
      late: { afterMs: 1_500, onLate: () => void told.push('late') },
      setTimer: (delayMs, callback) => {
        timers.push({ delayMs, callback });
        return () => void told.push('cancelled');
      },
      onEnd: (failure, status) => void told.push(failure?.message ?? String(status)),
    });
    await until(() => held.length === 1);
    timers[0]?.callback();
    await until(() => told.length === 1);
    t.same(
      timers.map(({ delayMs }) => delayMs),
      [1_500, 3_000],
    );
    if (isAnswered) held[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK');
    else timers[1]?.callback();
    await until(() => told.length === 3);
    t.same(told.slice(0, 2), ['late', 'cancelled']);
    if (isAnswered) t.equal(told[2], '200');
    else t.match(told[2], /^Cannot ping engine .*: no answer after 4.5 seconds$/);
  }
});

void t.test('requestBytes() waits for a connection where there may be no more', async (t) => {
  const answer = ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na'];
  const { transport, requests, connections } = await serveRaw(t, [answer, answer, answer, answer], {
    most: 1,
  });
  const leaves = new AbortController();
  const asked = [1, 2, 3].map((number) => transport.requestBytes({ ...ask, path: `/${number}` }));
  const left = transport.requestBytes({ ...ask, path: '/left', signal: leaves.signal });
  const refused = transport.requestBytes({ ...ask, path: '/bad', headers: { 'X-Bad': 'a\nb' } });
  const last = transport.requestBytes({ ...ask, path: '/4' });
  leaves.abort(new Error('it left'));
  await t.rejects(left, { message: 'it left' });
  await t.rejects(refused);
  t.same(
    (await Promise.all([...asked, last])).map(({ status }) => status),
    [200, 200, 200, 200],
  );
  t.same(
    requests.map((request) => request.split(' ')[1]),
    ['/1', '/2', '/3', '/4'],
    'in the order in which they came, and none that left meanwhile',
  );
  t.equal(connections(), 2, 'what cannot be written costs its connection');
});

void t.test('requestBytes() gives the next request a new connection when one broke', async (t) => {
  const answer = ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\na'];
  const { transport, connections } = await serveRaw(t, [['nonsense\r\n\r\n'], answer, answer], { most: 1 });
  const asked = await Promise.allSettled([1, 2, 3].map(() => transport.requestBytes(ask)));
  t.same(
    asked.map(({ status }) => status),
    ['rejected', 'fulfilled', 'fulfilled'],
  );
  t.equal(connections(), 3);
});

void t.test('close() ends requests that wait for a connection', async (t) => {
  const { transport } = await serveRaw(t, [[]], { most: 1 });
  const asked = [1, 2].map(() => transport.requestBytes(ask));
  const ended = Promise.allSettled(asked);
  await transport.close();
  t.same(
    (await ended).map(({ status }) => status),
    ['rejected', 'rejected'],
  );
});
