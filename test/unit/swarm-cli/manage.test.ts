// Tests of `swarm manage`: the classic validation in its order, and what is handed to the manager.
import path from 'node:path';
import t from 'tap';
import { parseManage } from '../../../cmd/swarm/commands/manage.js';
import type { ManageOptions } from '../../../cmd/swarm/manage-options.js';
import { createAuthority, issueCertificate } from '../../../controller/pki/authority.js';
import { SwarmEnvironment } from '../../support/swarm-environment.js';

function manage(args: readonly string[], env: Record<string, string> = {}): Promise<ManageOptions> {
  const environment = new SwarmEnvironment({ env });
  return parseManage({ args, environment, globals: { logLevel: 'info', experimental: false } });
}

const nowMs = Date.UTC(2026, 0, 1);
const authority = await createAuthority({ commonName: 'test', nowMs, validityDays: 1 });
const pair = await issueCertificate({
  authority,
  commonName: 'm',
  usages: ['server'],
  nowMs,
  validityDays: 1,
});
const stranger = await issueCertificate({
  authority,
  commonName: 's',
  usages: ['server'],
  nowMs,
  validityDays: 1,
});
const directory = t.testdir({
  'ca.pem': authority.certPem,
  'cert.pem': pair.certPem,
  'key.pem': pair.keyPem,
  'other-key.pem': stranger.keyPem,
  'empty.pem': '',
  'engines.json': '{}',
});
const [ca, cert, key, otherKey, empty, engines] = ['ca', 'cert', 'key', 'other-key', 'empty']
  .map((name) => path.join(directory, `${name}.pem`))
  .concat(path.join(directory, 'engines.json')) as [string, string, string, string, string, string];

/** Each row breaks one check; the checks that come after it would fail too. */
const wrong: readonly (readonly [readonly string[], string | RegExp])[] = [
  [['--tls'], '--tlscert and --tlskey must be provided when using --tls'],
  [['--tlsverify', '--tlscert', cert], '--tlscert and --tlskey must be provided when using --tls'],
  [
    ['--tlsverify', '--tlscert', cert, '--tlskey', 'x'],
    '--tlscacert must be provided when using --tlsverify',
  ],
  [
    ['--tls', '--tlscert', '/none', '--tlskey', key],
    `Couldn't load X509 key pair (/none, ${key}): open /none: no such file or directory. Key encrypted?`,
  ],
  [
    ['--tls', '--tlscert', cert, '--tlskey', otherKey],
    /^Couldn't load X509 key pair \(.*\. Key encrypted\?$/,
  ],
  [['--tls', '--tlscert', empty, '--tlskey', key], /^Couldn't load X509 key pair/],
  [
    ['--tlsverify', '--tlscert', cert, '--tlskey', key, '--tlscacert', '/none'],
    "Couldn't read CA certificate: open /none: no such file or directory",
  ],
  [
    ['--tlsverify', '--tlscert', cert, '--tlskey', key, '--tlscacert', empty],
    `Couldn't read CA certificate: cannot use ${empty}: it holds no certificate`,
  ],
  ...['--tlscert', '--tlskey', '--tlscacert'].map(
    (flag) =>
      [
        [flag, 'x', '--engine-refresh-min-interval', '0s'],
        '--tlscert, --tlskey and --tlscacert require the use of either --tls or --tlsverify',
      ] as const,
  ),
  [['--engine-tlscert', cert], '--engine-tlscert and --engine-tlskey must be provided together'],
  [
    ['--engine-tlscert', cert, '--engine-tlskey', key],
    '--engine-tlscacert must be provided when using --engine-tlscert',
  ],
  [['--engine-tls-file', '/none'], "Couldn't read --engine-tls-file: open /none: no such file or directory"],
  [['--engine-refresh-min-interval', '0s'], 'min refresh interval should be a positive number'],
  [['-engine-refresh-min-interval', '-10s'], 'min refresh interval should be a positive number'],
  [['--engine-refresh-min-interval', 'x'], 'min refresh interval should be a positive number'],
  [
    ['--engine-refresh-min-interval', '30s', '-engine-refresh-max-interval', '20s'],
    'max refresh interval cannot be less than min refresh interval',
  ],
  ...['0s', '-1s', 'x'].map(
    (interval) =>
      [
        ['--engine-refresh-max-interval', interval, '--engine-refresh-retry', '4'],
        'max refresh interval cannot be less than min refresh interval',
      ] as const,
  ),
  [
    ['--engine-refresh-retry', '4', '--engine-failure-retry', '0'],
    '--engine-refresh-retry is deprecated. Use --engine-failure-retry',
  ],
  [['--engine-failure-retry', '0'], 'invalid failure retry count'],
  [['--engine-failure-retry', '-1'], 'invalid failure retry count'],
  ...['1.23', '1.52', '1.x', ''].map(
    (version) =>
      [
        ['--api-max-version', version, 'a:1'],
        `--api-max-version must be an API version from 1.24 to 1.51, got "${version}"`,
      ] as const,
  ),
  [
    ['--api-min-version', '1.44', '--api-max-version', '1.43', 'a:1'],
    '--api-max-version must not be below --api-min-version',
  ],
  [['--heartbeat', 'x'], "discovery required to manage a cluster. See 'swarm manage --help'."],
  [['--heartbeat', 'x', 'foo'], 'invalid --heartbeat: time: invalid duration "x"'],
  [['--heartbeat', '1ms', 'foo'], '--heartbeat should be at least one second'],
  [['--discovery-opt', 'x', 'foo'], '--discovery-opt must contain key=value strings'],
  [['--strategy', 'x', 'foo'], /^address foo: missing port in address, please check/],
  [['--strategy', 'x', 'consul://h'], /^Cannot use discovery "consul"/],
  [['--strategy', 'x', '-f', 'x', 'a:1'], 'strategy not supported'],
  [['--strategy', 'constructor', 'a:1'], 'strategy not supported'],
  [['-f', 'health', '-f', 'x', '-c', 'mesos', 'a:1'], 'filter not supported'],
  [['-c', 'mesos', '--cluster-opt', 'x', 'a:1'], 'unsupported cluster "mesos"'],
  [['--cluster-opt', 'swarm.overcommit', 'a:1'], '--cluster-opt must contain key=value strings'],
  [
    ['--cluster-opt', 'swarm.overcommit=-2', 'a:1'],
    'swarm.overcommit should be larger than -1, -2.000000 is invalid',
  ],
  [['--cluster-opt', 'swarm.overcommit=-1', 'a:1'], /-1\.000000 is invalid/],
  [['--cluster-opt', 'swarm.overcommit=x', 'a:1'], 'swarm.overcommit must be a number, "x" is invalid'],
  [
    ['--cluster-opt', 'swarm.createretry=-1', '--replication', 'a:1'],
    'swarm.createretry can not be negative, -1 is invalid',
  ],
  [
    ['--cluster-opt', 'swarm.createretry=1.5', 'a:1'],
    'swarm.createretry must be a whole number, 1.5 is invalid',
  ],
  [
    ['--cluster-opt', 'swarm.imageplacement=some', 'a:1'],
    'swarm.imageplacement cannot be read: One of operator ==, != is expected in "some"; or one of all, one',
  ],
  [
    ['--cluster-opt', 'swarm.cpushares=2', 'a:1'],
    'swarm.cpushares must be one of weight, classic, "2" is invalid',
  ],
  [
    ['--container-names', 'short', 'a:1'],
    '--container-names must be auto, plain or node, "short" is invalid',
  ],
  [['--replication', 'a:1'], '--advertise address must be provided when using --leader-election'],
  [['--replication', '--addr', 'x', 'a:1'], '--advertise should be of the form ip:port or hostname:port'],
  [
    ['--replication', '--addr', 'h:1', '--replication-ttl', 'x', 'a:1'],
    'invalid --replication-ttl: time: invalid duration "x"',
  ],
  [
    ['--replication', '--addr', 'h:1', '--replication-ttl', '-20s', 'a:1'],
    '--replication-ttl should be a positive number',
  ],
  [
    ['--replication', '--addr', 'h:1', '-H', 'ftp://x', 'a:1'],
    'Leader election is only supported with consul, etcd and zookeeper discovery, which are not in this version',
  ],
  [['-H', 'ftp://x:1', 'a:1'], 'unsupported protocol: "ftp"'],
  [['-H', 'tcp://x', 'a:1'], 'listen tcp: address x: missing port in address'],
  [['-H', 'x:65536', 'a:1'], 'listen tcp: address x:65536: must be host:port with a port from 0 to 65535'],
  [['-H', 'unix://', 'a:1'], 'listen unix: the path must not be empty'],
];

for (const [args, message] of wrong) {
  t.test(`parseManage() refuses ${args.map((arg) => path.basename(arg)).join(' ')}`, async (t) => {
    await t.rejects(manage(args), { message });
  });
}

const defaults = {
  hosts: ['tcp://127.0.0.1:2375'],
  discoveryUrl: 'a:1',
  discoveryOptions: {},
  heartbeatMs: 60_000,
  strategy: 'spread',
  filters: ['health', 'port', 'containerslots', 'dependency', 'affinity', 'constraint', 'whitelist'],
  refreshMinMs: 30_000,
  refreshMaxMs: 300_000,
  failureRetry: 3,
  overcommit: 0.05,
  createRetry: 0,
  rescheduleDelayMs: 30_000,
  rescheduleBrakePercent: 50,
  versions: { min: '1.24', max: '1.51' },
  cpuShares: 'weight',
  explain: 'unmet',
  imagePlacement: { type: 'all' },
  containerNames: 'auto',
  cors: false,
  experimental: false,
  logLevel: 'info',
};

const right: readonly (readonly [readonly string[], object])[] = [
  [[], {}],
  [['--strategy', 'binpacking'], { strategy: 'binpack' }],
  [['--strategy=random'], { strategy: 'random' }],
  [['-f', 'port', '-f', 'health'], { filters: ['port', 'health'] }],
  [['-H', ':3376', '-H', 'unix:///s'], { hosts: [':3376', 'unix:///s'] }],
  [['--cluster-opt', 'swarm.overcommit=-0.5'], { overcommit: -0.5 }],
  [['--cluster-opt', 'swarm.createretry=3', '--cluster-opt', 'x.y=z'], { createRetry: 3 }],
  [['--cluster-opt', 'swarm.cpushares=classic'], { cpuShares: 'classic' }],
  [['--cluster-opt', 'swarm.imageplacement=one'], { imagePlacement: { type: 'one' } }],
  [['--cluster-opt', 'swarm.explain=always'], { explain: 'always' }],
  [['--container-names', 'node'], { containerNames: 'node' }],
  [['--cluster-opt', 'swarm.rescheduledelay=1m30s'], { rescheduleDelayMs: 90_000 }],
  [['--cluster-opt', 'swarm.reschedulebrake=80'], { rescheduleBrakePercent: 80 }],
  [['--state-dir', '/a/b'], { stateDirectory: '/a/b' }],
  [['--discovery-opt', 'token.cacertfile=/a=b'], { discoveryOptions: { 'token.cacertfile': '/a=b' } }],
  [['--cors', '--heartbeat', '1s'], { cors: true, heartbeatMs: 1000 }],
  [['--engine-failure-retry', '5', '--engine-refresh-retry', '3'], { failureRetry: 5 }],
  [['--api-min-version', '1.40', '--api-max-version=1.45'], { versions: { min: '1.40', max: '1.45' } }],
  [['--cluster-id', 'abc', '--refresh-on-node-filter'], { clusterId: 'abc' }],
  [['--advertise', 'nonsense'], {}],
  [
    ['--tls', '--tlscert', cert, '--tlskey', key],
    {
      tls: { certFile: cert, keyFile: key, verify: false },
      engineTls: { certFile: cert, keyFile: key, verify: false },
    },
  ],
  [
    ['--tlsverify', '--tlscert', cert, '--tlskey', key, '--tlscacert', ca],
    {
      tls: { caFile: ca, certFile: cert, keyFile: key, verify: true },
      engineTls: { caFile: ca, certFile: cert, keyFile: key, verify: true },
    },
  ],
  [['--engine-tlscacert', ca], { engineTls: { caFile: ca, verify: true } }],
  [
    ['--tls', '--tlscert', cert, '--tlskey', key, '--engine-tlscacert', ca, '--engine-tls-file', engines],
    {
      tls: { certFile: cert, keyFile: key, verify: false },
      engineTls: { caFile: ca, certFile: cert, keyFile: key, verify: true },
      engineTlsFile: engines,
    },
  ],
];

for (const [args, expected] of right) {
  t.test(`parseManage() accepts ${args.map((arg) => path.basename(arg)).join(' ')}`, async (t) => {
    t.same(await manage([...args, 'a:1']), { ...defaults, ...expected });
  });
}

t.test(
  'parseManage() reads SWARM_HOST and SWARM_DISCOVERY; -H replaces all hosts of the variable',
  async (t) => {
    const env = { SWARM_HOST: ':2375,:2376', SWARM_DISCOVERY: 'd:1' };
    t.match(await manage([], env), { hosts: [':2375', ':2376'], discoveryUrl: 'd:1' });
    t.same((await manage(['-H', ':3376'], env)).hosts, [':3376']);
  },
);
