// What is read from a create body, and what is sent on.
import t from 'tap';
import fc from 'fast-check';
import { isSwarmError } from '../../../controller/base/errors.js';
import { parsePlacement } from '../../../controller/schedule/placement-request.js';
import { engineCpuShares } from '../../../controller/api/cpu-shares.js';
import { withEngineCpuShares } from '../../../controller/schedule/resource-request.js';

const affinities = 'com.docker.swarm.affinities';
const constraints = 'com.docker.swarm.constraints';
const whitelists = 'com.docker.swarm.whitelists';
const policies = 'com.docker.swarm.reschedule-policies';

t.test('parsePlacement() moves directives from Env to labels, label entries first', async (t) => {
  const given = {
    Image: 'busybox',
    Env: [
      'A=1',
      'constraint:region==eu',
      'affinity:container!=web',
      'constraint:ssd',
      'B',
      'whitelist:node==n1|n2',
    ],
    Labels: { [constraints]: '["node==n*"]', mine: 'x' },
    Unknown: { Field: [1] },
  };
  given.Env.splice(3, 1);
  const before = structuredClone(given);
  const { request, body } = parsePlacement(given);
  t.same(given, before, 'the given body is not changed');
  t.same(body, {
    Image: 'busybox',
    Env: ['A=1', 'B'],
    Labels: {
      mine: 'x',
      [constraints]: '["node==n*","region==eu"]',
      [affinities]: '["container!=web"]',
      [whitelists]: '["node==n1|n2"]',
    },
    Unknown: { Field: [1] },
  });
  t.same(
    request.constraints.map(({ text }) => text),
    ['node==n*', 'region==eu'],
  );
  t.same(
    request.affinities.map(({ key, operator, value }) => [key, operator, value]),
    [['container', '!=', 'web']],
  );
  t.same(
    request.whitelists.map(({ text }) => text),
    ['node==n1|n2'],
  );
  t.same(request.labels, body['Labels']);
});

t.test('parsePlacement() passes a body without directives on as it is', async (t) => {
  for (const body of [
    {},
    { Env: null, Labels: null, HostConfig: null },
    { Env: 'x', Labels: [] },
    { Env: ['constraints:a==b', 1], Labels: { a: 'b' }, HostConfig: { Annotations: { x: 'y' } } },
  ]) {
    t.same(parsePlacement(body).body, body);
  }
});

t.test('parsePlacement() treats a label that is not a JSON array of strings as empty', async (t) => {
  for (const text of ['', '{', '{}', '"a==b"', '[1]', '["a==b",null]']) {
    const { request, body } = parsePlacement({ Labels: { [constraints]: text } });
    t.same(request.constraints, [], text);
    t.same(body, { Labels: { [constraints]: text } }, text);
  }
});

t.test('parsePlacement() parses what it wrote to the same request', async (t) => {
  const first = parsePlacement({ Env: ['constraint:a==b', 'affinity:x!=~y', 'reschedule:off'] });
  const second = parsePlacement(first.body);
  t.same(second.request, first.request);
  t.same(second.body, first.body);
});

t.test('parsePlacement() refuses bad directives in the classic words', async (t) => {
  const cases: readonly [readonly string[], string][] = [
    [['constraint:region'], 'Cannot read constraint "region": One of operator ==, != is expected'],
    [['affinity:=='], `Cannot read affinity "==": Key '' is invalid`],
    [
      ['whitelist:node==a;b', 'constraint:1==2'],
      `Cannot read constraint "1==2": Key '1' is invalid; whitelist "node==a;b": Value 'a;b' is invalid`,
    ],
    [['reschedule:off', 'reschedule:on-node-failure'], 'too many reschedule policies'],
    [['reschedule:false'], 'invalid reschedule policy: false'],
  ];
  for (const [env, message] of cases) {
    t.throws(() => parsePlacement({ Env: env }), { code: 'PLACEMENT_INVALID', httpStatus: 400, message });
  }
  t.throws(() => parsePlacement({ Env: ['reschedule:off'], Labels: { [policies]: '["on-node-failure"]' } }), {
    message: 'too many reschedule policies',
  });
  t.same(parsePlacement({ Env: ['reschedule:on-node-failure'] }).request.reschedulePolicies, [
    'on-node-failure',
  ]);
});

t.test('parsePlacement() reads the reservation', async (t) => {
  const cases: readonly [string, Record<string, unknown>, number, number][] = [
    ['nothing', {}, 0, 0],
    ['--memory', { HostConfig: { Memory: 4096 } }, 4096, 0],
    ['legacy top level', { Memory: 4096, CpuShares: 2 }, 4096, 0],
    ['--cpus', { HostConfig: { NanoCpus: 1_500_000_000 } }, 0, 1.5],
    ['--cpu-quota with a period', { HostConfig: { CpuQuota: 50_000, CpuPeriod: 25_000 } }, 0, 2],
    ['--cpu-quota with the default period', { HostConfig: { CpuQuota: 50_000 } }, 0, 0.5],
    ['--cpus before --cpu-quota', { HostConfig: { NanoCpus: 1e9, CpuQuota: 1 } }, 0, 1],
    ['--cpu-shares is a weight', { HostConfig: { CpuShares: 2 } }, 0, 0],
    ['negative and non-numeric', { HostConfig: { Memory: -1, NanoCpus: '1', CpuQuota: -1 } }, 0, 0],
  ];
  for (const [name, body, memoryBytes, cpus] of cases) {
    t.match(parsePlacement(body).request, { memoryBytes, cpus }, name);
  }
  const classic = parsePlacement({ HostConfig: { CpuShares: 2 } }, { cpuShares: 'classic' });
  t.equal(classic.request.cpus, 2, 'classic: a number of CPUs');
  t.equal(engineCpuShares(1, 3), 342, 'rounded up as classic did');
});

t.test("withEngineCpuShares() turns a number of CPUs into the engine's shares", async (t) => {
  const create = { engineCpus: 2, isUpdate: false };
  t.same(withEngineCpuShares({ HostConfig: { CpuShares: 1, Memory: 5 } }, create), {
    HostConfig: { CpuShares: 512, Memory: 5 },
  });
  t.same(withEngineCpuShares({ CpuShares: 2 }, create), { CpuShares: 2, HostConfig: { CpuShares: 1024 } });
  t.same(withEngineCpuShares({ CpuShares: 1 }, { engineCpus: 4, isUpdate: true }), { CpuShares: 256 });
  const body = { HostConfig: { Memory: 5 } };
  t.equal(withEngineCpuShares(body, create), body);
  const unknown = { HostConfig: { CpuShares: 1 } };
  t.equal(withEngineCpuShares(unknown, { engineCpus: 0, isUpdate: false }), unknown);
});

t.test('parsePlacement() reads ports', async (t) => {
  const { request } = parsePlacement({
    HostConfig: {
      PortBindings: {
        '80/tcp': [
          { HostIp: '', HostPort: '8080' },
          { HostIp: '127.0.0.1', HostPort: '8000-8010' },
        ],
        '53/udp': [{ HostPort: '53' }],
        '443': [{ HostPort: '443' }],
        '1/tcp': [{ HostPort: '' }, { HostPort: '0' }, { HostPort: '9-8' }, { HostPort: '70000' }, {}, null],
        '2/tcp': null,
      },
    },
  });
  t.same(
    request.ports.map(({ privatePort, protocol, hostIp, firstPort, lastPort }) =>
      [privatePort, protocol, hostIp, firstPort, lastPort].join(' '),
    ),
    ['443 tcp  443 443', '80 tcp  8080 8080', '80 tcp 127.0.0.1 8000 8010', '53 udp  53 53'],
  );
  t.same(request.hostPorts, []);
});

t.test('parsePlacement() reads exposed ports instead of bindings in network mode host', async (t) => {
  const { request } = parsePlacement({
    ExposedPorts: { '80/tcp': {}, '53/udp': {} },
    HostConfig: { NetworkMode: 'host', PortBindings: { '80/tcp': [{ HostPort: '80' }] } },
  });
  t.same(request.hostPorts, ['53/udp', '80/tcp']);
  t.same(request.ports, []);
});

t.test('parsePlacement() reads containers that must be near', async (t) => {
  const { request } = parsePlacement({
    HostConfig: {
      VolumesFrom: ['/b1:ro', 'b2'],
      Links: ['/b3:foo'],
      NetworkMode: 'container:/b4',
      IpcMode: 'container:b5',
      PidMode: 'container:b6',
      UTSMode: 'host',
    },
  });
  t.same(
    request.dependencies.map(({ text, container }) => `${text} ${container}`),
    [
      '--volumes-from=/b1:ro b1',
      '--volumes-from=b2 b2',
      '--link=/b3:foo b3',
      '--net=container:/b4 b4',
      '--ipc=container:b5 b5',
      '--pid=container:b6 b6',
    ],
  );
});

t.test('parsePlacement() throws nothing but PLACEMENT_INVALID, whatever the body', async () => {
  const directive = fc
    .tuple(fc.constantFrom('constraint:', 'affinity:', 'whitelist:', 'reschedule:', ''), fc.string())
    .map((parts) => parts.join(''));
  const body = fc.record(
    {
      Image: fc.anything(),
      Env: fc.oneof(fc.array(fc.oneof(directive, fc.anything())), fc.anything()),
      Labels: fc.oneof(
        fc.dictionary(fc.constantFrom(affinities, constraints, whitelists, policies, '__proto__'), fc.json()),
        fc.anything(),
      ),
      HostConfig: fc.oneof(
        fc.record(
          {
            PortBindings: fc.oneof(fc.dictionary(fc.string(), fc.anything()), fc.anything()),
            VolumesFrom: fc.anything(),
            Links: fc.array(fc.anything()),
            NetworkMode: fc.oneof(fc.string(), fc.constant('host'), fc.anything()),
            Memory: fc.anything(),
            NanoCpus: fc.anything(),
          },
          { requiredKeys: [] },
        ),
        fc.anything(),
      ),
      ExposedPorts: fc.anything(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(body, (given) => {
      try {
        const parsed = parsePlacement(given);
        return Number.isFinite(parsed.request.memoryBytes) && Number.isFinite(parsed.request.cpus);
      } catch (error) {
        return isSwarmError(error, 'PLACEMENT_INVALID');
      }
    }),
    { numRuns: 1000 },
  );
});
