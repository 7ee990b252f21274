// Reading what the kernel and its tools print.
import t from 'tap';
import { limitFiles, parseHierarchies } from '../../../controller/machine/cgroups.js';
import { defaultDevice, findConflict, parseRoutes } from '../../../controller/machine/host-network.js';
import { decideNameServers, outsideServers } from '../../../controller/machine/name-servers.js';
import { parseStat, withDescendants, type ProcessEntry } from '../../../controller/machine/processes.js';
import { lastWords } from '../../../controller/machine/start-engine.js';
import { strayNamespaces } from '../../../controller/machine/stray-machines.js';
import { parseSubnet } from '../../../controller/machine/subnet.js';

const version1 = [
  'proc /proc proc rw,relatime 0 0',
  'tmpfs /sys/fs/cgroup tmpfs rw,relatime,mode=755 0 0',
  'cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,nodev,noexec,relatime,cpu,cpuacct 0 0',
  'cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0',
  'cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,xattr,release_agent=/lib/x,name=systemd 0 0',
  'cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0',
].join('\n');
const version2 = 'cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate 0 0';

t.test('parseHierarchies() reads both versions, also mixed', (t) => {
  t.same(parseHierarchies(version1), [
    { mountPoint: '/sys/fs/cgroup/cpu,cpuacct', version: 1, controllers: ['cpu', 'cpuacct'] },
    { mountPoint: '/sys/fs/cgroup/memory', version: 1, controllers: ['memory'] },
    { mountPoint: '/sys/fs/cgroup/systemd', version: 1, controllers: ['name=systemd'] },
    { mountPoint: '/sys/fs/cgroup/unified', version: 2, controllers: [] },
  ]);
  t.same(parseHierarchies(version2), [{ mountPoint: '/sys/fs/cgroup', version: 2, controllers: [] }]);
  t.same(parseHierarchies(''), []);
  t.end();
});

t.test('limitFiles() names the files of the version that has the controller', (t) => {
  const wish = { group: '/swarmctl/s/m', cpus: 1.5, memoryBytes: 1024 };
  t.same(
    limitFiles(parseHierarchies(version1), wish).map(({ file, value }) => [file, value]),
    [
      ['/sys/fs/cgroup/cpu,cpuacct/swarmctl/s/m/cpu.cfs_quota_us', '150000'],
      ['/sys/fs/cgroup/memory/swarmctl/s/m/memory.limit_in_bytes', '1024'],
    ],
  );
  t.same(
    limitFiles(parseHierarchies(version2), wish).map(({ file, value }) => [file, value]),
    [
      ['/sys/fs/cgroup/swarmctl/s/m/cpu.max', '150000 100000'],
      ['/sys/fs/cgroup/swarmctl/s/m/memory.max', '1024'],
    ],
  );
  t.same(limitFiles([], { group: '/g' }), [], 'no limit needs no group');
  t.throws(() => limitFiles([], wish), { code: 'MACHINE_UNSUPPORTED', message: /no cpu control group/ });
  t.end();
});

t.test('parseStat() reads processes with any name and leaves zombies out', (t) => {
  const rest = `${Array.from({ length: 17 }, () => '0').join(' ')} 9876 0 0`;
  t.same(parseStat(7, `7 (a) b (c) S 3 ${rest}`), {
    pid: 7,
    parentPid: 3,
    startTime: '9876',
    command: 'a) b (c',
  });
  t.equal(parseStat(7, `7 (gone) Z 3 ${rest}`), undefined);
  t.equal(parseStat(7, 'nonsense'), undefined);
  t.equal(parseStat(7, undefined), undefined);
  t.end();
});

t.test('withDescendants() finds children of children, and ends on any input', (t) => {
  const entry = (pid: number, parentPid: number): ProcessEntry => ({
    pid,
    parentPid,
    startTime: '1',
    command: 'x',
  });
  const all = [entry(1, 0), entry(2, 1), entry(3, 2), entry(4, 3), entry(5, 1), entry(6, 6)];
  const pids = (...roots: number[]): number[] =>
    withDescendants(
      all.filter(({ pid }) => roots.includes(pid)),
      all,
    )
      .map(({ pid }) => pid)
      .sort((a, b) => a - b);
  t.same(pids(2), [2, 3, 4]);
  t.same(pids(5, 3), [3, 4, 5]);
  t.same(pids(6), [6], 'a process that names itself as its parent');
  t.same(pids(), []);
  t.end();
});

t.test('findConflict() finds the route of another device', (t) => {
  const routes = parseRoutes(
    JSON.stringify([
      { dst: 'default', gateway: '10.0.0.1', dev: 'eth0' },
      { dst: '10.0.0.0/24', dev: 'eth0' },
      { dst: '0.0.0.0/1', dev: 'tun0' },
      { dst: '192.168.50.7', dev: 'wg0' },
      { type: 'broadcast', dst: '172.20.0.255', dev: 'br0' },
      { type: 'blackhole', dst: '10.9.0.0/16' },
    ]),
  );
  const conflict = (subnet: string, ownBridge = 'sw-x'): string | undefined =>
    findConflict(parseSubnet(subnet), { routes, ownBridge })?.device;
  t.equal(defaultDevice(routes), 'eth0');
  t.equal(conflict('10.0.0.0/24'), 'eth0');
  t.equal(conflict('10.0.0.0/24', 'eth0'), undefined, 'our own bridge');
  t.equal(conflict('192.168.50.0/24'), 'wg0', 'a single address inside');
  t.equal(conflict('192.168.99.0/24'), undefined, 'the default routes of a VPN claim nothing');
  t.same(parseRoutes(''), []);
  t.end();
});

t.test('decideNameServers() keeps the file of the host only when a server in it answers', (t) => {
  const servers = 'nameserver 10.0.0.53\nsearch example\n';
  const stub = 'nameserver 127.0.0.53\n';
  const base = { nat: true, host: servers, resolved: '', hostFileIsVisible: true, answering: ['10.0.0.53'] };
  t.match(decideNameServers(base), { type: 'host' });
  t.match(decideNameServers({ ...base, hostFileIsVisible: false }), { type: 'own', content: servers });
  t.match(decideNameServers({ ...base, host: stub, resolved: servers }), { type: 'own', content: servers });
  for (const none of [
    { ...base, answering: [] },
    { ...base, nat: false },
    { ...base, host: stub },
  ]) {
    const choice = decideNameServers(none);
    t.match(choice, { type: 'own', reason: /^no name server: / });
    t.same(choice.type === 'own' ? outsideServers(choice.content) : undefined, []);
  }
  t.end();
});

t.test('strayNamespaces() finds the machines of one set', (t) => {
  const listing = 'swarmctl.node0 (id: 3)\nswarmctl.node1.example\nswarmctl-2.node0\nswarmctl\nother.node0\n';
  t.same(strayNamespaces('swarmctl', listing), ['node0', 'node1.example']);
  t.same(strayNamespaces('swarmctl', ''), []);
  t.end();
});

t.test('lastWords() finds the line that says why dockerd ended', (t) => {
  const cases = [
    ['', 'dockerd ended at once'],
    ["Status: unknown flag: --x\nSee 'dockerd --help'., Code: 125\n", 'unknown flag: --x'],
    [
      'time="…" level=info msg="starting"\nfailed to start daemon: no space left\n',
      'failed to start daemon: no space left',
    ],
    ['time="…" level=fatal msg="cannot use \\"x\\"."\n', 'cannot use "x"'],
    [
      'sh: 3: cannot create /sys/fs/cgroup/x: Permission denied',
      'sh: 3: cannot create /sys/fs/cgroup/x: Permission denied',
    ],
  ] as const;
  for (const [log, words] of cases) t.equal(lastWords(log), words);
  t.end();
});
