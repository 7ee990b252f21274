// listEntries() over real connections: what a token service may answer or not, and where those of a cluster are.
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { systemClock } from '../../../controller/base/clock.js';
import { SwarmError } from '../../../controller/base/errors.js';
import { openDiscovery } from '../../../controller/discovery/open-backend.js';
import { listEntries, tokenServicesOf } from '../../../controller/reconcile/token-services.js';
import { resolvedNodes } from '../../support/desired-worlds.js';
import { FakeClock } from '../../support/fake-clock.js';
import { aCluster } from '../../support/resource-builders.js';

const token = '0123456789abcdef0123456789abcdef';

async function serve(t: Test, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return `127.0.0.1:${port}`;
}

function place(endpoint: string) {
  const cluster = aCluster({ discovery: { endpoints: [endpoint] }, tls: { mode: 'disabled' } });
  const [found] = tokenServicesOf(cluster, []);
  const url = found?.url(token);
  if (url === undefined) throw new Error('no service');
  return url;
}

const ask = (url: string, clock = systemClock, signal = new AbortController().signal) =>
  listEntries(url, {
    ...{ outside: { openDiscovery }, clock, signal },
    directory: '/nonexistent',
    random: () => 0,
  });

t.test('listEntries() lists who has a lease', async (t) => {
  const endpoint = await serve(t, (request, response) => {
    t.equal(request.url, `/v1/clusters/${token}`);
    response.end('["10.0.0.1:2376"]');
  });
  t.same(await ask(place(endpoint)), ['10.0.0.1:2376']);
});

const wrongs: readonly [string, RequestListener, RegExp][] = [
  ['an error', (_request, response) => response.writeHead(500).end(), /returned 500 HTTP/],
  ['that it knows no such token', (_request, response) => response.writeHead(404).end(), /returned 404 HTTP/],
  ['something else than a list', (_request, response) => response.end('<html>'), /Failed to decode/],
  [
    'half an answer',
    (_request, response) => response.write('[') && response.destroy(),
    /Cannot reach discovery/,
  ],
];
for (const [what, answer, message] of wrongs) {
  t.test(`listEntries() fails when a service says ${what}`, async (t) => {
    const url = place(await serve(t, answer));
    await t.rejects(ask(url), { code: 'DISCOVERY_FAILED', message });
  });
}

t.test('listEntries() gives a service up that takes the question and says nothing', async (t) => {
  const clock = new FakeClock();
  let isAsked = (): void => undefined;
  const asked = new Promise<void>((resolve) => (isAsked = resolve));
  const url = place(await serve(t, () => isAsked()));
  const entries = ask(url, clock);
  const outcome = t.rejects(entries, { code: 'DISCOVERY_FAILED', message: /no answer in 5 s/ });
  await asked;
  await clock.advance(5000);
  await outcome;
  t.equal(clock.pendingTimers, 0);
});

t.test('listEntries() ends when nobody wants the answer any more', async (t) => {
  const over = new AbortController();
  const url = place(await serve(t, () => over.abort(new SwarmError('ABORTED', 'over'))));
  await t.rejects(ask(url, systemClock, over.signal), /over/);
});

t.test('tokenServicesOf() names the services of ours, those of others, and none of a list', (t) => {
  const nodes = resolvedNodes(2, 1);
  const own = tokenServicesOf(aCluster(), nodes);
  t.same(
    own.map(({ name, node }) => [name, node?.name]),
    nodes.slice(0, 2).map(({ name, address }) => [`${address?.host ?? ''}:3377`, name]),
  );
  t.same(
    own.map(({ url }) => url(token)),
    nodes.slice(0, 2).map(({ address }) => `token://${address?.host ?? ''}:3377/${token}`),
    'each alone',
  );
  const two = tokenServicesOf(aCluster({ discovery: { endpoints: ['a:1', 'b:2'] } }), nodes);
  t.same(
    two.map(({ name, node, url }) => [name, node, url(token)]),
    [
      ['a:1', undefined, `token://a:1/${token}`],
      ['b:2', undefined, `token://b:2/${token}`],
    ],
  );
  t.same(tokenServicesOf(aCluster({ discovery: { backend: 'nodes' } }), nodes), []);
  t.end();
});
