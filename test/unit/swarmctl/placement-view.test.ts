// What swarmctl why prints.
import t from 'tap';
import { describeWhy, type PlacedContainer } from '../../../cmd/swarmctl/output/placement-view.js';
import type { PlacementRecord } from '../../../controller/schedule/placement-record.js';
import { matchGolden } from '../../support/golden.js';

const nowMs = Date.UTC(2026, 0, 2);
const record: PlacementRecord = {
  atSeconds: nowMs / 1000 - 7200,
  node: 'node2',
  strategy: 'spread',
  total: 9,
  fitting: 5,
  scores: [
    { node: 'node2', score: 112, containers: 3 },
    { node: 'node1', score: 118, containers: 4 },
    { node: 'node4', score: 125, containers: 2 },
    { node: 'node6', score: 125, containers: 6 },
  ],
  leftOut: [
    { by: 'health', count: 1, nodes: ['node3'], why: 'is not healthy' },
    { by: 'constraint', count: 3, nodes: ['node5', 'node7'], why: 'has another label zone (b)' },
  ],
  unmet: ['disk==~ssd'],
  notes: [],
};
const web: PlacedContainer = {
  name: 'web',
  node: 'node2',
  state: 'running',
  createdMs: nowMs - 7_200_000,
  labels: {
    'com.docker.swarm.constraints': '["zone==a","disk==~ssd"]',
    'io.swarmctl.reserved-memory-bytes': '536870912',
    'io.swarmctl.reserved-cpus': '0',
  },
  record,
};

t.test('describeWhy() shows the choice, what the others scored and what left engines out', async (t) => {
  await matchGolden(t, 'swarmctl-why.txt', describeWhy(web, nowMs));
});

t.test('describeWhy() says what is not kept, moved or borrowed', async (t) => {
  const rows: readonly [string, PlacedContainer, RegExp][] = [
    ['no record', { ...web, record: undefined }, /^web runs on node2\. Nothing is kept about why/],
    ['moved', { ...web, node: 'node9' }, /^web runs on node9: .* and was moved since; then it was node2\.$/m],
    [
      'label of an image',
      { ...web, node: 'node9', createdMs: nowMs },
      /^web runs on node9\. Its label about placement is that of another container, on node2/,
    ],
    ['ended', { ...web, state: 'exited' }, /^web is on node2 \(exited\): /],
    ['an engine answers', { ...web, node: undefined }, /^web runs on an engine: chosen by spread/],
  ];
  for (const [name, container, text] of rows) t.match(describeWhy(container, nowMs), text, name);
});

t.test('describeWhy() names what decided', async (t) => {
  const [first, second] = record.scores;
  if (first === undefined || second === undefined) throw new Error('no scores');
  const rows: readonly [Partial<PlacementRecord>, string][] = [
    [{}, 'lowest score'],
    [{ strategy: 'binpack', scores: [second, first] }, 'highest score'],
    [{ strategy: 'random' }, 'drawn by lot'],
    [{ scores: [first], fitting: 1 }, 'the only one that can run it'],
    [{ scores: [second, first], unmet: [] }, 'satisfies the preferences'],
    [{ scores: [second, first] }, 'satisfies more preferences'],
    [{ scores: [first, { ...second, score: 112 }] }, 'equal score, fewest containers'],
    [{ scores: [first, { ...first, node: 'z' }] }, 'equal score and containers, first by name'],
  ];
  for (const [changes, reason] of rows) {
    t.match(describeWhy({ ...web, record: { ...record, ...changes } }, nowMs), `chosen: ${reason}`, reason);
  }
});
