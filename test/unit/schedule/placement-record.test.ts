// What is kept of a decision on the container.
import t from 'tap';
import fc from 'fast-check';
import {
  describePlacement,
  formatPlacementRecord,
  readPlacementRecord,
  shownScore,
  type PlacementRecord,
} from '../../../controller/schedule/placement-record.js';

const record: PlacementRecord = {
  atSeconds: 1_700_000_000,
  node: 'node2',
  strategy: 'spread',
  total: 7,
  fitting: 3,
  scores: [
    { node: 'node2', score: 112, containers: 3 },
    { node: 'node1', score: 118, containers: 4 },
  ],
  leftOut: [
    { by: 'health', count: 1, nodes: ['node3'], why: 'is not healthy' },
    { by: 'constraint', count: 3, nodes: [], why: '' },
  ],
  unmet: ['disk==~ssd'],
  notes: [],
};

t.test('formatPlacementRecord() is one short line that readPlacementRecord() reads back', async (t) => {
  const text = formatPlacementRecord(record);
  t.equal(
    text,
    '{"at":1700000000,"node":"node2","by":"spread","of":7,"fit":3,"scores":[["node2",112,3],["node1",118,4]],"out":[["health",1,["node3"],"is not healthy"],["constraint",3,[],""]],"unmet":["disk==~ssd"]}',
  );
  t.same(readPlacementRecord(text), record);
  t.equal(
    describePlacement(record),
    'Candidates 3 of 7: node2 score 112, node1 118, 1 more. Left out: node3 is not healthy; 3 engines (constraint). Preferences not met: disk==~ssd.',
  );
});

t.test('formatPlacementRecord() is never long, and keeps the engine and its score to the last', async () => {
  const texts = fc.array(fc.string({ maxLength: 400 }), { maxLength: 12 });
  fc.assert(
    fc.property(texts, texts, texts, (unmet, notes, nodes) => {
      const leftOut = nodes.map((why) => ({ by: 'constraint', count: 5, nodes: nodes.slice(0, 3), why }));
      const read = readPlacementRecord(formatPlacementRecord({ ...record, unmet, notes, leftOut }));
      return (
        formatPlacementRecord({ ...record, unmet, notes, leftOut }).length <= 1_500 &&
        read?.node === 'node2' &&
        read.scores.length === 2
      );
    }),
  );
});

t.test('readPlacementRecord() takes nothing that is not ours', async (t) => {
  for (const text of [undefined, '', 'x', '[]', '{}', '{"node":5}']) {
    t.equal(readPlacementRecord(text), undefined, String(text));
  }
  t.match(readPlacementRecord('{"node":"n","scores":"x","out":[[1],"y"],"unmet":[1]}'), {
    node: 'n',
    scores: [],
    leftOut: [],
    unmet: [],
  });
});

t.test('shownScore() leaves the health of a sound engine out', async (t) => {
  t.equal(shownScore(-800, 'spread'), 200);
  t.equal(shownScore(1112, 'binpack'), 112);
  t.equal(shownScore(0.123_456, 'random'), 0.123);
});
