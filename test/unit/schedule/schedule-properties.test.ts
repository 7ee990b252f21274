// What holds for every decision, checked on arbitrary clusters and requests.
import t from 'tap';
import fc from 'fast-check';
import { filterNames, strategyNames, type Candidate } from '../../../controller/schedule/candidate.js';
import { describePlacement } from '../../../controller/schedule/placement-record.js';
import { pendingContainer } from '../../../controller/schedule/pending-container.js';
import { parsePlacement, type PlacementRequest } from '../../../controller/schedule/placement-request.js';
import { schedule, type Decision } from '../../../controller/schedule/schedule.js';
import { aCandidate, aContainer, aRequest, decide, mebibyte, outcome, withContainer } from './builders.js';

const word = fc.constantFrom('eu', 'us', 'a', 'web', 'db', '');
const key = fc.constantFrom('region', 'zone', 'constructor', 'node', 'container', 'image');

const arbitraryCandidate: fc.Arbitrary<Candidate> = fc
  .record({
    name: fc.constantFrom('n1', 'n2', 'n3', 'n4', 'n5'),
    labels: fc.dictionary(key, word),
    healthIndicator: fc.constantFrom(0, 67, 100),
    usedCpus: fc.integer({ min: 0, max: 3 }),
    images: fc.constantFrom([], [{ id: 'sha256:a', repoTags: ['web:1'], repoDigests: ['web@sha256:b'] }]),
    containers: fc.array(
      fc
        .record({ name: word, labels: fc.dictionary(key, word), port: fc.integer({ min: 79, max: 82 }) })
        .map(({ name, labels, port }) =>
          aContainer({
            names: name === '' ? [] : [name],
            labels,
            ports: [{ privatePort: 80, protocol: 'tcp', publicPort: port }],
          }),
        ),
      { maxLength: 3 },
    ),
  })
  .map(({ name, ...overrides }) => aCandidate(name, overrides));

const candidates = fc.uniqueArray(arbitraryCandidate, { maxLength: 5, selector: ({ name }) => name });

const directive = fc
  .tuple(
    fc.constantFrom('constraint:', 'affinity:', 'whitelist:'),
    key,
    fc.constantFrom('==', '!=', '==~', '!=~'),
    fc.constantFrom('eu', '*', 'n1', 'n[12]', '/e/', 'n1|n2', 'web', '/(/', '/'),
  )
  .map((parts) => parts.join(''));

const arbitraryRequest: fc.Arbitrary<PlacementRequest> = fc
  .record({ env: fc.array(directive, { maxLength: 4 }), cpus: fc.integer({ min: 0, max: 2 }), port: word })
  .map(({ env, cpus, port }) =>
    aRequest(env, {
      HostConfig: {
        NanoCpus: cpus * 1e9,
        PortBindings: { '80/tcp': [{ HostPort: port === 'a' ? '80-81' : port === 'web' ? '80' : '' }] },
      },
    }),
  );

const hardOnly = (request: PlacementRequest): PlacementRequest => ({
  ...request,
  constraints: request.constraints.filter(({ soft }) => !soft),
  affinities: request.affinities.filter(({ soft }) => !soft),
  whitelists: request.whitelists.filter(({ soft }) => !soft),
});

t.test('schedule() places exactly where the hard expressions allow it on an engine taken alone', async () => {
  fc.assert(
    fc.property(
      candidates,
      arbitraryRequest,
      fc.constantFrom(...strategyNames),
      (cluster, request, strategy) => {
        const allowed = cluster.filter(
          (candidate) => decide([candidate], hardOnly(request), { strategy }).type === 'placed',
        );
        const decision = decide(cluster, request, { strategy });
        const names = decision.type === 'placed' ? decision.ranked.map(({ name }) => name) : [];
        return (
          JSON.stringify([...names].sort()) === JSON.stringify(allowed.map(({ name }) => name).sort()) &&
          (decision.type === 'refused' || decision.ranked[0] === decision.best)
        );
      },
    ),
    { numRuns: 1000 },
  );
});

t.test('schedule() accounts for every engine and says why in words', async () => {
  fc.assert(
    fc.property(candidates, arbitraryRequest, (cluster, request) => {
      const decision = decide(cluster, request);
      const { explanation } = decision;
      const counted = explanation.reasons.reduce((sum, { count }) => sum + count, 0);
      return (
        explanation.total === cluster.length &&
        explanation.leftOut.length + explanation.scores.length === cluster.length &&
        counted === explanation.leftOut.length &&
        (decision.type === 'refused'
          ? decision.message.split('\n').length > 1
          : agrees(decision, cluster.length))
      );
    }),
    { numRuns: 1000 },
  );
});

/** What is kept of a decision says the same as its whole explanation, shorter. */
function agrees(decision: Decision & { type: 'placed' }, total: number): boolean {
  const { brief, explanation, ranked } = decision;
  const leftOut = brief.leftOut.reduce((sum, { count }) => sum + count, 0);
  return (
    brief.fitting === ranked.length &&
    brief.fitting + leftOut === total &&
    brief.scores.every(({ node }, index) => node === ranked[index]?.name) &&
    brief.scores.length === Math.min(4, ranked.length) &&
    JSON.stringify(brief.unmet) === JSON.stringify(explanation.unmetPreferences)
  );
}

t.test('schedule() does not depend on the order of the candidates', async () => {
  fc.assert(
    fc.property(
      candidates,
      arbitraryRequest,
      fc.constantFrom('spread', 'binpack'),
      (cluster, request, strategy) => {
        const names = (decision: Decision): string => outcome(decision)[0] ?? '';
        return (
          names(decide(cluster, request, { strategy })) ===
          names(decide([...cluster].reverse(), request, { strategy }))
        );
      },
    ),
  );
});

/** Places the same request again and again; each container counts in the next decision. */
function placeRepeatedly(
  start: readonly Candidate[],
  request: PlacementRequest,
  { times, strategy }: { times: number; strategy: 'spread' | 'binpack' },
): { readonly cluster: readonly Candidate[]; readonly refused: number } {
  let cluster = start;
  let refused = 0;
  for (let turn = 0; turn < times; turn += 1) {
    const decision = schedule({
      request,
      candidates: cluster,
      strategy,
      filters: filterNames,
      random: () => 0,
    });
    if (decision.type === 'refused') {
      refused += 1;
      continue;
    }
    const container = pendingContainer({ request, candidate: decision.best, id: `pending-${turn}` });
    cluster = cluster.map((candidate) =>
      candidate === decision.best ? withContainer(candidate, container) : candidate,
    );
  }
  return { cluster, refused };
}

const numbered = (count: number): readonly Candidate[] =>
  Array.from({ length: count }, (_unused, index) => aCandidate(`n${index}`));

t.test('schedule() spread keeps equal engines within one container of each other', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 0, max: 30 }),
      fc.constantFrom(0, mebibyte, 20 * mebibyte),
      (engines, times, memory) => {
        const request = aRequest([], { HostConfig: { Memory: memory } });
        const { cluster } = placeRepeatedly(numbered(engines), request, { times, strategy: 'spread' });
        const counts = cluster.map(({ containers }) => containers.length);
        return Math.max(...counts) - Math.min(...counts) <= 1;
      },
    ),
  );
});

t.test('schedule() never reserves more than an engine has, whatever the strategy', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 25 }),
      fc.constantFrom(0.1, 0.3, 1),
      fc.constantFrom('spread', 'binpack'),
      (engines, times, cpus, strategy) => {
        const request = aRequest([], { HostConfig: { NanoCpus: cpus * 1e9 } });
        const { cluster, refused } = placeRepeatedly(numbered(engines), request, { times, strategy });
        const room = engines * Math.floor(2 / cpus + 1e-9);
        return (
          refused === Math.max(0, times - room) &&
          cluster.every((candidate) => candidate.usedCpus <= candidate.cpus + 1e-6)
        );
      },
    ),
  );
});

t.test('pendingContainer() holds its port, its label and its resources at once', async (t) => {
  const publish = aRequest([], { HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '8000-8001' }] } } });
  const afterPorts = placeRepeatedly(numbered(2), publish, { times: 5, strategy: 'binpack' });
  t.equal(afterPorts.refused, 1, 'two engines with two ports each');
  t.same(
    afterPorts.cluster.map(({ containers }) =>
      containers.flatMap(({ ports }) => ports.map(({ publicPort }) => publicPort)),
    ),
    [
      [8000, 8001],
      [8000, 8001],
    ],
  );
  const alone = parsePlacement({
    Labels: { 'test.label': 'true' },
    Env: ['affinity:test.label!=true'],
  }).request;
  const afterLabels = placeRepeatedly(numbered(2), alone, { times: 3, strategy: 'spread' });
  t.equal(afterLabels.refused, 1, 'self anti-affinity on two engines');
  const refusal = decide(afterLabels.cluster, alone);
  t.same(outcome(refusal).slice(0, 3), [
    'Unable to find a node that satisfies the following conditions ',
    '[available container slots]',
    '[test.label!=true (soft=false)]',
  ]);
});

t.test('describePlacement() tells the whole story of a decision', async (t) => {
  const cluster = [
    aCandidate('node1', { containers: [aContainer()] }),
    aCandidate('node2'),
    aCandidate('node3', { healthIndicator: 0 }),
    aCandidate('node5', { labels: { zone: 'b' } }),
  ];
  const request = aRequest(['constraint:zone!=b', 'constraint:disk==~ssd']);
  const decision = decide(cluster, request);
  if (decision.type === 'refused') throw new Error(decision.message);
  t.equal(
    describePlacement({ ...decision.brief, atSeconds: 0, node: 'node2', strategy: 'spread' }),
    'Candidates 2 of 4: node2 score 200, node1 200. ' +
      'Left out: node3 is not healthy; node5 has a label zone that matches b (b). ' +
      'Preferences not met: disk==~ssd.',
  );
});
