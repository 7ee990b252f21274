// What the directory says altogether, also while some of its files say nothing that can be used.
import t from 'tap';
import { loadCrds } from '../../../controller/schema/crd.js';
import { Validator } from '../../../controller/schema/validate.js';
import { formatPosition, formatProblem } from '../../../controller/source/manifest-problem.js';
import { ManifestSet } from '../../../controller/source/manifest-set.js';
import type { SnapshotFile } from '../../../controller/source/snapshot.js';
import { nodeManifest } from '../../support/manifests.js';

const validator = new Validator(await loadCrds('schemas'));

/** A set that is updated with `{ file: text }`; null stands for a file that cannot be read. */
function aSet(count: () => void = () => undefined) {
  const set = new ManifestSet({
    validate: (object: unknown) => {
      count();
      return validator.validate(object);
    },
  });
  return async (files: Record<string, string | null>) => {
    const snapshot = Object.entries(files).map(([file, text]): SnapshotFile => ({
      file,
      content:
        text === null
          ? { type: 'unreadable', why: 'permission denied' }
          : { type: 'text', text, sha256: text },
    }));
    const { objects, problems, isComplete } = await set.update(snapshot);
    return {
      objects: objects
        .map(({ resource, position }) => `${resource.metadata.name} ${formatPosition(position)}`)
        .sort(),
      problems: problems.map(formatProblem),
      isComplete,
    };
  };
}

t.test(
  'ManifestSet keeps the last good objects of a file that is broken, unreadable or invalid',
  async (t) => {
    const update = aSet();
    const good = await update({ 'a.yaml': nodeManifest('a'), 'b.yaml': nodeManifest('b') });
    t.same(good, { objects: ['a a.yaml:1:1', 'b b.yaml:1:1'], problems: [], isComplete: true });
    for (const broken of [null, 'kind: "', nodeManifest('B'), 'kind: Pod\n']) {
      const now = await update({ 'a.yaml': nodeManifest('a'), 'b.yaml': broken });
      t.same(now.objects, good.objects, String(broken));
      t.equal(now.isComplete, false);
      t.match(now.problems[0], /^b\.yaml:\d+:\d+: Cannot/);
    }
    t.same((await update({ 'a.yaml': nodeManifest('a'), 'b.yaml': nodeManifest('c') })).objects, [
      'a a.yaml:1:1',
      'c b.yaml:1:1',
    ]);
  },
);

t.test('ManifestSet keeps the latest of two last good versions of an object', async (t) => {
  const update = aSet();
  await update({ 'a.yaml': nodeManifest('a') });
  const moved = await update({ 'a.yaml': null, 'b.yaml': nodeManifest('a') });
  t.same(moved.objects, ['a b.yaml:1:1']);
  t.same((await update({ 'a.yaml': null })).objects, ['a b.yaml:1:1'], 'it does not go back to a.yaml');
  t.same((await update({ 'a.yaml': nodeManifest('a') })).objects, ['a a.yaml:1:1']);
});

t.test(
  'ManifestSet does not go back to a removed file for what a newer one does not say any more',
  async (t) => {
    const update = aSet();
    await update({ 'a.yaml': nodeManifest('a'), 'b.yaml': nodeManifest('b') });
    const moved = await update({ 'b.yaml': null, 'c.yaml': nodeManifest('a') });
    t.same(moved.objects, ['a c.yaml:1:1', 'b b.yaml:1:1']);
    t.same(
      await update({ 'b.yaml': null, 'c.yaml': nodeManifest('c') }),
      { ...moved, objects: ['b b.yaml:1:1', 'c c.yaml:1:1'] },
      'nothing is said of it, and nothing is complete, so that it stays as it is',
    );
  },
);

t.test('ManifestSet knows nothing of a file that was broken from the start', async (t) => {
  t.match(await aSet()({ 'a.yaml': 'x: [' }), { objects: [], isComplete: false });
});

t.test('ManifestSet forgets a removed file, but not while another one is broken', async (t) => {
  const update = aSet();
  await update({ 'a.yaml': nodeManifest('a'), 'b.yaml': nodeManifest('b') });
  t.same((await update({ 'b.yaml': null })).objects, ['a a.yaml:1:1', 'b b.yaml:1:1']);
  t.same((await update({ 'b.yaml': nodeManifest('b') })).objects, ['b b.yaml:1:1']);
});

t.test('ManifestSet takes an object that moved to another file from there', async (t) => {
  const update = aSet();
  await update({ 'a.yaml': `${nodeManifest('a')}---\n${nodeManifest('x')}` });
  const moved = await update({ 'a.yaml': nodeManifest('a'), 'b.yaml': nodeManifest('x') });
  t.same(moved, { objects: ['a a.yaml:1:1', 'x b.yaml:1:1'], problems: [], isComplete: true });
  t.same((await update({ 'a.yaml': null, 'c.yaml': nodeManifest('x') })).objects, [
    'a a.yaml:1:1',
    'x c.yaml:1:1',
  ]);
});

t.test('ManifestSet reports a duplicate in both files and keeps what was accepted before', async (t) => {
  const update = aSet();
  await update({ 'b.yaml': nodeManifest('x') });
  const both = await update({ 'a.yaml': nodeManifest('x', 'other'), 'b.yaml': nodeManifest('x') });
  t.same(both, {
    objects: ['x b.yaml:1:1'],
    problems: [
      'a.yaml:1:1: Cannot use node "x": it is also defined at b.yaml:1:1',
      'b.yaml:1:1: Cannot use node "x": it is also defined at a.yaml:1:1',
    ],
    isComplete: false,
  });
  t.same((await update({ 'a.yaml': nodeManifest('x', 'other') })).objects, ['x a.yaml:1:1']);
});

t.test('ManifestSet parses a file again only when its content changed', async (t) => {
  let parsed = 0;
  const update = aSet(() => (parsed += 1));
  await update({ 'a.yaml': nodeManifest('a'), 'b.yaml': nodeManifest('b') });
  await update({ 'a.yaml': nodeManifest('a'), 'b.yaml': nodeManifest('b') });
  t.equal(parsed, 2);
  await update({ 'a.yaml': nodeManifest('a', 'other'), 'b.yaml': nodeManifest('b') });
  t.equal(parsed, 3);
});
