// What the source never deletes, and what keeps its last good version.
import t from 'tap';
import { annotations } from '../../../controller/api/labels.js';
import { SwarmError } from '../../../controller/base/errors.js';
import { Store } from '../../../controller/store/store.js';
import { FakeClock } from '../../support/fake-clock.js';
import { aFakeDirectory, three } from '../../support/fake-directory.js';
import { clusterManifest, nodeManifest } from '../../support/manifests.js';
import { aNode } from '../../support/resource-builders.js';

const n1 = { kind: 'Node', name: 'n1' } as const;

t.test(
  'DirectorySource keeps the last good version of a broken file, and says where it is broken',
  async (t) => {
    const { store, source, lines, change, clock } = await aFakeDirectory(three);
    const before = store.get(n1);
    await change({ ...three, 'a.yaml': nodeManifest('n1').replace('tcp://', '') });
    const version = store.resourceVersion;
    await clock.advance(120_000);
    t.same(store.get(n1)?.spec, before?.spec);
    t.equal(store.get(n1)?.metadata.generation, 1);
    t.match(store.get(n1)?.metadata.annotations?.[annotations.manifestProblem], /^a\.yaml:8:14: Cannot use/);
    t.equal(store.resourceVersion, version, 'it is said once');
    const problem = /^a\.yaml:8:14: Cannot use node "n1": spec\.engine\.address must be tcp:\/\/host:port/;
    t.match(store.events(n1), [{ type: 'Warning', reason: 'InvalidManifest', message: problem, count: 1 }]);
    t.match(source.state(), { condition: 'Degraded', problems: [{ file: 'a.yaml', line: 8, column: 14 }] });
    t.equal(lines.filter((line) => line.startsWith('warn a.yaml')).length, 1, 'one line per transition');
    await change({ ...three, 'a.yaml': nodeManifest('n1', 'other') });
    t.equal(store.getNode('n1')?.spec.cluster, 'other');
    t.equal(store.get(n1)?.metadata.annotations?.[annotations.manifestProblem], undefined);
    t.match(source.state(), { condition: 'Ready', problems: [] });
    await source.close();
  },
);

t.test('DirectorySource deletes an object only 30 s after its file has gone', async (t) => {
  const { clock, store, source, change } = await aFakeDirectory(three);
  await change({ 'b.yaml': nodeManifest('n2'), 'c.yaml': nodeManifest('n3') });
  await clock.advance(25_000);
  t.equal(store.get(n1)?.metadata.deletionTimestamp, undefined);
  await clock.advance(10_000);
  t.ok(store.get(n1)?.metadata.deletionTimestamp);
  t.match(store.events(n1), [{ reason: 'Pruned', message: /a\.yaml:1:1 was removed/ }]);
  await source.close();
});

t.test('DirectorySource deletes nothing when a file comes back in time, or the object moved', async (t) => {
  const { clock, store, source, change, names } = await aFakeDirectory(three);
  const without = { 'b.yaml': nodeManifest('n2'), 'c.yaml': nodeManifest('n3') };
  await change(without, 10_000);
  await change(without, 10_000);
  t.equal(store.get(n1)?.metadata.deletionTimestamp, undefined, 'two looks without it are not enough');
  await change({ 'b.yaml': `${nodeManifest('n1')}---\n${nodeManifest('n2')}`, 'c.yaml': nodeManifest('n3') });
  await clock.advance(120_000);
  t.same(names(), ['n1', 'n2', 'n3']);
  t.same(store.originOf(n1), { type: 'directory', position: 'b.yaml:1:1' });
  t.equal(store.get(n1)?.metadata.generation, 1);
  await source.close();
});

t.test('DirectorySource deletes nothing while any file cannot be used', async (t) => {
  const { clock, store, source, change } = await aFakeDirectory(three);
  await change({ 'b.yaml': nodeManifest('n2'), 'c.yaml': null });
  await clock.advance(300_000);
  t.equal(store.get(n1)?.metadata.deletionTimestamp, undefined);
  await change({ 'b.yaml': nodeManifest('n2'), 'c.yaml': nodeManifest('n3') });
  await clock.advance(20_000);
  t.equal(
    store.get(n1)?.metadata.deletionTimestamp,
    undefined,
    'the time starts when everything can be read',
  );
  await clock.advance(20_000);
  t.ok(store.get(n1)?.metadata.deletionTimestamp);
  await source.close();
});

t.test('DirectorySource forgets how long a manifest was gone once a file cannot be used', async (t) => {
  const { clock, store, source, change } = await aFakeDirectory(three);
  const without = { 'b.yaml': nodeManifest('n2'), 'c.yaml': nodeManifest('n3') };
  await change(without, 20_000);
  await change({ ...without, 'c.yaml': null }, 120_000);
  await change(without, 20_000);
  t.equal(store.get(n1)?.metadata.deletionTimestamp, undefined);
  await clock.advance(20_000);
  t.ok(store.get(n1)?.metadata.deletionTimestamp);
  await source.close();
});

t.test(
  'DirectorySource forgets how long a manifest was gone when the directory was missing or replaced',
  async (t) => {
    const without = { 'b.yaml': nodeManifest('n2'), 'c.yaml': nodeManifest('n3') };
    for (const what of ['missing', 'replaced']) {
      const { clock, store, source, world, change } = await aFakeDirectory(three);
      await change(without, 20_000);
      if (what === 'missing') await change(undefined);
      else world.root = 'root-2';
      await change(without, 20_000);
      t.equal(store.get(n1)?.metadata.deletionTimestamp, undefined, what);
      await clock.advance(20_000);
      t.ok(store.get(n1)?.metadata.deletionTimestamp, `${what}, and seen long enough since`);
      await source.close();
    }
  },
);

t.test('DirectorySource deletes nothing after a start with a file that cannot be used', async (t) => {
  const clock = new FakeClock(0);
  const store = await Store.open({ directory: undefined, clock, randomUuid: () => 'uid' });
  const names = ['n1', 'n2', 'n3', 'n4'];
  for (const [index, name] of names.entries())
    await store.create(aNode({ name }), {
      origin: { type: 'directory', position: `${'abcd'[index]}.yaml:1:1` },
    });
  const n4 = { kind: 'Node', name: 'n4' } as const;
  for (const unusable of [null, 'kind: [', nodeManifest('N4')]) {
    // Nothing is remembered of what the file said before.
    const { source, clock } = await aFakeDirectory({ ...three, 'd.yaml': unusable }, { store });
    await clock.advance(300_000);
    t.equal(store.get(n4)?.metadata.deletionTimestamp, undefined, String(unusable));
    t.match(source.state(), { condition: 'Degraded', held: [] });
    await source.close();
  }
  const { source, clock: later } = await aFakeDirectory(three, { store });
  await later.advance(40_000);
  t.ok(store.get(n4)?.metadata.deletionTimestamp, 'without the file it goes');
  await source.close();
});

t.test(
  'DirectorySource deletes nothing because of a missing, unreadable, emptied or replaced directory',
  async (t) => {
    const { clock, source, world, change, names, store } = await aFakeDirectory(three);
    await change(undefined);
    t.match(source.state(), {
      condition: 'Missing',
      message: 'it does not exist; its objects stay as they are',
    });
    await clock.advance(300_000);
    await change({});
    t.match(source.state(), { condition: 'Empty' });
    await clock.advance(300_000);
    t.equal(source.state().held[0]?.why, 'the directory holds no object any more');
    t.same(
      store.list('Node').filter(({ metadata }) => metadata.deletionTimestamp !== undefined),
      [],
    );
    world.root = 'root-2';
    await change({ 'b.yaml': nodeManifest('n2'), 'c.yaml': nodeManifest('n3') });
    await clock.advance(10_000);
    t.equal(store.get(n1)?.metadata.deletionTimestamp, undefined, 'another directory starts the time anew');
    t.same(names(), ['n1', 'n2', 'n3']);
    await source.close();
  },
);

t.test('DirectorySource holds a mass deletion, says how to approve it, and obeys', async (t) => {
  const { clock, store, source, change } = await aFakeDirectory(three);
  await change({ 'a.yaml': nodeManifest('n1') });
  await clock.advance(40_000);
  const n2 = { kind: 'Node', name: 'n2' } as const;
  t.match(source.state(), {
    condition: 'Ready',
    held: [{ key: n2, why: '2 of 3 nodes would be deleted at once' }, {}],
  });
  t.match(store.events(n2), [
    {
      type: 'Warning',
      reason: 'PruneHeld',
      message: /To delete it: swarmctl approve node\/n2$/,
      count: 1,
    },
  ]);
  const kept = store.getNode('n2') ?? aNode();
  const approved = { ...kept.metadata.annotations, [annotations.deletionApproved]: 'true' };
  await store.update(
    { ...kept, metadata: { ...kept.metadata, annotations: approved } },
    { origin: { type: 'api' } },
  );
  await clock.advance(1000);
  t.ok(store.get(n2)?.metadata.deletionTimestamp, 'the approval rings the bell');
  const n3 = { kind: 'Node', name: 'n3' } as const;
  await clock.advance(300_000);
  t.equal(store.get(n3)?.metadata.deletionTimestamp, undefined, 'the other one needs an approval of its own');
  await source.close();
});

t.test('DirectorySource lets the API delete an object whose manifest is gone', async (t) => {
  const { clock, store, source, change } = await aFakeDirectory({
    '0.yaml': clusterManifest('demo'),
    ...three,
  });
  await change({ 'a.yaml': nodeManifest('n1'), 'b.yaml': nodeManifest('n2'), 'c.yaml': nodeManifest('n3') });
  const cluster = { kind: 'Cluster', name: 'demo' } as const;
  await t.rejects(store.delete(cluster, { origin: { type: 'api' } }), { code: 'OBJECT_READ_ONLY' });
  await clock.advance(40_000);
  t.ok((await store.delete(cluster, { origin: { type: 'api' } })).metadata.deletionTimestamp);
  await source.close();
});

t.test(
  'DirectorySource says of an object of a file that was faulty before it started why it is as it is',
  async (t) => {
    const store = await Store.open({
      directory: undefined,
      clock: new FakeClock(0),
      randomUuid: () => 'uid',
    });
    await store.create(aNode({ name: 'n1' }), { origin: { type: 'directory', position: 'a.yaml:1:1' } });
    const { source, change, clock } = await aFakeDirectory({ 'a.yaml': 'kind: [' }, { store });
    t.match(store.get(n1)?.metadata.annotations?.[annotations.manifestProblem], /^a\.yaml:1:8: Cannot parse/);
    t.match(store.originOf(n1), { position: 'a.yaml:1:1' });
    const version = store.resourceVersion;
    await clock.advance(120_000);
    t.equal(store.resourceVersion, version, 'it is said once');
    await change({ 'a.yaml': nodeManifest('n1') });
    t.equal(store.get(n1)?.metadata.annotations?.[annotations.manifestProblem], undefined);
    await source.close();
  },
);

t.test('DirectorySource takes a file that is suddenly empty for one that was cut off', async (t) => {
  const { clock, store, source, change } = await aFakeDirectory({ ...three, 'empty.yaml': '' });
  t.match(source.state(), { condition: 'Ready' }, 'one that never said anything is no problem');
  await change({ ...three, 'a.yaml': '\n' });
  await clock.advance(300_000);
  t.equal(store.get(n1)?.metadata.deletionTimestamp, undefined);
  t.match(source.state(), {
    condition: 'Degraded',
    problems: [
      { file: 'a.yaml', message: /it is empty, and objects came from it; to remove them remove the file/ },
    ],
  });
  await change({ ...three, 'a.yaml': '# nothing any more\n' });
  await clock.advance(40_000);
  t.ok(store.get(n1)?.metadata.deletionTimestamp, 'a comment says that it is meant');
  await source.close();
});

t.test(
  'DirectorySource deletes nothing on another file system until it is approved, or all is there',
  async (t) => {
    const { clock, store, source, world, change } = await aFakeDirectory(three);
    const two = { 'b.yaml': nodeManifest('n2'), 'c.yaml': nodeManifest('n3') };
    world.device = 'other';
    await change(two);
    await clock.advance(120_000);
    t.equal(store.get(n1)?.metadata.deletionTimestamp, undefined);
    t.match(source.state().held, [{ key: n1, why: 'the directory is on another file system than before' }]);
    await change(three);
    t.same(source.state().held, []);
    await change(two);
    await clock.advance(40_000);
    t.ok(store.get(n1)?.metadata.deletionTimestamp, 'the other one is the one now');
    await source.close();
  },
);

t.test('DirectorySource holds objects that came from another directory', async (t) => {
  const { clock, store, source, change } = await aFakeDirectory(three);
  await store.create(aNode({ name: 'elsewhere' }), {
    origin: { type: 'directory', position: '/mnt/old/n.yaml:1:1' },
  });
  await change(three);
  await clock.advance(120_000);
  const key = { kind: 'Node', name: 'elsewhere' } as const;
  t.equal(store.get(key)?.metadata.deletionTimestamp, undefined);
  t.match(source.state().held, [{ key, why: 'its manifest was not in the directory that is followed now' }]);
  await source.close();
});

t.test('DirectorySource deletes nothing before everything else is written', async (t) => {
  const { clock, store, source, change } = await aFakeDirectory(three);
  const update = store.update.bind(store);
  store.update = () =>
    Promise.reject(new SwarmError('OBJECT_CONFLICT', 'Cannot change node "n2": somebody else did'));
  await change({ 'b.yaml': nodeManifest('n2', 'other'), 'c.yaml': nodeManifest('n3') });
  await clock.advance(120_000);
  t.equal(store.get(n1)?.metadata.deletionTimestamp, undefined);
  store.update = update;
  await clock.advance(60_000);
  t.ok(store.get(n1)?.metadata.deletionTimestamp);
  t.equal(store.getNode('n2')?.spec.cluster, 'other');
  await source.close();
});
