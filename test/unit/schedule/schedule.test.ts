// Whole decisions: the filters one by one, preferences, strategies, and the texts of refusals.
import t from 'tap';
import type { Candidate } from '../../../controller/schedule/candidate.js';
import { aCandidate, aContainer, aRequest, decide, gibibyte, mebibyte, outcome } from './builders.js';

const firstLine = 'Unable to find a node that satisfies the following conditions ';

/** Three engines: n1 in eu with web, n2 in us with db, n3 without a region. */
function threeEngines(): readonly Candidate[] {
  return [
    aCandidate('n1', {
      labels: { region: 'eu', foo: 'a/b', ostype: 'linux' },
      containers: [aContainer({ names: ['web'], labels: { tier: 'front' } })],
      images: [
        { id: 'sha256:aaa', repoTags: ['busybox:test', 'localhost:5000/test:latest'], repoDigests: [] },
      ],
    }),
    aCandidate('n2', {
      labels: { region: 'us', ostype: 'linux' },
      containers: [aContainer({ names: ['db'], labels: { 'test.label': 'true' } })],
      images: [{ id: 'sha256:bbb', repoTags: [], repoDigests: ['busybox@sha256:d1'] }],
    }),
    aCandidate('n3'),
  ];
}

t.test('schedule() applies expressions as classic swarm did', async (t) => {
  const cases: readonly [readonly string[], readonly string[]][] = [
    [['constraint:node==n1'], ['n1']],
    [['constraint:node==n1-ID'], ['n1']],
    [['constraint:node!=n1'], ['n3', 'n2']],
    [['constraint:node==n[12]'], ['n1', 'n2']],
    [['constraint:region==eu'], ['n1']],
    [['constraint:region!=eu'], ['n3', 'n2']],
    [['constraint:region==*'], ['n3', 'n1', 'n2']],
    [['constraint:region==/^(eu|us)$/'], ['n1', 'n2']],
    [['constraint:foo==a/b'], ['n1']],
    [['constraint:constructor!=x'], ['n3', 'n1', 'n2']],
    [['affinity:container==web'], ['n1']],
    [['affinity:container!=web'], ['n3', 'n2']],
    [['affinity:container==web-*'], ['n1']],
    [['affinity:image==busybox'], ['n1']],
    [['affinity:image==busybox:test'], ['n1']],
    [['affinity:image==localhost:5000/test'], ['n1']],
    [['affinity:image==busybox@sha256:d1'], ['n2']],
    [['affinity:image==sha256:bb*'], ['n2']],
    [['affinity:image!=busybox'], ['n3', 'n2']],
    [['affinity:tier==front'], ['n1']],
    [['affinity:test.label!=true'], ['n3', 'n1']],
    [['whitelist:node==n1|n2'], ['n1', 'n2']],
    [['whitelist:node==n1,n3'], ['n3', 'n1']],
    [['whitelist:node!=n1|n2'], ['n3']],
    [['whitelist:node==n*', 'constraint:node==n1'], []],
    [['constraint:region==/(/'], []],
    [['constraint:region==/'], []],
    [['constraint:region==eu', 'affinity:container!=web'], []],
  ];
  for (const [env, names] of cases) {
    const decision = decide(threeEngines(), aRequest(env));
    t.same(decision.type === 'placed' ? outcome(decision) : [], names, env.join(' '));
  }
});

t.test('schedule() satisfies as many preferences as possible, earlier ones before later ones', async (t) => {
  const cases: readonly [readonly string[], string, readonly string[]][] = [
    [['constraint:region==~us'], 'n2', []],
    [['constraint:region==~asia'], 'n3', ['region==~asia']],
    [['constraint:region==~asia', 'constraint:node==~n1'], 'n1', ['region==~asia']],
    [['constraint:node==~n2', 'constraint:node==~n1'], 'n2', ['node==~n1']],
    [['constraint:node==~n2', 'constraint:region==~eu', 'constraint:foo==~a/b'], 'n1', ['node==~n2']],
    [['constraint:region==eu', 'affinity:container!=~web'], 'n1', ['container!=~web']],
    [
      ['affinity:container==~web', 'affinity:container==~db', 'constraint:region==~us'],
      'n2',
      ['container==~web'],
    ],
    [['whitelist:node==~n2'], 'n2', []],
  ];
  for (const [env, best, unmet] of cases) {
    const decision = decide(threeEngines(), aRequest(env));
    t.match(decision, { type: 'placed', best: { name: best } }, env.join(' '));
    t.same(decision.explanation.unmetPreferences, unmet, env.join(' '));
  }
});

t.test(
  'schedule() prefers a full engine to none and leaves a preferred engine without resources',
  async (t) => {
    const small = aCandidate('n1', { labels: { region: 'eu' }, memoryBytes: mebibyte });
    const request = aRequest(['constraint:region==~eu'], { HostConfig: { Memory: gibibyte } });
    t.match(decide([small, aCandidate('n2')], request), { best: { name: 'n2' } });
  },
);

t.test('schedule() ignores filters that are not listed', async (t) => {
  const request = aRequest(['constraint:region==asia']);
  t.match(decide(threeEngines(), request, { filters: ['health'] }), { type: 'placed' });
});

t.test('schedule() keeps host ports apart by number, protocol and address', async (t) => {
  const holding = (port: Record<string, unknown>, state = 'running'): readonly Candidate[] => [
    aCandidate('n1', {
      containers: [aContainer({ state, ports: [{ privatePort: 80, protocol: 'tcp', ...port }] })],
    }),
  ];
  const publish = (binding: Record<string, string>, key = '80/tcp') =>
    aRequest([], { HostConfig: { PortBindings: { [key]: [binding] } } });
  const cases: readonly [string, readonly Candidate[], ReturnType<typeof publish>, boolean][] = [
    ['same port', holding({ publicPort: 80 }), publish({ HostPort: '80' }), false],
    ['other port', holding({ publicPort: 81 }), publish({ HostPort: '80' }), true],
    ['exited still holds', holding({ publicPort: 80 }, 'exited'), publish({ HostPort: '80' }), false],
    ['created still holds', holding({ publicPort: 80 }, 'created'), publish({ HostPort: '80' }), false],
    ['being removed', holding({ publicPort: 80 }, 'removing'), publish({ HostPort: '80' }), true],
    ['other protocol', holding({ publicPort: 80 }), publish({ HostPort: '80' }, '80/udp'), true],
    ['only exposed', holding({}), publish({ HostPort: '80' }), true],
    [
      'other address',
      holding({ publicPort: 80, ip: '10.0.0.1' }),
      publish({ HostPort: '80', HostIp: '10.0.0.2' }),
      true,
    ],
    [
      'same address',
      holding({ publicPort: 80, ip: '10.0.0.1' }),
      publish({ HostPort: '80', HostIp: '10.0.0.1' }),
      false,
    ],
    [
      'every address held',
      holding({ publicPort: 80, ip: '0.0.0.0' }),
      publish({ HostPort: '80', HostIp: '10.0.0.1' }),
      false,
    ],
    ['every address asked', holding({ publicPort: 80, ip: '10.0.0.1' }), publish({ HostPort: '80' }), false],
    [
      'every IPv4 address and one of IPv6',
      holding({ publicPort: 80, ip: '0.0.0.0' }),
      publish({ HostPort: '80', HostIp: 'fd00::1' }),
      true,
    ],
    [
      'every address of both families',
      holding({ publicPort: 80, ip: '::' }),
      publish({ HostPort: '80', HostIp: '10.0.0.1' }),
      false,
    ],
    ['range with a free port', holding({ publicPort: 80 }), publish({ HostPort: '80-81' }), true],
    ['range without', holding({ publicPort: 80 }), publish({ HostPort: '80-80' }), false],
    ['left to the engine', holding({ publicPort: 80 }), publish({ HostPort: '' }), true],
  ];
  for (const [name, candidates, request, placed] of cases) {
    t.equal(decide(candidates, request).type, placed ? 'placed' : 'refused', name);
  }
});

t.test('schedule() needs a port of its own for every range', async (t) => {
  const candidates = [
    aCandidate('n1', {
      containers: [aContainer({ ports: [{ privatePort: 1, publicPort: 8001, protocol: 'tcp' }] })],
    }),
  ];
  const ranges = (...texts: readonly string[]) =>
    aRequest([], {
      HostConfig: {
        PortBindings: Object.fromEntries(
          texts.map((text, index) => [`${index + 1}/tcp`, [{ HostPort: text }]]),
        ),
      },
    });
  t.equal(decide(candidates, ranges('8000-8002', '8000-8002')).type, 'placed');
  t.equal(decide(candidates, ranges('8000-8002', '8000-8001')).type, 'placed');
  t.equal(decide(candidates, ranges('8000-8002', '8000-8002', '8000-8002')).type, 'refused');
});

t.test('schedule() keeps exposed ports of network mode host apart', async (t) => {
  const request = aRequest([], { ExposedPorts: { '80/tcp': {} }, HostConfig: { NetworkMode: 'host' } });
  const host = aContainer({ networkMode: 'host', exposedPorts: ['80/tcp'] });
  const bridge = aContainer({ networkMode: 'bridge', exposedPorts: ['80/tcp'] });
  t.equal(decide([aCandidate('n1', { containers: [bridge] })], request).type, 'placed');
  t.same(outcome(decide([aCandidate('n1', { containers: [host] })], request)), [
    firstLine,
    '[port 80/tcp (Host mode)]',
    '1 of 1 engine has a container that holds port 80/tcp; docker ps -a --format "{{.Names}} {{.Ports}}" shows the holders',
  ]);
});

t.test('schedule() limits containers by the label containerslots', async (t) => {
  const withSlots = (containerslots: string) =>
    aCandidate('n1', {
      labels: { containerslots },
      containers: [aContainer(), aContainer({ state: 'exited' })],
    });
  const cases: readonly [string, boolean][] = [
    ['2', false],
    ['3', true],
    ['0', false],
    ['-1', false],
    ['', true],
    ['many', true],
    ['2.5', true],
  ];
  for (const [slots, placed] of cases) {
    t.equal(decide([withSlots(slots)], aRequest()).type, placed ? 'placed' : 'refused', slots);
  }
  t.same(outcome(decide([withSlots('2')], aRequest())), [
    firstLine,
    '[available container slots]',
    '1 of 1 engine has all of its 2 container slots taken',
  ]);
});

t.test('schedule() places a container beside those it depends on', async (t) => {
  const b1 = aContainer({
    names: ['b1', 'x/alias'],
    id: 'ab12'.padEnd(64, '1'),
    labels: { 'com.docker.swarm.id': 'ff00'.padEnd(64, '2') },
  });
  const candidates = [aCandidate('n1'), aCandidate('n2', { containers: [b1] })];
  const cases: readonly [string, boolean][] = [
    ['b1', true],
    ['/b1', true],
    ['n2/b1', true],
    ['n1/b1', false],
    [b1.id, true],
    [b1.id.slice(0, 12), true],
    ['ab', true],
    ['ff00', true],
    ['b', false],
    ['', false],
  ];
  for (const [reference, placed] of cases) {
    const decision = decide(candidates, aRequest([], { HostConfig: { VolumesFrom: [`${reference}:ro`] } }));
    t.same(decision.type === 'placed' ? outcome(decision) : [], placed ? ['n2'] : [], reference);
  }
  const request = aRequest([], {
    HostConfig: { VolumesFrom: ['zz:ro'], Links: ['b1:b'], NetworkMode: 'container:q' },
  });
  t.same(outcome(decide(candidates, request)), [
    firstLine,
    '[available container slots]',
    '[--volumes-from=zz:ro --link=b1:b --net=container:q]',
    '1 of 2 engines does not have container "zz", "b1", "q" (n1)',
    '1 of 2 engines does not have container "zz", "q" (n2)',
  ]);
});

t.test('schedule() lists every condition up to the failing filter, then the reasons', async (t) => {
  const env = ['constraint:region==eu', 'constraint:ostype==linux', 'affinity:container!=web'];
  const request = aRequest(env, { HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '80' }] } } });
  t.same(outcome(decide(threeEngines(), request)), [
    firstLine,
    '[port 80 (Bridge mode)]',
    '[available container slots]',
    '[container!=web (soft=false)]',
    '[region==eu ostype==linux]',
    '1 of 3 engines already has a container web (n1)',
    '1 of 3 engines has another label region (us); docker info shows the name and the labels of each engine',
    '1 of 3 engines has no label region (n3)',
  ]);
  t.same(outcome(decide(threeEngines(), aRequest(['constraint:zone==a', 'constraint:region==~x']))), [
    firstLine,
    '[available container slots]',
    '[zone==a]',
    '3 of 3 engines have no label zone; docker info shows the name and the labels of each engine',
  ]);
  t.same(outcome(decide(threeEngines(), aRequest(['whitelist:node==a|b']))).slice(0, 4), [
    firstLine,
    '[available container slots]',
    '[node==a|b (soft=false)]',
    '3 of 3 engines are not in the whitelist',
  ]);
  t.same(outcome(decide(threeEngines(), aRequest(['constraint:node==/(/']))).slice(-2), [
    '3 of 3 engines are not named /(/ (n1, n2, n3); docker info shows the name and the labels of each engine',
    'the value of constraint node==/(/ matches nothing: error parsing regexp: missing closing ): `(`',
  ]);
});

t.test('schedule() says when nothing is healthy, joined or free', async (t) => {
  const sick = aCandidate('n1', { healthIndicator: 0 });
  t.same(outcome(decide([sick], aRequest())), [
    'No healthy node available in the cluster',
    '1 of 1 engine is not healthy; docker info shows the error of each',
  ]);
  t.same(outcome(decide([], aRequest())), [
    'No healthy node available in the cluster',
    'the cluster has no engines',
  ]);
  t.same(outcome(decide([], aRequest(), { filters: ['constraint'] })), [
    'No nodes available in the cluster',
    'the cluster has no engines',
  ]);
  const huge = aRequest([], { HostConfig: { Memory: 1000 * gibibyte } });
  for (const strategy of ['spread', 'binpack', 'random'] as const) {
    t.same(outcome(decide([aCandidate('n1'), aCandidate('n2')], huge, { strategy })), [
      'no resources available to schedule container',
      '2 of 2 engines have less than 1000GiB of memory free (2GiB)',
    ]);
  }
  const cpus = aRequest([], { HostConfig: { NanoCpus: 3e9 } });
  const used = aCandidate('n1', { usedCpus: 0.5 });
  t.same(outcome(decide([used, sick], cpus)), [
    'no resources available to schedule container',
    '1 of 2 engines is not healthy (n1); docker info shows the error of each',
    '1 of 2 engines has less than 3 CPUs free (1.5)',
  ]);
});

t.test('schedule() fills an engine exactly and not beyond', async (t) => {
  const reserve = (memory: number) => aRequest([], { HostConfig: { Memory: memory } });
  const half = aCandidate('n1', { usedMemoryBytes: gibibyte });
  t.equal(decide([half], reserve(gibibyte)).type, 'placed');
  t.equal(decide([half], reserve(gibibyte + 1)).type, 'refused');
  const tenths = aCandidate('n1', { cpus: 0.3, usedCpus: 0.1 + 0.1 });
  t.equal(decide([tenths], aRequest([], { HostConfig: { NanoCpus: 1e8 } })).type, 'placed');
  const over = aCandidate('n1', { usedMemoryBytes: 3 * gibibyte });
  t.equal(decide([over], aRequest()).type, 'placed', 'nothing reserved fits anywhere');
});

t.test('schedule() ranks by strategy, then by containers, then by name', async (t) => {
  const one = aContainer({ cpus: 1 });
  const oneCpu = aRequest([], { HostConfig: { NanoCpus: 1e9 } });
  const free = aRequest();
  const candidates = [
    aCandidate('b'),
    aCandidate('busy', { containers: [one] }),
    aCandidate('a'),
    aCandidate('flaky', { healthIndicator: 67 }),
  ];
  t.same(outcome(decide(candidates, oneCpu)), ['a', 'b', 'busy', 'flaky']);
  t.same(outcome(decide(candidates, oneCpu, { strategy: 'binpack' })), ['busy', 'a', 'b', 'flaky']);
  t.same(outcome(decide(candidates, free)), ['a', 'b', 'busy', 'flaky'], 'without a reservation');
  t.same(outcome(decide(candidates, free, { strategy: 'binpack' })), ['busy', 'a', 'b', 'flaky']);
  const draws = [0.9, 0.1, 0.5, 0.3];
  const random = () => draws.shift() ?? 0;
  t.same(outcome(decide(candidates, free, { strategy: 'random', random })), ['busy', 'flaky', 'a', 'b']);
});

t.test('schedule() weighs in the integer arithmetic of classic swarm', async (t) => {
  const candidate = aCandidate('n1', {
    cpus: 3,
    usedCpus: 1,
    memoryBytes: 1000,
    usedMemoryBytes: 333,
    healthIndicator: 95,
  });
  const request = aRequest([], { HostConfig: { NanoCpus: 1e9, Memory: 333 } });
  const weightOf = (strategy: 'spread' | 'binpack', asked = request) =>
    decide([candidate], asked, { strategy }).explanation.scores[0]?.weight;
  t.equal(weightOf('spread'), 66 + 66 - 950);
  t.equal(weightOf('binpack'), 66 + 66 + 950);
  t.equal(weightOf('spread', aRequest()), 100 + 100 - 950);
});
