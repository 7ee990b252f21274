// Making and removing machines: nothing is left on the host, whatever happened in between.
import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import t from 'tap';
import { systemClock } from '../../../controller/base/clock.js';
import { bridgeName, cgroupPath } from '../../../controller/machine/kernel-names.js';
import { readHierarchies } from '../../../controller/machine/cgroups.js';
import { LocalMachines } from '../../../controller/machine/machine-store.js';
import { readProcess } from '../../../controller/machine/processes.js';
import { importBusybox, openTestStore, startEngines, withFreeSubnet } from '../../support/engines.js';
import { noTraces, tracesOf } from './traces.js';

const exec = promisify(execFile);

// Engines start in a second or two; a busy machine may need many times that.
t.setTimeout(240_000);

t.test('create() and remove() leave nothing, with containers of every kind running', async (t) => {
  const { engines, machines, set, directory } = await startEngines(t, { count: 2 });
  const [first] = engines;
  if (first === undefined) throw new Error('two engines were asked for');
  await importBusybox(first);
  const docker = ['-H', `unix://${first.socket}`];
  const run = (...args: string[]): Promise<unknown> => exec('docker', [...docker, 'run', '-d', ...args]);
  await run('--name', 'stubborn', 'busybox', 'sh', '-c', "trap '' TERM; while :; do sleep 1000; done");
  await run('--network', 'host', '--pid', 'host', 'busybox', 'sleep', '1000');
  await run('--cgroup-parent', `/swarmctl/${set}/node0/elsewhere`, 'busybox', 'sleep', '1000');
  await run('--name', 'frozen', 'busybox', 'sleep', '1000');
  await exec('docker', [...docker, 'pause', 'frozen']);
  const during = await tracesOf(set, directory);
  for (const kind of [
    'namespaces',
    'links',
    'rules',
    'groups',
    'processes',
    'records',
    'machines',
  ] as const) {
    t.not(during[kind]?.length, 0, `${kind} are there before`);
  }
  t.match(await machines.list(), [
    { name: 'node0', state: 'Running', set },
    { name: 'node1', state: 'Running', set },
  ]);
  await machines.remove(['node1']);
  t.match(
    await machines.list(),
    [{ name: 'node0', state: 'Running' }],
    'the set lives while one machine does',
  );
  await machines.remove(['node0']);
  t.same(await tracesOf(set, directory), noTraces);
});

t.test('two sets live side by side, and removing one does not touch the other', async (t) => {
  const left = await startEngines(t, { count: 1 });
  const right = await startEngines(t, { count: 1 });
  t.not(left.engines[0]?.address.host, right.engines[0]?.address.host);
  await left.machines.remove(['node0']);
  t.same(await tracesOf(left.set, left.directory), noTraces);
  t.match(await right.machines.get('node0'), { state: 'Running' });
  const { stdout } = await exec('docker', [
    '-H',
    `unix://${right.engines[0]?.socket ?? ''}`,
    'version',
    '-f',
    '{{.Server.Version}}',
  ]);
  t.match(stdout, /^\d+\./);
});

t.test('create() refuses what cannot be, before it makes anything', async (t) => {
  const { machines, set, directory } = await openTestStore(t);
  const existing = await startEngines(t, { count: 1 });
  const subnet = existing.engines[0]?.address.host.replace(/\.\d+$/, '.0/24') ?? '';
  await t.rejects(machines.create([{ name: 'a', set, subnet }]), {
    code: 'MACHINE_NETWORK_CONFLICT',
    message: /overlaps that of set "swtest-/,
  });
  await t.rejects(machines.create([{ name: 'a', set, subnet: '127.0.0.0/24' }]), {
    code: 'MACHINE_NETWORK_CONFLICT',
    message: /which this host reaches through lo/,
  });
  await t.rejects(machines.create([{ name: 'a', set, settings: { dockerd: '/nonexistent/dockerd' } }]), {
    code: 'MACHINE_UNSUPPORTED',
    message: /"\/nonexistent\/dockerd" is no program/,
  });
  await t.rejects(existing.machines.create([{ name: 'node0', set: existing.set }]), {
    code: 'MACHINE_EXISTS',
  });
  await t.rejects(machines.create([{ name: 'a', set: existing.set }]), {
    code: 'MACHINE_EXISTS',
    message: /Cannot make set "swtest-[^"]+": machine store "[^"]+" has one of that name/,
  });
  t.same(await tracesOf(set, directory), noTraces);
});

t.test('create() reports why dockerd did not start, and the machine can be removed', async (t) => {
  const { machines, set, directory } = await openTestStore(t);
  const attempt = withFreeSubnet((subnet) =>
    machines.create([{ name: 'bad', set, subnet, settings: { engineArguments: ['--no-such-flag'] } }]),
  );
  await t.rejects(attempt, {
    code: 'MACHINE_FAILED',
    message: /^Cannot start engine "bad": unknown flag: --no-such-flag/,
  });
  t.match(await machines.get('bad'), { state: 'Error', error: /unknown flag/ });
  await machines.remove(['bad']);
  t.same(await tracesOf(set, directory), noTraces);
});

t.test('an engine that is killed is an Error until it is started again', async (t) => {
  const { machines } = await startEngines(t, { count: 1 });
  const { pid } = (await machines.get('node0')) ?? {};
  if (pid === undefined) throw new Error('a running machine has a process');
  process.kill(pid, 'SIGKILL');
  while ((await readProcess(pid)) !== undefined) await new Promise((resolve) => setTimeout(resolve, 10));
  t.match(await machines.get('node0'), { state: 'Error', error: /ended unexpectedly/ });
  await machines.start(['node0']);
  t.match(await machines.get('node0'), { state: 'Running' });
});

t.test('create() with ensure starts what is off and keeps what runs', async (t) => {
  const { machines, set } = await startEngines(t, { count: 2 });
  await machines.stop(['node1'], { graceMs: 0 });
  const before = await machines.get('node0');
  const after = await machines.create(
    ['node0', 'node1', 'node2'].map((name) => ({ name, set })),
    { ensure: true },
  );
  t.match(after, [{ state: 'Running', pid: before?.pid }, { state: 'Running' }, { state: 'Running' }]);
});

t.test('removeSet() ends engines whose files somebody removed', async (t) => {
  const { machines, set, directory } = await startEngines(t, { count: 2 });
  await rm(directory, { recursive: true });
  t.same(await machines.list(), []);
  await machines.removeSet(set);
  t.same(await tracesOf(set, directory), noTraces);
});

t.test('start() makes anew what a reboot or a firewall took from the set', async (t) => {
  const { machines, set, engines } = await startEngines(t, { count: 1 });
  await machines.stop(['node0'], { graceMs: 0 });
  await exec('ip', ['link', 'delete', 'dev', bridgeName(set)]);
  await exec('iptables', ['-D', 'FORWARD', '-i', bridgeName(set), '-o', bridgeName(set), '-j', 'ACCEPT']);
  await machines.start(['node0']);
  t.match(await machines.get('node0'), { state: 'Running', address: engines[0]?.address });
  await exec('iptables', ['-C', 'FORWARD', '-i', bridgeName(set), '-o', bridgeName(set), '-j', 'ACCEPT']);
});

t.test('two creators at once in one store get addresses of their own', async (t) => {
  const { machines, directory, set } = await openTestStore(t);
  const second = new LocalMachines({ directory, clock: systemClock, env: process.env });
  await withFreeSubnet(async (subnet) => {
    await Promise.all([
      machines.create([{ name: 'left', set, subnet }]),
      second.create([{ name: 'right', set, subnet }]),
    ]);
  });
  const addresses = (await machines.list()).map(({ address }) => address.host);
  t.equal(new Set(addresses).size, 2);
  t.match(await machines.list(), [{ state: 'Running' }, { state: 'Running' }]);
});

t.test('limits hold for the whole machine', async (t) => {
  const { machines, set } = await openTestStore(t);
  await withFreeSubnet((subnet) =>
    machines.create([
      { name: 'small', set, subnet, settings: { cpus: 0.5, memoryBytes: 512 * 1024 * 1024 } },
    ]),
  );
  const hierarchies = await readHierarchies();
  const read = async (controller: string, v1: string, v2: string): Promise<string> => {
    const own = hierarchies.find(({ controllers }) => controllers.includes(controller));
    const hierarchy = own ?? hierarchies.find(({ version }) => version === 2);
    const file = `${hierarchy?.mountPoint ?? ''}${cgroupPath(set, 'small')}/${own === undefined ? v2 : v1}`;
    return (await readFile(file, 'utf8')).trim();
  };
  t.match(await read('cpu', 'cpu.cfs_quota_us', 'cpu.max'), /^50000( 100000)?$/);
  t.equal(await read('memory', 'memory.limit_in_bytes', 'memory.max'), '536870912');
});
