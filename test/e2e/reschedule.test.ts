// Containers of lost engines, for real: power cut, network cut, return, a manager killed in between, a node drained.
// The walk: `db` and `web` share a network, `db` has a volume, `fixed` has no policy; all three start on one node.
//   power cut    → db and web run on another node, together, under their names, with network, alias and swarm ID
//   power back   → the copies that dockerd started again go; the volume and `fixed` stay, the empty network goes
//   network cut  → the manager is killed while it waits; the next one knows the containers from its state directory
//   network back → the copies that ran on all the time go
//   drain        → web moves gracefully; db stays with its data
//   removal      → what is removed while its engine has no power goes there when it is back, over a kill of the manager
//   two cuts     → cut off from two of three engines, the manager holds until one is back
//   kill         → creates under way leave no name twice
//   two managers → one name asked of both at once is given once
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { vethName } from '../../controller/machine/kernel-names.js';
import { dockerOn, testDirectory } from '../support/cluster.js';
import { importBusybox, startEngines, type TestEngine } from '../support/engines.js';
import { run, start, swarmProgram, waitUntil, type Background, type RunResult } from '../support/programs.js';

t.setTimeout(400_000);

const { engines, machines, set } = await startEngines(t, { count: 3 });
await Promise.all(engines.map((engine) => importBusybox(engine)));
const directory = await testDirectory(t);
const socket = path.join(directory, 'manager.sock');
const otherSocket = path.join(directory, 'other.sock');
const logFile = path.join(directory, 'manager.log');
let manager: Background | undefined;
t.teardown(async () => {
  await manager?.stop('SIGKILL');
});

async function startManager(): Promise<void> {
  manager = await manage({ listen: socket, state: 'state', logFile });
}

async function manage(
  options: {
    readonly listen: string;
    readonly state: string;
    readonly logFile: string;
  },
  further: readonly string[] = [],
): Promise<Background> {
  const [first] = engines;
  if (first === undefined) throw new Error('no engine');
  const { caFile, certFile, keyFile } = first.tls;
  return start(
    process.execPath,
    [
      swarmProgram,
      'manage',
      ...['-H', `unix://${options.listen}`, '--state-dir', path.join(directory, options.state)],
      ...['--engine-tlscacert', caFile, '--engine-tlscert', certFile, '--engine-tlskey', keyFile],
      ...['--engine-failure-retry', '2', '--cluster-opt', 'swarm.rescheduledelay=3s'],
      ...further,
      `nodes://${engines.map(({ hostPort }) => hostPort).join(',')}`,
    ],
    { logFile: options.logFile },
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

t.test('what is removed while its engine has no power is removed there when it is back', async (t) => {
  const away = await idleEngine();
  const create = ['-v', '/anonymous', '-e', `constraint:node==${away.name}`, 'busybox', 'sleep', '100000'];
  await ok('run', '-d', '--name', 'owed', ...create);
  t.ok((await namesOn(away)).includes('owed'));
  await machines.stop([away.name], { graceMs: 0 });
  await waitUntil('the manager has noticed', async () =>
    (await ok('info', '--format', '{{json .SystemStatus}}')).includes('Unhealthy'),
  );
  t.match((await docker('rm', 'owed')).stderr, /owed/, 'only by force');
  await ok('rm', '-f', 'owed');
  await manager?.stop('SIGKILL');
  await startManager();
  const all = await waitUntil('the next manager lists what is up', async () => {
    const names = await ok('ps', '-a', '--format', '{{.Names}}');
    return names.includes('db') && names;
  });
  t.notMatch(all, 'owed');
  await machines.start([away.name]);
  await waitUntil('the debt is paid', async () => !(await namesOn(away)).includes('owed'), {
    timeoutMs: 60_000,
  });
  await waitUntil('all are healthy', areHealthy, { timeoutMs: 60_000 });
});

t.test(
  'a manager that is cut off from most engines moves nothing until enough of them are back',
  async (t) => {
    await ok('node', 'update', '--availability', 'active', home.name);
    const webHome = await engineOf('web');
    const idle = engines.find(({ name }) => name !== home.name && name !== webHome.name);
    if (idle === undefined) throw new Error('db and web are on two of three engines');
    const link = (engine: TestEngine, state: 'up' | 'down'): Promise<RunResult> =>
      run('ip', ['link', 'set', vethName(set, engine.name), state]);
    const warnings = async (): Promise<string> => (await docker('info')).stderr;
    // First the one from which nothing can move: when the second is noticed, it is one too many at once.
    await link(idle, 'down');
    await waitUntil('the first cut is noticed', async () =>
      (await ok('info', '--format', '{{json .SystemStatus}}')).includes('Unhealthy'),
    );
    await link(home, 'down');
    await waitUntil('it holds', async () => (await warnings()).includes('Rescheduling is held'), {
      timeoutMs: 60_000,
    });
    t.match(await warnings(), /2 of 3 engines do not answer/);
    t.notOk((await namesOn(webHome)).includes('db'), 'nothing is made on what is left');

    await link(idle, 'up');
    const next = await movedFrom('db', home);
    t.notMatch(await warnings(), 'Rescheduling is held');
    await link(home, 'up');
    await waitUntil('the stale copy is gone', async () => !(await namesOn(home)).includes('db'), {
      timeoutMs: 60_000,
    });
    await waitUntil('all are healthy', areHealthy, { timeoutMs: 60_000 });
    home = next;
  },
);

t.test('creates under way when the manager is killed leave each name at most once, and listed', async (t) => {
  const names = Array.from({ length: 4 }, (_, index) => `cut-${index}`);
  const creating = Promise.all(names.map((name) => docker('create', '--name', name, 'busybox', 'true')));
  const seen = async (): Promise<readonly string[]> =>
    (await Promise.all(engines.map(namesOn))).flat().filter((name) => name.startsWith('cut-'));
  await waitUntil('one has reached its engine', async () => (await seen()).length > 0, { everyMs: 5 });
  await manager?.stop('SIGKILL');
  const answers = await creating;
  await startManager();
  await waitUntil('the next manager knows all engines', async () => {
    const { code, stdout } = await docker('info', '--format', '{{json .SystemStatus}}');
    return code === 0 && stdout.match(/"Healthy"/g)?.length === engines.length;
  });
  const listed = async (): Promise<readonly string[]> =>
    (await ok('ps', '-a', '--format', '{{.Names}}'))
      .split('\n')
      .map((name) => name.replace(/^.*\//, ''))
      .filter((name) => name.startsWith('cut-'));
  await waitUntil('what engines have made is listed', async () => {
    const [known, made] = [await listed(), await seen()];
    return [...known].sort().join() === [...made].sort().join();
  });
  const known = await listed();
  for (const [index, name] of names.entries()) {
    if (answers[index]?.code === 0) t.ok(known.includes(name), 'what a client was told of is there');
    const again = await docker('create', '--name', name, 'busybox', 'true');
    if (known.includes(name)) t.not(again.code, 0, 'what is there is not made again');
    if (again.code !== 0) t.match(again.stderr, new RegExp(`"/${name}" is already in use by container`));
  }
  t.same([...(await seen())].sort(), names);
  await ok('rm', ...names);
});

t.test('two managers give one name to one client, and the engines have it once', async (t) => {
  const managers = path.join(directory, 'managers.json');
  await writeFile(managers, JSON.stringify({ '*': { managers: 2 } }));
  await manager?.stop('SIGKILL');
  manager = await manage({ listen: socket, state: 'state', logFile }, ['--engine-tls-file', managers]);
  const otherLog = path.join(directory, 'other.log');
  const other = await manage({ listen: otherSocket, state: 'other', logFile: otherLog }, [
    '--engine-tls-file',
    managers,
  ]);
  t.teardown(async () => {
    await other.stop('SIGKILL');
  });
  const at = (listen: string, ...args: readonly string[]): Promise<RunResult> =>
    run('/usr/bin/docker', ['-H', `unix://${listen}`, ...args]);
  const sockets = [socket, otherSocket];
  await waitUntil('both know all engines', async () => {
    const states = await Promise.all(
      sockets.map((one) => at(one, 'info', '--format', '{{json .SystemStatus}}')),
    );
    return states.every(({ stdout }) => stdout.match(/"Healthy"/g)?.length === engines.length);
  });
  for (const name of ['twin-0', 'twin-1', 'twin-2', 'twin-3']) {
    const answers = await Promise.all(
      sockets.map((one) => at(one, 'create', '--name', name, 'busybox', 'true')),
    );
    t.same(answers.map(({ code }) => code).sort(), [0, 1], `${name} is given once`);
    t.match(answers.map(({ stderr }) => stderr).join(''), /The container name "\/twin-\d" is already in use/);
    const holders = (await Promise.all(engines.map(namesOn))).flat().filter((one) => one === name);
    t.same(holders, [name]);
  }
});

async function areHealthy(): Promise<boolean> {
  const status = await ok('info', '--format', '{{json .SystemStatus}}');
  return status.match(/"Healthy"/g)?.length === engines.length;
}

/** The one of the three that has neither db nor web. */
async function idleEngine(): Promise<TestEngine> {
  const webHome = await engineOf('web');
  const idle = engines.find(({ name }) => name !== home.name && name !== webHome.name);
  if (idle === undefined || webHome === home) throw new Error('db and web are on one engine');
  return idle;
}
