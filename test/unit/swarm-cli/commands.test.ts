// Tests of create, list, join and discovery: every message of the classic validation, in its order.
import t from 'tap';
import { parseDiscoveryCommand } from '../../../cmd/swarm/commands/discovery.js';
import { parseJoin } from '../../../cmd/swarm/commands/join.js';
import { runProgram } from '../../../cmd/swarm/program.js';
import { SwarmEnvironment } from '../../support/swarm-environment.js';

async function swarm(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; out: string; err: string }> {
  const environment = new SwarmEnvironment({ env });
  const code = await runProgram(args, environment);
  return { code, out: environment.out, err: environment.err };
}

/** Each row breaks one thing; what stands before it in the order of checks is right, what stands behind is wrong too. */
const wrong: readonly (readonly [readonly string[], string])[] = [
  [['create', 'x'], "the `create` command takes no arguments. See 'swarm create --help'."],
  [['create'], 'the discovery service on Docker Hub was switched off in 2019'],
  [['create', '--discovery', 'file:///x'], '--discovery must name a token service, got "file:///x"'],
  [
    ['create', '--discovery', 'h:1', '--discovery-opt', 'x'],
    '--discovery-opt must contain key=value strings',
  ],
  [['list', '--timeout', 'x'], "discovery required to list a cluster. See 'swarm list --help'."],
  [['list', 'a:1', 'b:1'], "discovery required to list a cluster. See 'swarm list --help'."],
  [['list', '--timeout', 'x', 'a:1'], 'invalid --timeout: time: invalid duration "x"'],
  [['list', '--timeout', '10', 'a:1'], 'invalid --timeout: time: missing unit in duration "10"'],
  [['list', '--timeout', '-10s', 'a:1'], '--timeout should be a positive number'],
  [['list', '--timeout', '0s', 'a:1'], '--timeout should be a positive number'],
  [['list', '--discovery-opt', 'x', 'foo://'], '--discovery-opt must contain key=value strings'],
  [['list', 'foo://x'], 'discovery service not supported'],
  [['list', 'token://'], 'token is empty'],
  [['list', 'token://h:1/'], 'token is empty'],
  [
    ['list', 'foo'],
    'address foo: missing port in address, please check you are using the correct discovery (missing token:// ?)',
  ],
  [['list', 'etcd://h/x'], 'Cannot use discovery "etcd": this version supports'],
  [['list', 'zk://h/x'], 'Cannot use discovery "zk": this version supports'],
  [['join'], "discovery required to join a cluster. See 'swarm join --help'."],
  [['join', 'a:1', 'b:1'], "discovery required to join a cluster. See 'swarm join --help'."],
  [['join', 'a:1'], 'missing mandatory --advertise flag'],
  [['join', '--advertise', '', 'a:1'], 'missing mandatory --advertise flag'],
  ...['host', 'host:', 'http://h:1', '::1:2375', 'host: 4000', 'h:0', 'h:65536', 'h:x', ':', ''].map(
    (address) =>
      [
        ['join', '--delay', 'x', '--advertise', address, 'a:1'],
        address === ''
          ? 'missing mandatory --advertise flag'
          : '--advertise should be of the form ip:port or hostname:port',
      ] as const,
  ),
  ...(
    [
      [['--delay', 'x', '--heartbeat', 'x'], 'invalid --delay: time: invalid duration "x"'],
      [['--delay', '-1s', '--heartbeat', 'x'], '--delay should not be a negative number'],
      [['--heartbeat', 'x', '--ttl', 'x'], 'invalid --heartbeat: time: invalid duration "x"'],
      [['--heartbeat', '999ms', '--ttl', 'x'], '--heartbeat should be at least one second'],
      [['--ttl', 'x', '--discovery-opt', 'x'], 'invalid --ttl: time: invalid duration "x"'],
      [['--ttl', '60s', '--discovery-opt', 'x'], '--ttl must be strictly superior to the heartbeat value'],
      [['--discovery-opt', 'x'], '--discovery-opt must contain key=value strings'],
      [[], 'not implemented in this discovery service'],
    ] as const
  ).map(([flags, message]) => [['join', '--advertise', 'h:1', ...flags, 'a:1'], message] as const),
  [['discovery', 'x'], "the `discovery` command takes no arguments. See 'swarm discovery --help'."],
  [['discovery', '-H', 'x'], 'listen tcp: address x: missing port in address'],
  [['discovery', '-H', 'ftp://x:1'], 'unsupported protocol: "ftp"'],
  [['discovery', '-H', 'unix:///x'], '--host must be host:port'],
  [['discovery', '--tls'], '--tlscert and --tlskey must be provided when using --tls'],
  [['discovery', '--token', 'x'], '--token must be 32 hexadecimal characters in lower case, got "…"'],
  [['discovery', '--ttl-max', '1ms'], '--ttl-max should be at least one second'],
];

for (const [args, message] of wrong) {
  t.test(`swarm ${args.join(' ')} is refused`, async (t) => {
    const { code, out, err } = await swarm(args);
    t.equal(code, 1);
    t.ok(`${out}${err}`.replaceAll('\\"', '"').includes(message), `${out}${err}`);
  });
}

t.test('swarm create without a service says what to do', async (t) => {
  const { err, out } = await swarm(['create']);
  t.equal(out, '');
  t.match(err, /swarm create --discovery HOST:3377/);
  t.match(err, /SWARM_DISCOVERY=token:\/\/HOST:3377/);
  t.match(err, /swarmctl/);
});

t.test('swarm list prints the members of a list', async (t) => {
  t.match(await swarm(['list', 'nodes://10.0.0.[1:2]:2375,h:1']), {
    code: 0,
    out: '10.0.0.1:2375\n10.0.0.2:2375\nh:1\n',
    err: '',
  });
  t.match(await swarm(['list', 'nodes://']), { code: 0, out: '' });
  t.match(await swarm(['list'], { SWARM_DISCOVERY: 'a:1' }), { code: 0, out: 'a:1\n' });
  t.match(await swarm(['l', 'b:1', '--timeout', '1s'], { SWARM_DISCOVERY: 'a:1' }), { out: 'b:1\n' });
  t.match(await swarm(['list', 'b:1', 'c:1'], { SWARM_DISCOVERY: 'a:1' }), { out: 'a:1\n' });
});

const accepted = ['10.0.0.1:2375', 'host:2376', '[::1]:2375', ':2375', 'h-1.example.org:1', 'h:65535'];
for (const advertise of accepted) {
  t.test(`swarm join accepts --advertise ${advertise}`, async (t) => {
    t.match(parseJoin({ args: ['--addr', advertise, 'a:1'], environment: new SwarmEnvironment() }), {
      advertise,
      discoveryUrl: 'a:1',
      delayMs: 0,
      heartbeatMs: 60_000,
      ttlSeconds: 180,
      leaveOnStop: false,
    });
  });
}

t.test('swarm join reads the variables and rounds the time to live up', async (t) => {
  const environment = new SwarmEnvironment({ env: { SWARM_ADVERTISE: 'h:1', SWARM_DISCOVERY: 'd:1' } });
  t.match(parseJoin({ args: ['--heartbeat', '1s', '--ttl', '1500ms'], environment }), {
    advertise: 'h:1',
    discoveryUrl: 'd:1',
    ttlSeconds: 2,
  });
});

t.test('swarm discovery has defaults for everything', async (t) => {
  t.same(await parseDiscoveryCommand({ args: [], environment: new SwarmEnvironment() }), {
    host: '',
    port: 3377,
    tokens: [],
    ttlMaxSeconds: 86_400,
  });
});
