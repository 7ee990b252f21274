// FleetDecisions against schedule(): whatever it kept from decisions before, it decides and counts the same.
import t from 'tap';
import fc from 'fast-check';
import { filterNames, strategyNames, type Candidate } from '../../../controller/schedule/candidate.js';
import { FleetDecisions } from '../../../controller/schedule/fleet/fleet-decisions.js';
import { Fleet } from '../../../controller/schedule/fleet/fleet.js';
import { SlotSet } from '../../../controller/schedule/fleet/slot-set.js';
import type { PlacementRequest } from '../../../controller/schedule/placement-request.js';
import { schedule } from '../../../controller/schedule/schedule.js';
import { aCandidate, aContainer, aRequest, mebibyte } from './builders.js';

const slots = 70; // more than two words of bits
const word = fc.constantFrom('eu', 'us', 'web', '');
const key = fc.constantFrom('region', 'zone', 'container', 'constructor');

const container = fc
  .record({
    name: fc.constantFrom('web', 'db', 'x'),
    labels: fc.dictionary(key, word, { maxKeys: 2 }),
    port: fc.integer({ min: 79, max: 82 }),
    networkMode: fc.constantFrom('bridge', 'host'),
    cpus: fc.constantFrom(0, 0.5),
  })
  .map(({ name, port, ...others }) =>
    aContainer({
      ...others,
      id: name.repeat(20).slice(0, 20).padEnd(64, '0'),
      names: [name],
      exposedPorts: ['80/tcp'],
      ports: [{ privatePort: 80, protocol: 'tcp', publicPort: port }],
    }),
  );

const look = fc.record({
  labels: fc.dictionary(key, word, { maxKeys: 2 }),
  slots: fc.constantFrom(undefined, '1', '2'),
  healthIndicator: fc.constantFrom(0, 67, 100, 100),
  memoryBytes: fc.constantFrom(0, 64 * mebibyte, 256 * mebibyte),
  images: fc.constantFrom([], [{ id: 'sha256:a', repoTags: ['web:1'], repoDigests: [] }]),
  containers: fc.array(container, { maxLength: 3 }),
});

type Look = typeof look extends fc.Arbitrary<infer T> ? T : never;

function candidateOf(slot: number, { slots: limit, labels, ...overrides }: Look): Candidate {
  return aCandidate(`n${slot}`, {
    ...overrides,
    labels: { ...labels, ...(limit === undefined ? {} : { containerslots: limit }) },
  });
}

const directive = fc
  .tuple(
    fc.constantFrom('constraint:', 'affinity:', 'whitelist:'),
    fc.constantFrom('region', 'zone', 'node', 'container', 'image', 'constructor'),
    fc.constantFrom('==', '!=', '==~', '!=~'),
    fc.constantFrom('eu', '*', 'n1', 'n[1-3]', '/e/', 'n1|n2|n40', 'web', 'web:1', '/(/'),
  )
  .map((parts) => parts.join(''));

const request: fc.Arbitrary<PlacementRequest> = fc
  .record({
    env: fc.array(directive, { maxLength: 3 }),
    cpus: fc.constantFrom(0, 0, 0.5, 2),
    memory: fc.constantFrom(0, 0, 32 * mebibyte),
    ports: fc.array(fc.constantFrom('80', '81', '80-81', ''), { maxLength: 2 }),
    host: fc.boolean(),
    volumesFrom: fc.constantFrom([], [], ['web'], ['db', 'x']),
  })
  .map(({ env, cpus, memory, ports, host, volumesFrom }) =>
    aRequest(env, {
      ...(host ? { ExposedPorts: { '80/tcp': {} } } : {}),
      HostConfig: {
        NanoCpus: cpus * 1e9,
        Memory: memory,
        VolumesFrom: volumesFrom,
        ...(host ? { NetworkMode: 'host' } : {}),
        PortBindings: { '80/tcp': ports.map((HostPort) => ({ HostPort })) },
      },
    }),
  );

const slot = fc.nat(slots - 1);
const step = fc.oneof(
  fc.record({ type: fc.constant('look' as const), slot, look }),
  fc.record({ type: fc.constant('gone' as const), slot }),
  { weight: 2, arbitrary: fc.record({ type: fc.constant('ask' as const), request }) },
  fc.record({ type: fc.constant('again' as const) }),
);

t.test('FleetDecisions decides, counts and explains as schedule() does from scratch', async () => {
  fc.assert(
    fc.property(
      fc.array(look, { minLength: slots, maxLength: slots }),
      fc.array(step, { maxLength: 30 }),
      fc.constantFrom(...strategyNames),
      (looks, steps, strategy) => {
        const world: (Candidate | undefined)[] = looks.map((one, at) => candidateOf(at, one));
        const fleet = new Fleet();
        fleet.reset(world);
        let last = aRequest();
        const decisions = new FleetDecisions({ fleet, strategy, filters: filterNames, random: draw() });
        for (const one of steps) {
          if (one.type === 'look') world[one.slot] = candidateOf(one.slot, one.look);
          if (one.type === 'gone') world[one.slot] = undefined;
          if ('slot' in one) {
            fleet.set(one.slot, world[one.slot]);
            continue;
          }
          if (one.type === 'ask') last = one.request;
          const candidates = world.filter((candidate) => candidate !== undefined);
          const expected = schedule({
            request: last,
            candidates,
            strategy,
            filters: filterNames,
            random: draw(),
          });
          const decision = decisions.decide({ request: last, priors: [] });
          if (expected.type === 'refused') {
            if (decision !== undefined) throw new Error(`took ${decision.best.name}`);
            continue;
          }
          // Two that draw at random agree on whom they leave out, not on whom they take.
          const kept = (brief: typeof expected.brief): unknown =>
            strategy === 'random' ? { ...brief, scores: brief.scores.length, unmet: [] } : brief;
          const [was, wanted] = [decision?.brief, expected.brief].map((brief) =>
            JSON.stringify(brief === undefined ? undefined : kept(brief)),
          );
          if (was !== wanted) throw new Error(`decided ${was}, the rules say ${wanted}`);
          if (strategy !== 'random' && decision?.best !== expected.best) throw new Error('took another one');
          if (decision !== undefined && !candidates.includes(decision.best))
            throw new Error('took a stale one');
        }
      },
    ),
    { numRuns: 200 },
  );
});

/** Numbers that never come twice. */
function draw(): () => number {
  let drawn = 0;
  return () => (drawn = (drawn + 0.618_033_988_749) % 1);
}

t.test(
  'FleetDecisions counts what comes before the filters by the first that leaves an engine out',
  async (t) => {
    const fleet = new Fleet();
    fleet.reset(['n1', 'n2', 'n3', 'n4', 'n5'].map((name) => aCandidate(name)));
    const decisions = new FleetDecisions({
      fleet,
      strategy: 'spread',
      filters: filterNames,
      random: () => 0,
    });
    const failed = new SlotSet(fleet.size);
    failed.add(0);
    failed.add(1);
    let asked = 0;
    const cordon = {
      key: 'cordon 0',
      keeps: ({ name }: Candidate) => {
        asked += 1;
        return !['n2', 'n3'].includes(name);
      },
    };
    const priors = [
      { by: 'failed', why: 'did not take it', leavesOut: failed },
      { by: 'cordon', why: 'is cordoned', leavesOut: cordon },
    ];
    const first = decisions.decide({ request: aRequest(), priors });
    t.equal(first?.best.name, 'n4');
    t.same(first?.brief.leftOut, [
      { by: 'failed', count: 2, nodes: ['n1', 'n2'], why: 'did not take it' },
      { by: 'cordon', count: 1, nodes: ['n3'], why: 'is cordoned' },
    ]);
    t.equal(asked, 5);
    fleet.set(4, aCandidate('n5', { containers: [aContainer()] }));
    t.equal(decisions.decide({ request: aRequest(), priors })?.best.name, 'n4');
    t.equal(asked, 6, 'only the one that changed is asked again');
    decisions.decide({
      request: aRequest(),
      priors: [{ ...priors[1], leavesOut: { ...cordon, key: 'cordon 1' } } as never],
    });
    t.equal(asked, 11, 'another key asks everyone');
  },
);

t.test('FleetDecisions compares many preferences one by one', async () => {
  const fleet = new Fleet();
  const candidates = Array.from({ length: 40 }, (_unused, at) =>
    aCandidate(`n${at}`, { labels: { zone: `z${at % 9}` } }),
  );
  fleet.reset(candidates);
  const request = aRequest(Array.from({ length: 8 }, (_unused, at) => `constraint:zone==~z${8 - at}`));
  const decisions = new FleetDecisions({ fleet, strategy: 'spread', filters: filterNames, random: () => 0 });
  const expected = schedule({
    request,
    candidates,
    strategy: 'spread',
    filters: filterNames,
    random: () => 0,
  });
  if (expected.type === 'refused') throw new Error(expected.message);
  t.same(decisions.decide({ request, priors: [] })?.brief, expected.brief);
  t.equal(expected.best.name, 'n17');
});
