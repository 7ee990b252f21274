// When a missing manifest may delete its object, and when not.
import t from 'tap';
import fc from 'fast-check';
import { annotations } from '../../../controller/api/labels.js';
import { formatKey } from '../../../controller/api/object-key.js';
import type { Resource } from '../../../controller/api/resources.js';
import { planPrune, type PruneInput, type PrunePlan } from '../../../controller/source/plan-prune.js';
import { aCluster, aNode } from '../../support/resource-builders.js';

const nodes = (count: number): Resource[] =>
  Array.from({ length: count }, (_, index) => aNode({ name: `n${index}` }));
const approved = { annotations: { [annotations.deletionApproved]: 'true' } };

/** Everything was seen missing 30 s ago, unless a test says otherwise. */
function plan(
  stored: readonly Resource[],
  desired: readonly string[],
  changes: Partial<PruneInput> = {},
): PrunePlan {
  return planPrune({
    stored,
    desired: new Set(desired),
    heldBefore: new Set(),
    missingSinceMs: new Map(stored.map((resource) => [idOf(resource), 0])),
    nowMs: 30_000,
    pruneDelayMs: 30_000,
    ...changes,
  });
}

function idOf(resource: Resource): string {
  return formatKey({ kind: resource.kind, name: resource.metadata.name });
}

const pruned = (result: PrunePlan): string[] => result.prune.map(formatKey);
const held = (result: PrunePlan): string[] => result.held.map(({ key, why }) => `${formatKey(key)}: ${why}`);

t.test('planPrune() prunes one missing node that was seen missing long enough', async (t) => {
  t.same(pruned(plan(nodes(3), ['node/n0', 'node/n1'])), ['node/n2']);
});

t.test('planPrune() waits until a key was seen missing in two looks that are far enough apart', async (t) => {
  const first = plan(nodes(3), ['node/n0', 'node/n1'], { missingSinceMs: new Map(), nowMs: 100 });
  t.match(first, { prune: [], held: [], nextDueMs: 30_100 });
  const again = { missingSinceMs: first.missingSinceMs };
  t.same(pruned(plan(nodes(3), ['node/n0', 'node/n1'], { ...again, nowMs: 30_099 })), []);
  t.same(pruned(plan(nodes(3), ['node/n0', 'node/n1'], { ...again, nowMs: 30_100 })), ['node/n2']);
  t.same(
    pruned(plan(nodes(3), ['node/n0', 'node/n1'], { missingSinceMs: new Map(), pruneDelayMs: 0 })),
    [],
    'one look is never enough',
  );
});

t.test('planPrune() starts over for a key that came back in between', async (t) => {
  const first = plan(nodes(3), ['node/n0', 'node/n1'], { missingSinceMs: new Map(), nowMs: 0 });
  const back = plan(nodes(3), ['node/n0', 'node/n1', 'node/n2'], {
    missingSinceMs: first.missingSinceMs,
    nowMs: 20_000,
  });
  t.equal(back.missingSinceMs.size, 0);
  t.same(
    pruned(plan(nodes(3), ['node/n0', 'node/n1'], { missingSinceMs: back.missingSinceMs, nowMs: 40_000 })),
    [],
  );
});

t.test('planPrune() holds back what looks like an accident', async (t) => {
  t.same(held(plan(nodes(5), ['node/n0', 'node/n1', 'node/n2'])), [
    'node/n3: 2 of 5 nodes would be deleted at once',
    'node/n4: 2 of 5 nodes would be deleted at once',
  ]);
  t.equal(
    pruned(plan(nodes(10), ['node/n0', 'node/n1', 'node/n2', 'node/n3', 'node/n4', 'node/n5', 'node/n6']))
      .length,
    3,
    '30 % may go',
  );
  t.equal(
    pruned(plan(nodes(10), ['node/n0', 'node/n1', 'node/n2', 'node/n3', 'node/n4', 'node/n5'])).length,
    0,
    '40 % may not',
  );
  t.same(held(plan([aCluster(), ...nodes(1)], ['node/n0'])), [
    'cluster/demo: a cluster is never deleted without approval',
  ]);
  t.same(held(plan(nodes(1), [])), ['node/n0: the directory holds no object any more']);
});

t.test(
  'planPrune() counts keys that are not due yet, so that an accident cannot pass one by one',
  async (t) => {
    const missingSinceMs = new Map([['node/n2', 0]]);
    const result = plan(nodes(3), ['node/n0'], { missingSinceMs });
    t.same(pruned(result), []);
    t.same(held(result), ['node/n2: 2 of 3 nodes would be deleted at once']);
  },
);

t.test(
  'planPrune() holds what is missing on another file system, and what was never in this directory',
  async (t) => {
    t.same(held(plan(nodes(4), ['node/n0', 'node/n1', 'node/n2'], { isOtherDevice: true })), [
      'node/n3: the directory is on another file system than before',
    ]);
    const foreign = new Set(['node/n3']);
    t.same(held(plan(nodes(4), ['node/n0', 'node/n1', 'node/n2'], { foreign })), [
      'node/n3: its manifest was not in the directory that is followed now',
    ]);
    const sure = [...nodes(3), aNode({ name: 'n3', metadata: approved })];
    const accepted = plan(sure, ['node/n0', 'node/n1', 'node/n2'], { isOtherDevice: true, foreign });
    t.same(pruned(accepted), ['node/n3'], 'an approval counts');
  },
);

t.test('planPrune() lets approved objects go, and they do not count for the others', async (t) => {
  const stored = [
    aCluster({ metadata: approved }),
    aNode({ name: 'a', metadata: approved }),
    aNode({ name: 'b' }),
    aNode({ name: 'c' }),
  ];
  t.same(pruned(plan(stored, ['node/c'])), ['cluster/demo', 'node/a', 'node/b']);
  t.same(
    pruned(plan([aNode({ name: 'a', metadata: approved })], [])),
    ['node/a'],
    'also out of an empty directory',
  );
});

t.test('planPrune() keeps holding what was held before, however few are left', async (t) => {
  const result = plan(nodes(10), nodes(9).map(idOf), { heldBefore: new Set(['node/n9']) });
  t.same(held(result), ['node/n9: it was held back before']);
  const stored = [...nodes(9), aNode({ name: 'n9', metadata: approved })];
  t.same(pruned(plan(stored, nodes(9).map(idOf), { heldBefore: new Set(['node/n9']) })), ['node/n9']);
});

t.test('planPrune() never prunes an object that asks not to be, approved or not', async (t) => {
  const disabled = {
    annotations: { [annotations.prune]: 'disabled', [annotations.deletionApproved]: 'true' },
  };
  const result = plan(
    [aNode({ name: 'a', metadata: disabled }), ...nodes(4)],
    ['node/n0', 'node/n1', 'node/n2', 'node/n3'],
  );
  t.same(pruned(result), []);
  t.same(held(result), ['node/a: its annotation swarmctl.io/prune is "disabled"']);
});

t.test(
  'planPrune() property: nothing desired is touched, nothing is decided twice, no unapproved majority goes',
  async (t) => {
    const object = fc.record({ isApproved: fc.boolean(), isDesired: fc.boolean() });
    fc.assert(
      fc.property(fc.array(object, { maxLength: 20 }), (objects) => {
        const stored = objects.map(({ isApproved }, index) =>
          aNode({ name: `n${index}`, metadata: isApproved ? approved : {} }),
        );
        const desired = stored.map(idOf).filter((_id, index) => objects[index]?.isDesired === true);
        const result = plan(stored, desired);
        const all = [...result.prune, ...result.held.map(({ key }) => key)].map(formatKey);
        const unapproved = result.prune.filter(
          ({ name }) => objects[Number(name.slice(1))]?.isApproved === false,
        );
        return (
          new Set(all).size === all.length &&
          all.length === stored.length - desired.length &&
          !all.some((id) => desired.includes(id)) &&
          unapproved.length <= Math.max(1, stored.length * 0.3)
        );
      }),
    );
    t.pass();
  },
);
