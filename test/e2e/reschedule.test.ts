// Containers of lost engines, for real: power cut, network cut, return, a manager killed in between, a node drained.
// The walk: `db` and `web` share a network, `db` has a volume, `fixed` has no policy; all three start on one node.
//   power cut    → db and web run on another node, together, under their names, with network, alias and swarm ID
//   power back   → the copies that dockerd started again go; the volume and `fixed` stay, the empty network goes
//   network cut  → the manager is killed while it waits; the next one knows the containers from its state directory
//   network back → the copies that ran on all the time go
//   drain        → web moves gracefully; db stays with its data
import path from 'node:path';
import t from 'tap';
import { vethName } from '../../controller/machine/kernel-names.js';
import { dockerOn, testDirectory } from '../support/cluster.js';
import { importBusybox, startEngines, type TestEngine } from '../support/engines.js';
import { run, start, swarmProgram, waitUntil, type Background, type RunResult } from '../support/programs.js';

const { engines, machines, set } = await startEngines(t, { count: 3 });
await Promise.all(engines.map((engine) => importBusybox(engine)));
const directory = await testDirectory(t);
const socket = path.join(directory, 'manager.sock');
const logFile = path.join(directory, 'manager.log');
let manager: Background | undefined;
t.teardown(async () => {
  await manager?.stop('SIGKILL');
});

async function startManager(): Promise<void> {
  const [first] = engines;
  if (first === undefined) throw new Error('no engine');
  const { caFile, certFile, keyFile } = first.tls;
  manager = await start(
    process.execPath,
    [
      swarmProgram,
      'manage',
      ...['-H', `unix://${socket}`, '--state-dir', path.join(directory, 'state')],
      ...['--engine-tlscacert', caFile, '--engine-tlscert', certFile, '--engine-tlskey', keyFile],
      ...['--engine-failure-retry', '2', '--cluster-opt', 'swarm.rescheduledelay=3s'],
      `nodes://${engines.map(({ hostPort }) => hostPort).join(',')}`,
    ],
    { logFile },
  );
}

function docker(...args: readonly string[]): Promise<RunResult> {
  return run('/usr/bin/docker', ['-H', `unix://${socket}`, ...args]);
}

async function ok(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await docker(...args);
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}

const inspect = (name: string, format: string): Promise<string> => ok('inspect', '--format', format, name);

async function engineOf(name: string): Promise<TestEngine> {
  const node = await inspect(name, '{{.Node.Name}}');
  const engine = engines.find((one) => one.name === node);
  if (engine === undefined) throw new Error(`${name} is on "${node}"`);
  return engine;
}

/** Names of an engine's own containers, asked at the engine. */
async function namesOn(engine: TestEngine): Promise<readonly string[]> {
  const { stdout } = await dockerOn(engine, ['ps', '-a', '--format', '{{.Names}}']);
  return stdout.split('\n').filter(Boolean).sort();
}

/** Waits until the container runs on another node. @returns that node, and tells how long it took */
async function movedFrom(name: string, from: TestEngine): Promise<TestEngine> {
  const startedMs = Date.now();
  const engine = await waitUntil(
    `${name} runs elsewhere`,
    async () => {
      const state = await inspect(name, '{{.State.Running}} {{.Node.Name}}');
      return state.startsWith('true') && !state.endsWith(` ${from.name}`) && (await engineOf(name));
    },
    { timeoutMs: 90_000, everyMs: 200 },
  );
  t.comment(`${name}: ${from.name} → ${engine.name} after ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
  return engine;
}

const policy = ['-e', 'reschedule:on-node-failure', '--restart', 'unless-stopped'];
const label = '{{index .Config.Labels "com.docker.swarm.id"}}';
const reachesDatabase = async (): Promise<boolean> =>
  (await ok('exec', 'web', 'sh', '-c', 'echo "GET /proof HTTP/1.0" | nc database 80')).includes('HTTP/1');

let home: TestEngine;
let swarmIds: readonly string[] = [];

t.before(async () => {
  await startManager();
  await waitUntil(
    'the manager sees three nodes',
    async () => (await ok('info', '--format', '{{json .SystemStatus}}')).match(/Healthy/g)?.length === 3,
  );
  await ok('network', 'create', '--subnet', '10.201.7.0/24', 'front');
  await ok(
    ...[
      'run',
      '-d',
      '--name',
      'db',
      '-h',
      'database-host',
      '--network',
      'front',
      '--network-alias',
      'database',
    ],
    ...['--ip', '10.201.7.77', '-v', 'data:/data', '-m', '32m', ...policy],
    ...['busybox', 'sh', '-c', 'echo first > /data/origin; httpd -f'],
  );
  await ok('run', '-d', '--name', 'web', '--network', 'front', ...policy, 'busybox', 'sleep', '100000');
  home = await engineOf('db');
  await ok(
    'run',
    '-d',
    '--name',
    'fixed',
    '-e',
    `constraint:node==${home.name}`,
    'busybox',
    'sleep',
    '100000',
  );
  t.equal((await engineOf('web')).name, home.name, 'what shares a network runs together');
  await waitUntil('the database is reached', reachesDatabase);
  swarmIds = [await inspect('db', label), await inspect('web', label)];
  // A container is saved a moment after its last change.
  await waitUntil('both are saved', async () => {
    const { stdout } = await run('sh', ['-c', `cat ${path.join(directory, 'state/containers')}/*.json`]);
    return stdout.match(/"state":"running"/g)?.length === 2;
  });
});

t.test('a power cut moves what has the policy, with everything it needs', async (t) => {
  await machines.stop([home.name], { graceMs: 0 });
  const next = await movedFrom('db', home);
  t.equal((await movedFrom('web', home)).name, next.name, 'they stay together');
  t.same([await inspect('db', label), await inspect('web', label)], swarmIds, 'the swarm IDs are kept');
  t.equal(
    await inspect('db', '{{.Config.Hostname}} {{.HostConfig.Memory}}'),
    `database-host ${32 * 2 ** 20}`,
  );
  t.equal(
    await inspect('db', '{{(index .NetworkSettings.Networks "front").IPAddress}}'),
    '10.201.7.77',
    'its address is kept',
  );
  await waitUntil('the network and its alias work', reachesDatabase);
  t.same(
    (await ok('ps', '--format', '{{.Names}}'))
      .split('\n')
      .map((name) => name.replace(/^.*\//, ''))
      .sort(),
    ['db', 'fixed', 'web'],
    'each is listed once; the lost one without policy as it was',
  );

  await machines.start([home.name]);
  await waitUntil('the stale copies are gone', async () => (await namesOn(home)).join() === 'fixed', {
    timeoutMs: 60_000,
  });
  t.match((await dockerOn(home, ['volume', 'ls', '-q'])).stdout, /^data$/m, 'the volume stays');
  const origin = ['run', '--rm', '-v', 'data:/data', 'busybox', 'cat', '/data/origin'];
  t.equal((await dockerOn(home, origin)).stdout, 'first\n', 'with what is in it');
  await waitUntil(
    'the empty network is gone',
    async () => !(await dockerOn(home, ['network', 'ls', '--format', '{{.Name}}'])).stdout.includes('front'),
  );
  t.equal((await engineOf('db')).name, next.name);
  home = next;
});

t.test(
  'a network cut moves them too, over the death of the manager, and the return settles it',
  async (t) => {
    const cable = vethName(set, home.name);
    await run('ip', ['link', 'set', cable, 'down']);
    await waitUntil('the manager has noticed', async () =>
      (await ok('info', '--format', '{{json .SystemStatus}}')).includes('Unhealthy'),
    );
    await manager?.stop('SIGKILL');
    await startManager();
    const next = await movedFrom('db', home);
    await movedFrom('web', home);
    await waitUntil('the database is reached', reachesDatabase);
    t.same([await inspect('db', label), await inspect('web', label)], swarmIds);
    t.ok((await namesOn(home)).includes('db'), 'behind the cut the old one runs on');

    await run('ip', ['link', 'set', cable, 'up']);
    await waitUntil(
      'the stale copies are gone',
      async () => !(await namesOn(home)).some((name) => /db|web/.test(name)),
    );
    const holders = await Promise.all(
      engines.map(async (engine) => (await namesOn(engine)).filter((name) => name === 'db')),
    );
    t.equal(holders.flat().length, 1, 'it is there once');
    t.equal((await engineOf('db')).name, next.name);
    await waitUntil('the database is reached', reachesDatabase);
    home = next;
  },
);

t.test('a drained node gives away what may move, and keeps what has its data there', async (t) => {
  await ok('node', 'update', '--availability', 'drain', home.name);
  await movedFrom('web', home);
  await waitUntil('it is gone here', async () => !(await namesOn(home)).includes('web'));
  t.equal((await engineOf('db')).name, home.name);
  const told = await manager?.output();
  t.match(told, /Container \\?"db\\?" is not moved from the draining node: its data is in \\?"data\\?"/);
  t.match(told, /Rescheduled container web from/);
});
