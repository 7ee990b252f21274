// Who is suspended, until when, and how that reads.
import t from 'tap';
import {
  describeSuspension,
  hasEnded,
  suspensionOf,
  suspensionOfNode,
} from '../../../controller/api/suspension.js';
import { aCluster, aNode } from '../../support/resource-builders.js';

const nowMs = Date.UTC(2026, 0, 1, 12);
const noted = (notes: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(notes).map(([key, value]) => [`swarmctl.io/${key}`, value]));
const node = (notes: Readonly<Record<string, string>>, suspend = false) =>
  aNode({ metadata: { annotations: noted(notes) }, spec: { suspend } });
const text = (object: ReturnType<typeof aNode>): string | undefined => {
  const suspension = suspensionOf(object, nowMs);
  return suspension && describeSuspension(suspension);
};

const by = { suspended: 'new disk', 'suspended-by': 'ann' };
const cases: readonly (readonly [string, ReturnType<typeof aNode>, string | undefined])[] = [
  ['nothing', node({}), undefined],
  ['only an author', node({ 'suspended-by': 'ann' }), undefined],
  ['a reason', node({ suspended: 'new disk' }), 'node "node1" is suspended: new disk'],
  ['no words', node({ suspended: '' }), 'node "node1" is suspended'],
  ['an author', node(by), 'node "node1" is suspended by ann: new disk'],
  [
    'an end to come',
    node({ ...by, 'suspended-until': '2026-01-01T12:00:01Z' }),
    'node "node1" is suspended by ann until 2026-01-01T12:00:01Z: new disk',
  ],
  ['an end that has come', node({ ...by, 'suspended-until': '2026-01-01T12:00:00Z' }), undefined],
  [
    'an end that cannot be read',
    node({ ...by, 'suspended-until': 'soon' }),
    'node "node1" is suspended by ann: new disk',
  ],
  ['the spec', node({}, true), 'spec.suspend of node "node1" is true'],
  [
    'the spec, and an end that has come',
    node({ ...by, 'suspended-until': '2026-01-01T12:00:00Z' }, true),
    'spec.suspend of node "node1" is true: new disk',
  ],
];

for (const [name, object, expected] of cases) {
  t.test(`suspensionOf() with ${name}`, async (t) => t.equal(text(object), expected));
}

t.test('suspensionOfNode() is its own, else that of its cluster', async (t) => {
  const cluster = aCluster({ suspend: true });
  t.match(suspensionOfNode(node(by), cluster, nowMs), { object: { kind: 'Node' } });
  t.match(suspensionOfNode(node({}), cluster, nowMs), { object: { kind: 'Cluster' } });
  t.equal(suspensionOfNode(node({}), undefined, nowMs), undefined);
});

t.test('hasEnded() is true of annotations whose time is over', async (t) => {
  const until = (time: string) => hasEnded(node({ ...by, 'suspended-until': time }), nowMs);
  t.same(['2026-01-01T12:00:00Z', '2026-01-01T12:00:01Z', 'soon'].map(until), [true, false, false]);
  t.equal(hasEnded(node({}), nowMs), false);
});
