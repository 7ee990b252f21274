// checkManager() over real connections: what a manager may answer, and that every answer becomes a view.
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { systemClock } from '../../../controller/base/clock.js';
import { checkManager } from '../../../controller/reconcile/check-manager.js';

async function ask(t: Test, answer: RequestListener) {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return view(port);
}

const view = (port: number) =>
  checkManager({
    node: 'node0',
    address: { host: '127.0.0.1', port },
    tls: undefined,
    clock: systemClock,
    signal: new AbortController().signal,
  });

t.test('checkManager() reads the engines a manager lists', async (t) => {
  const rows = [
    [' node1', '10.0.0.1:2376'],
    ['  └ Status', 'Healthy'],
  ];
  const serving = await ask(t, (request, response) => {
    t.equal(request.url, '/v1.24/info');
    response.end(JSON.stringify({ SystemStatus: rows }));
  });
  if (serving.type !== 'serving') throw serving.error;
  t.same([...serving.engines], [['10.0.0.1:2376', { name: 'node1', status: 'Healthy', error: '' }]]);
});

const silences: readonly [string, RequestListener, RegExp][] = [
  ['an error', (_request, response) => response.writeHead(503).end(), /it answered 503/],
  ['a redirect', (_request, response) => response.writeHead(302, { Location: '/' }).end(), /it answered 302/],
  ['something else than JSON', (_request, response) => response.end('<html>'), /not JSON/],
  [
    'an answer without end',
    (_request, response) => {
      const chunk = Buffer.alloc(2 ** 20, 32);
      const more = (): void => {
        if (!response.destroyed) response.write(chunk, more);
      };
      more();
    },
    /has no end/,
  ],
  ['half an answer', (_request, response) => response.write('{') && response.destroy(), /manager on node0/],
];
for (const [what, answer, message] of silences) {
  t.test(`checkManager() calls a manager silent that gives ${what}`, async (t) => {
    const silent = await ask(t, answer);
    if (silent.type !== 'silent') throw new Error('it was taken for an answer');
    t.match(silent.error.message, message);
  });
}

t.test('checkManager() says that nothing listens there', async (t) => {
  const silent = await view(1);
  if (silent.type !== 'silent') throw new Error('it was taken for an answer');
  t.equal(silent.error.code, 'ENGINE_UNREACHABLE');
  t.match(silent.error.message, /127\.0\.0\.1:1: connection refused/);
});
