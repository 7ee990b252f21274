// Engines that stall, break off or vanish in the middle of an answer: who waits gets an error in time, who may wait waits.
import type net from 'node:net';
import t from 'tap';
import { FakeEngine } from '../../support/fake-engine.js';
import { callManager } from '../../support/fake-manager.js';
import { startFaultProxy, type FaultProxy } from '../../support/fault-proxy.js';
import { startManager, waitForState, type StartedManager } from '../../support/manager-cluster.js';
import { connectRaw, readToEnd, requestText, sendRaw } from '../../support/raw-http.js';

t.setTimeout(120_000);

interface Disturbed extends StartedManager {
  readonly engine: FakeEngine;
  readonly proxy: FaultProxy;
  /** ID of the container `web`. */
  readonly id: string;
}

async function startDisturbed(t: Parameters<typeof startManager>[0]): Promise<Disturbed> {
  const engine = await FakeEngine.start({ name: 'n1' });
  t.teardown(() => engine.close());
  const container = engine.addContainer({ name: 'web' });
  const proxy = await startFaultProxy(t, engine.port);
  const manager = await startManager(t, { addresses: [proxy.address] });
  return { ...manager, engine, proxy, id: container.Id };
}

const head = (more: string, status = '200 OK'): string =>
  `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\n${more}\r\n`;

/** Begins an answer of this length and says no more. */
const stalling =
  (length: number, begin: string, status?: string) =>
  (socket: net.Socket): void =>
    void socket.write(head(`Content-Length: ${length}\r\n`, status) + begin);

void t.test('an answer that stands still is given up, a stream that is silent is not', async (t) => {
  const { proxy, port } = await startDisturbed(t);
  let talk: ((text: string) => void) | undefined;
  proxy.disturb = (_method, path) => {
    if (path.endsWith('/logs'))
      return (socket) => {
        socket.write(head('Transfer-Encoding: chunked\r\n'));
        talk = (text) => void socket.write(`${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`);
      };
    if (/\/(json|top|rename|df)$/.test(path)) return stalling(1000, '{"Id":');
    if (path.endsWith('/changes')) return stalling(1000, '[');
    if (path.endsWith('/attach')) return stalling(1000, 'No such', '404 Not Found');
    return undefined;
  };
  const logs = callManager(port, { method: 'GET', path: '/containers/web/logs?stdout=1&follow=1' });
  const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\n';
  const [inspect, rename, df, top, changes, attach] = await Promise.all([
    callManager(port, { method: 'GET', path: '/containers/web/json' }),
    callManager(port, { method: 'POST', path: '/containers/web/rename?name=other' }),
    callManager(port, { method: 'GET', path: '/system/df' }),
    sendRaw({ port }, requestText('GET', '/containers/web/top'), { toEnd: true }),
    sendRaw({ port }, requestText('GET', '/containers/web/changes'), { toEnd: true }),
    sendRaw({ port }, requestText('POST', '/containers/web/attach', { headers: upgrade }), { toEnd: true }),
  ]);
  for (const answer of [inspect, rename, df]) {
    t.match(answer, { status: 504, json: { message: /it stopped in the middle of its answer/ } });
  }
  for (const answer of [top, changes]) {
    t.ok(answer.body.length < 1000 && answer.isClosed, 'what was begun is cut, not completed');
  }
  t.ok(attach.isClosed && attach.status >= 400, `attach is refused: ${attach.status}`);
  talk?.('at last');
  t.match(await logs, { status: 200, text: 'at last' }, 'half a minute of silence did not end the stream');
});

void t.test('a stream that its engine breaks off ends with an error for the client', async (t) => {
  const { proxy, port } = await startDisturbed(t);
  const tunnels: net.Socket[] = [];
  proxy.disturb = (method, path) => {
    if (path.endsWith('/export')) return stalling(100_000, 'begin of a tar');
    if (path.endsWith('/logs'))
      return (socket) => void socket.write(`${head('Transfer-Encoding: chunked\r\n')}5\r\nhello\r\n`);
    if (method === 'POST' && path.endsWith('/attach'))
      return (socket) => {
        tunnels.push(socket);
        socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello');
      };
    return undefined;
  };
  const begin = async (text: string): Promise<{ socket: net.Socket; ended: Promise<string> }> => {
    const socket = connectRaw({ port });
    let received = '';
    const ended = new Promise<string>((resolve) => socket.on('close', () => resolve(received)));
    socket.on('error', (error: NodeJS.ErrnoException) => (received += `(${error.code ?? ''})`));
    socket.on('end', () => (received += '(end)')).on('end', () => socket.destroy());
    socket.write(text);
    await new Promise<void>((resolve) =>
      socket.setEncoding('latin1').on('data', (chunk: string) => {
        received += chunk;
        if (/hello|begin/.test(received)) resolve();
      }),
    );
    return { socket, ended };
  };
  const logs = await begin(requestText('GET', '/containers/web/logs?stdout=1&follow=1'));
  const download = await begin(requestText('GET', '/containers/web/export'));
  const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\n';
  const attach = await begin(requestText('POST', '/containers/web/attach', { headers: upgrade }));
  proxy.cut();
  t.match(await logs.ended, /hello\r\n(\(end\)|\(ECONNRESET\))$/, 'no last chunk');
  t.match(await download.ended, /begin of a tar(\(end\)|\(ECONNRESET\))$/, 'fewer bytes than announced');
  t.match(await attach.ended, /hello\(ECONNRESET\)$/, 'a tunnel is reset');
});

void t.test('a client that leaves ends its request at the engine', async (t) => {
  const { proxy, port } = await startDisturbed(t);
  const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\n';
  const rows: readonly [name: string, request: string, answer: string][] = [
    [
      'logs',
      requestText('GET', '/containers/web/logs?stdout=1&follow=1'),
      head('Transfer-Encoding: chunked\r\n'),
    ],
    ['stats', requestText('GET', '/containers/web/stats'), head('Transfer-Encoding: chunked\r\n')],
    ['export', requestText('GET', '/containers/web/export'), head('Content-Length: 1000\r\n')],
    ['wait', requestText('POST', '/containers/web/wait'), head('Transfer-Encoding: chunked\r\n')],
    [
      'attach',
      requestText('POST', '/containers/web/attach', { headers: upgrade }),
      'HTTP/1.1 101 UPGRADED\r\n\r\n',
    ],
    ['before an answer', requestText('GET', '/containers/web/archive?path=/'), ''],
  ];
  for (const [name, request, answer] of rows) {
    const left = new Promise<void>((resolve) => {
      proxy.disturb = (_method, path) =>
        path.includes('/containers/')
          ? (socket) => {
              socket.once('close', () => resolve());
              if (answer === '') client.destroy();
              else socket.write(answer);
            }
          : undefined;
    });
    const client = connectRaw({ port });
    client.on('data', () => client.destroy());
    client.write(request);
    await left;
    t.pass(`${name}: the engine's connection is closed`);
  }
});

void t.test('waitContainer() goes on waiting when the engine comes back', async (t) => {
  const { proxy, port, engine, id, pool } = await startDisturbed(t);
  const breakOff = async (path: string, whileAway: () => void): Promise<unknown> => {
    let waits = 0;
    const begun = new Promise<void>((resolve) => {
      proxy.disturb = (_method, target) => {
        if (!target.endsWith('/wait')) return undefined;
        waits += 1;
        return (socket) => {
          // The proxy takes nothing more on a connection whose answer it wrote itself.
          socket.write(head('Connection: close\r\nTransfer-Encoding: chunked\r\n'));
          if (waits === 1) resolve();
          else socket.write('11\r\n{"StatusCode":7}\n\r\n0\r\n\r\n');
        };
      };
    });
    const answer = callManager(port, { method: 'POST', path });
    await begun;
    proxy.isDown = true;
    proxy.cut();
    await waitForState(pool, { state: 'unhealthy', count: 1 });
    whileAway();
    proxy.isDown = false;
    return (await answer).json;
  };
  t.same(
    await breakOff('/containers/web/wait', () => undefined),
    { StatusCode: 7 },
    'it still ran: the engine was asked again',
  );
  await waitForState(pool, { state: 'healthy', count: 1 });
  const ends = (): void => {
    const container = engine.containers.get(id);
    if (container === undefined) throw new Error('the container was added');
    container.status = 'exited';
    container.exitCode = 3;
  };
  t.same(await breakOff('/containers/web/wait', ends), { StatusCode: 3 }, 'it ended meanwhile');
});

void t.test('an engine that refuses an upload is heard, however much is still to come', async (t) => {
  const { proxy, port } = await startDisturbed(t);
  const refusal =
    `${head('Content-Length: 20\r\nConnection: close\r\n', '507 Insufficient Storage')}{"message":"no room"}`.slice(
      0,
      -1,
    );
  const rows: readonly [name: string, begin: string][] = [
    ['before the first byte', ''],
    ['in the middle', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ];
  for (const [name, begin] of rows) {
    proxy.disturb = (method) =>
      method === 'PUT'
        ? (socket) => {
            if (begin === '') {
              socket.end(refusal);
              return;
            }
            socket.write(begin);
            socket.once('data', () => socket.end(refusal));
          }
        : undefined;
    const client = connectRaw({ port });
    const text = readToEnd(client);
    client.write(
      'PUT /containers/web/archive?path=/ HTTP/1.1\r\nHost: test\r\nContent-Type: application/x-tar\r\nContent-Length: 50000000\r\n\r\n',
    );
    client.on('error', () => undefined);
    const block = Buffer.alloc(65_536);
    const pump = (): void => {
      while (!client.destroyed && client.writable && client.write(block));
    };
    client.on('drain', pump);
    pump();
    t.match(await text, /^HTTP\/1\.1 507 [\s\S]*\{"message":"no room"/, name);
    client.destroy();
  }
  t.match(await callManager(port, { method: 'GET', path: '/_ping' }), { status: 200 });
});
