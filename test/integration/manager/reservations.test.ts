// Reservations on a real engine: what docker update changes survives the manager, and classic CPU shares are CPUs.
import http from 'node:http';
import t from 'tap';
import { objectAt, stringAt } from '../../../controller/base/json.js';
import { importBusybox, startEngines } from '../../support/engines.js';
import { startManager, type StartedManager } from '../../support/manager-cluster.js';

t.setTimeout(120_000);

const { engines } = await startEngines(t, { count: 1 });
const [engine] = engines;
if (engine === undefined) throw new Error('no engine');
await importBusybox(engine);
const start = (): Promise<StartedManager> =>
  startManager(t, {
    addresses: [engine.hostPort],
    tlsFor: () => engine.endpoint.tls,
    settings: { cpuShares: 'classic' },
  });

function call(port: number, path: string, body?: unknown): Promise<{ status: number; value: unknown }> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json' };
    const method = body === undefined ? 'GET' : 'POST';
    const request = http.request({ port, method, path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, value: JSON.parse(text) as unknown }),
      );
    });
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

void t.test('an update is counted at once, and by the next manager', async (t) => {
  const { port, pool } = await start();
  const mebibyte = 1024 ** 2;
  const hostConfig = {
    Memory: 64 * mebibyte,
    CpuShares: 1,
    PortBindings: { '80/tcp': [{ HostPort: '80' }] },
  };
  const created = await call(port, '/containers/create?name=web', {
    Image: 'busybox',
    Cmd: ['true'],
    HostConfig: hostConfig,
  });
  t.equal(created.status, 201, JSON.stringify(created.value));
  const cpus = pool.engines()[0]?.specs?.cpus ?? 0;
  const inspected = objectAt((await call(port, '/containers/web/json')).value, 'HostConfig');
  t.equal(inspected['CpuShares'], Math.ceil(1024 / cpus), 'one CPU in the shares of the engine');
  const reserved = (from: StartedManager['pool']): readonly unknown[] =>
    from
      .containers()
      .map(({ memoryBytes, cpus: own }) => [memoryBytes / mebibyte, Math.round(own * 100) / 100]);
  t.same(reserved(pool), [[64, 1]]);
  const updated = await call(port, '/containers/web/update', { Memory: 128 * mebibyte, MemorySwap: -1 });
  t.equal(updated.status, 200, JSON.stringify(updated.value));
  t.same(reserved(pool), [[128, 1]], 'before the answer comes');
  const refused = await call(port, '/containers/web/update', { Memory: 1e15, MemorySwap: -1 });
  t.equal(refused.status, 500);
  t.match(
    stringAt(refused.value, 'message'),
    /^no resources available to schedule container\nengine "node0" has less than/,
  );

  const next = await start();
  const deadline = Date.now() + 60_000;
  while (next.pool.containers()[0]?.memoryBytes !== 128 * mebibyte) {
    if (Date.now() > deadline)
      throw new Error(`the next manager counts ${JSON.stringify(reserved(next.pool))}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  t.match(next.pool.containers()[0]?.claims, { PortBindings: { '80/tcp': [{ HostPort: '80' }] } });
});
