// What the fleet as a whole tells: whether it is the operator that is cut off.
import t from 'tap';
import { SwarmError, type ErrorCode } from '../../../controller/base/errors.js';
import { Fleet, type NodeView } from '../../../controller/reconcile/fleet.js';

const failed = (code: ErrorCode): NodeView => ({
  type: 'failed',
  error: new SwarmError(code, 'x'),
  failures: 1,
});
const down = failed('ENGINE_UNREACHABLE');
const seen: NodeView = {
  type: 'observed',
  engine: {
    ...{
      id: 'A',
      name: 'h',
      version: '26.1.5',
      apiVersion: '1.45',
      minApiVersion: '1.24',
      os: 'linux',
      arch: 'x',
    },
    ...{ cpus: 1, memoryBytes: 1, labels: {} },
  },
  observation: { engineId: 'A', containers: [], images: [] },
  failures: 0,
};

/** The answer is of as many nodes as there are views, or of more, of which nothing was seen yet. */
const rows: readonly (readonly [string, readonly NodeView[], boolean, number?])[] = [
  ['there is no node', [], false],
  ['the only engine is down', [down], false],
  ['every engine is silent', [down, failed('ENGINE_TIMEOUT'), down], true],
  ['one answers', [down, down, seen], false],
  ['one was not looked at yet', [down, { type: 'unknown' }], false],
  ['all that were looked at are silent, and others were not looked at', [down, down], false, 3],
  [
    'all but those without a file were looked at, too',
    [down, down, failed('CREDENTIALS_UNREADABLE')],
    true,
    3,
  ],
  ['two are silent, and one has no machine', [down, down, failed('MACHINE_NOT_FOUND')], true],
  ['one is silent, and one has no file', [down, failed('CREDENTIALS_UNREADABLE')], false],
  ['one was replaced, so it answers', [down, down, failed('ENGINE_REPLACED')], false],
  ['one refuses us, so it is there', [down, failed('ENGINE_CLIENT_REJECTED')], false],
];

for (const [name, views, expected, nodes = views.length] of rows) {
  t.test(`isCutOff() is ${expected} when ${name}`, async (t) => {
    const fleet = new Fleet();
    for (const [index, view] of views.entries()) fleet.setView(`n${index}`, view);
    t.equal(fleet.isCutOff(nodes), expected);
  });
}

t.test('mayBeCutOff() holds until an engine answers, or all were looked at and it is not so', async (t) => {
  const fleet = new Fleet();
  t.equal(fleet.mayBeCutOff(0), false);
  t.equal(fleet.mayBeCutOff(1), false, 'the only engine is nobody to compare with');
  t.equal(fleet.mayBeCutOff(3), true, 'nothing was looked at');
  fleet.setView('n1', down);
  t.same([fleet.mayBeCutOff(3), fleet.isCutOff(3)], [true, false]);
  fleet.setView('n2', failed('MACHINE_NOT_FOUND'));
  t.same([fleet.mayBeCutOff(3), fleet.isCutOff(3)], [true, false]);
  fleet.setView('n3', failed('MACHINE_NOT_FOUND'));
  t.same([fleet.mayBeCutOff(3), fleet.isCutOff(3)], [false, false], 'only one engine is silent');
  fleet.setView('n3', down);
  t.same([fleet.mayBeCutOff(3), fleet.isCutOff(3)], [true, true]);
  fleet.setView('n2', seen);
  t.same([fleet.mayBeCutOff(3), fleet.isCutOff(3)], [false, false]);
  fleet.forgetNode('n2');
  t.equal(fleet.isCutOff(2), true);
});

t.test('Fleet knows which nodes have an engine, whatever they had before', async (t) => {
  const fleet = new Fleet();
  const other: NodeView = seen.type === 'observed' ? { ...seen, engine: { ...seen.engine, id: 'B' } } : seen;
  fleet.setView('n2', seen);
  fleet.setView('n1', seen);
  t.same(fleet.nodesWithEngine('A'), ['n1', 'n2']);
  fleet.setView('n1', other);
  fleet.setView('n2', seen);
  t.same([fleet.nodesWithEngine('A'), fleet.nodesWithEngine('B')], [['n2'], ['n1']]);
  fleet.setView('n2', down);
  fleet.forgetNode('n1');
  t.same([fleet.nodesWithEngine('A'), fleet.nodesWithEngine('B')], [[], []]);
});
