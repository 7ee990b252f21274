// Tests swarmctl simulate: the processes it starts, what they serve over TCP and TLS, and that they end with it.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../../../controller/base/clock.js';
import { parseHostPort } from '../../../controller/api/engine-address.js';
import type { EngineTls } from '../../../controller/engine/endpoint.js';
import { EngineTransport } from '../../../controller/engine/transport.js';
import { SimulatedEngines } from '../../../cmd/swarmctl/wire/simulated-fleet.js';
import { freePort } from '../../support/free-port.js';
import { until } from '../../support/until.js';
import { aPool } from '../../support/pooled-engines.js';
import { runSwarmctl, type CommandResult } from '../../support/run-swarmctl.js';

/** Starts the command and waits for what it prints. @returns its output and how to stop it */
async function simulate(
  t: Test,
  args: readonly string[],
): Promise<{ directory: string; printed: string; stop: () => Promise<CommandResult> }> {
  const directory = await mkdtemp(path.join(tmpdir(), 'swtest-simulate-'));
  const stopping = new AbortController();
  let printed = '';
  const running = runSwarmctl(
    ['simulate', '--port', String(await freePort()), '--directory', directory, ...args],
    {
      stateDirectory: directory,
      clock: systemClock,
      signal: stopping.signal,
      onOutput: (text) => (printed += text),
    },
  );
  const stop = (): Promise<CommandResult> => {
    stopping.abort();
    return running;
  };
  t.teardown(async () => {
    await stop();
    await rm(directory, { recursive: true, force: true });
  });
  await Promise.race([running, until(() => printed.includes('Ctrl-C'))]);
  return { directory, printed, stop };
}

async function readNodes(directory: string): Promise<readonly string[]> {
  return (await readFile(path.join(directory, 'nodes'), 'utf8')).trim().split('\n');
}

void t.test('simulate serves engines that a pool takes for real ones', async (t) => {
  const { directory, printed, stop } = await simulate(t, [
    '--engines',
    '3',
    '--containers',
    '4',
    '--churn',
    '50',
  ]);
  const nodes = await readNodes(directory);
  t.equal(nodes.length, 3);
  t.match(printed, /Simulating 3 engines with 4 containers each, plain\n/);
  t.ok(printed.includes(`swarm manage -H 127.0.0.1:3375 file://${directory}/nodes`));
  const { pool, events } = aPool(t);
  pool.setAddresses(nodes);
  await until(() => pool.engines().every(({ state }) => state === 'healthy'));
  t.same(
    pool.engines().map(({ name }) => name),
    ['sim-0', 'sim-1', 'sim-2'],
  );
  t.equal(pool.containers().length, 12);
  const images = pool.images().map(({ id, summary }) => `${id} ${String(summary['Created'])}`);
  t.equal(images.length, 3 * new Set(images).size, 'every engine has the same images');
  t.equal(new Set(pool.containers().flatMap(({ names }) => names)).size, 12);
  await until(() => events.some(({ event }) => event['Action'] === 'die'));
  t.equal((await stop()).code, 0);
  const transport = new EngineTransport({
    endpoint: { name: 'gone', address: parseHostPort(nodes[0] ?? '') ?? { host: '', port: 0 } },
    clock: systemClock,
  });
  t.teardown(() => transport.close());
  await t.rejects(transport.requestJson({ method: 'GET', path: '/_ping' }), { code: 'ENGINE_UNREACHABLE' });
});

void t.test('simulate --tls makes certificates that both sides accept', async (t) => {
  const { directory, printed } = await simulate(t, ['--engines', '2', '--containers', '1', '--tls']);
  t.match(printed, /swarm manage --tlsverify --tlscacert .*\/ca\.pem/);
  const read = (name: string): Promise<string> => readFile(path.join(directory, name), 'utf8');
  const tls: EngineTls = {
    ca: await read('ca.pem'),
    cert: await read('cert.pem'),
    key: await read('key.pem'),
  };
  const { pool } = aPool(t, { tlsFor: () => tls });
  pool.setAddresses(await readNodes(directory));
  await until(() => pool.engines().every(({ state }) => state === 'healthy'));
  t.equal(pool.containers().length, 2);
  const stranger = aPool(t, { tlsFor: () => ({ ca: tls.ca }) });
  stranger.pool.setAddresses(await readNodes(directory));
  await until(() => stranger.pool.engines().every(({ error }) => error !== undefined));
  t.match(stranger.pool.engines()[0]?.error, /certificate/);
});

void t.test(
  'docker run on a simulated engine shows what a short command prints, and ends as it',
  async (t) => {
    const { directory } = await simulate(t, ['--engines', '1', '--containers', '2']);
    const [node] = await readNodes(directory);
    const docker = (...args: readonly string[]): Promise<{ code: number; stdout: string }> =>
      new Promise((resolve) =>
        execFile('docker', ['-H', `tcp://${node ?? ''}`, ...args], (error, stdout) =>
          resolve({ code: Number(error?.code ?? 0), stdout }),
        ),
      );
    t.same(await docker('run', '--rm', 'busybox', 'echo', 'hello', 'there'), {
      code: 0,
      stdout: 'hello there\n',
    });
    t.same(await docker('run', '-t', '--name', 'said', 'busybox', 'echo', 'hi'), { code: 0, stdout: 'hi\n' });
    t.equal((await docker('run', '--rm', 'busybox', 'false')).code, 1);
    t.same((await docker('ps', '-a', '--format', '{{.Names}}')).stdout.match(/^said$/m)?.length, 1);
    t.match((await docker('system', 'df')).stdout, /Containers +3 +2 /);
  },
);

void t.test('simulate says which value it cannot use', async (t) => {
  for (const [flag, value] of [
    ['--engines', '0'],
    ['--containers', 'many'],
    ['--port', '70000'],
    ['--latency', '-1s'],
  ] as const) {
    const { code, stderr } = await runSwarmctl(['simulate', flag, value], { stateDirectory: '/nonexistent' });
    t.equal(code, 2);
    t.match(stderr, new RegExp(`Cannot use ${flag} "${value}"`));
  }
});

void t.test('SimulatedEngines.start() says that an address is taken', async (t) => {
  const options = {
    engines: 2,
    containersPerEngine: 0,
    port: await freePort(),
    latencyMs: 0,
    spread: 'address',
    isOurs: true,
  } as const;
  const first = await SimulatedEngines.start(options, systemClock);
  t.teardown(() => first.close());
  await t.rejects(SimulatedEngines.start(options, systemClock), {
    code: 'LISTEN_FAILED',
    message: /Cannot listen on "127\.77\.0\.1:\d+": /,
  });
  t.match(await first.counts(), { requests: 0, connections: 0, events: 0 });
});
