// What a create says of its placement.
import t from 'tap';
import { createWarnings, withWarnings } from '../../../controller/manager/placement/create-warnings.js';
import type { PlacementRecord } from '../../../controller/schedule/placement-record.js';

const plain: PlacementRecord = {
  atSeconds: 0,
  node: 'node2',
  strategy: 'spread',
  total: 2,
  fitting: 2,
  scores: [{ node: 'node2', score: 200, containers: 0 }],
  leftOut: [],
  unmet: [],
  notes: [],
};
const eventful: PlacementRecord = {
  ...plain,
  leftOut: [{ by: 'failed', count: 1, nodes: ['node1'], why: 'did not take it' }],
  unmet: ['region==~asia'],
};

void t.test('createWarnings() speaks of what was asked for and not had', async (t) => {
  const ordinary = { record: plain, broughtImage: undefined };
  t.same(createWarnings('unmet', ordinary), [], 'an ordinary run prints nothing');
  t.same(createWarnings('always', ordinary), [
    'Placed on node2 by spread. Candidates 2 of 2: node2 score 200, 1 more.',
  ]);
  const special = { record: eventful, broughtImage: 'busybox' };
  t.same(createWarnings('unmet', special), [
    'Placed on node2, because node1 did not take it',
    'Placed on node2, which does not satisfy region==~asia',
    'Image busybox was copied to node2 from another engine',
  ]);
  t.same(createWarnings('never', special), []);
});

void t.test(
  'withWarnings() keeps the warnings of the engine, and an answer without more as it is',
  async (t) => {
    const answer = {
      status: 201,
      rawHeaders: [],
      body: Buffer.from('{"Id":"x","Warnings":["own"],"New":1}'),
    };
    t.equal(withWarnings(answer, []), answer);
    t.same(JSON.parse(withWarnings(answer, ['more']).body.toString()), {
      Id: 'x',
      Warnings: ['own', 'more'],
      New: 1,
    });
    const none = { ...answer, body: Buffer.from('{"Id":"x","Warnings":null}') };
    t.match(JSON.parse(withWarnings(none, ['more']).body.toString()), { Warnings: ['more'] });
  },
);
