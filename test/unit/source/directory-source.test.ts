// What the source does to the store, look by look, on a directory and a clock that only the test changes.
import t from 'tap';
import fc from 'fast-check';
import { agentsFinalizer, annotations } from '../../../controller/api/labels.js';
import { silentLogger } from '../../../controller/base/log.js';
import { DirectorySource } from '../../../controller/source/directory-source.js';
import { Store } from '../../../controller/store/store.js';
import { FakeClock } from '../../support/fake-clock.js';
import { aFakeDirectory, snapshotOf, three, type Files } from '../../support/fake-directory.js';
import { clusterManifest, nodeManifest } from '../../support/manifests.js';
import { validator } from '../../support/watched-directories.js';

const n1 = { kind: 'Node', name: 'n1' } as const;

t.test('DirectorySource.start() resolves with every object in the store, owned by its file', async (t) => {
  const { store, source, lines } = await aFakeDirectory({
    'a.yaml': clusterManifest('demo'),
    'b.yaml': nodeManifest('n1'),
  });
  t.ok(store.getCluster('demo'));
  t.same(store.originOf(n1), { type: 'directory', position: 'b.yaml:1:1' });
  t.match(source.state(), {
    condition: 'Ready',
    files: 2,
    objects: 2,
    problems: [],
    held: [],
    isWatching: true,
  });
  t.same(lines, [
    'info Created from manifest',
    'info Created from manifest',
    'info Manifests: Every manifest is in use',
  ]);
  await source.close();
});

t.test('DirectorySource is silent and writes nothing while nothing changes', async (t) => {
  const { clock, store, source, lines, change } = await aFakeDirectory(three);
  const [version, count] = [store.resourceVersion, lines.length];
  await change(three);
  await clock.advance(600_000);
  t.equal(store.resourceVersion, version);
  t.equal(lines.length, count);
  await source.close();
});

t.test('DirectorySource compares no object again while files and objects are as they were', async (t) => {
  const { store, source, change, clock } = await aFakeDirectory(three);
  await change(three);
  const { lastScanMs } = source.state();
  const updates = t.capture(store, 'update');
  await change(three);
  await clock.advance(600_000);
  t.equal(updates().length, 0);
  t.match(source.state(), { condition: 'Ready', objects: 3, files: 3 });
  t.ok((source.state().lastScanMs ?? 0) > (lastScanMs ?? 0), 'it did look');
  await source.close();
});

t.test('DirectorySource compares everything again once an object was changed by others', async (t) => {
  const { store, source, change } = await aFakeDirectory(three);
  await change(three);
  await change(three);
  await store.setOrigin(n1, { type: 'api' });
  await change(three);
  t.match(source.state(), { condition: 'Degraded', message: /the API owns/ });
  // While something is wrong every look looks at everything.
  await store.setOrigin(n1, { type: 'directory', position: 'a.yaml:1:1' });
  await change(three);
  t.match(source.state(), { condition: 'Ready', problems: [] });
  await source.close();
});

t.test('DirectorySource looks again every minute, also without any event', async (t) => {
  const { clock, source, world, names } = await aFakeDirectory({});
  world.files = three;
  await clock.advance(61_000);
  t.same(names(), ['n1', 'n2', 'n3']);
  await source.close();
});

t.test('DirectorySource watches anew when the directory appears or is replaced', async (t) => {
  const { source, world, change } = await aFakeDirectory(undefined);
  t.equal(world.watches, 1);
  await change(three, 3000);
  t.equal(world.watches, 2);
  t.match(source.state(), { condition: 'Ready', objects: 3 });
  world.root = 'root-2';
  await change(three, 3000);
  t.equal(world.watches, 3);
  await change(undefined, 3000);
  t.equal(world.watches, 4);
  await source.close();
});

t.test('DirectorySource looks every 10 s when it cannot watch', async (t) => {
  const { clock, source, world, names, lines } = await aFakeDirectory({}, { isWatching: false });
  t.equal(source.state().isWatching, false);
  t.ok(lines.includes('warn Cannot watch manifests; changes are found by the periodic look'));
  world.files = three;
  await clock.advance(11_000);
  t.same(names(), ['n1', 'n2', 'n3']);
  await source.close();
});

t.test('DirectorySource applies nothing of a directory that never rests, and looks again soon', async (t) => {
  const { clock, source, world, change, names } = await aFakeDirectory(three);
  world.isMoving = true;
  await change({ 'a.yaml': nodeManifest('n1'), 'b.yaml': nodeManifest('n4') }, 10_000);
  t.match(source.state(), { condition: 'Unstable', message: /keeps changing/ });
  t.same(names(), ['n1', 'n2', 'n3']);
  world.isMoving = false;
  await clock.advance(6000);
  t.match(source.state(), { condition: 'Ready' });
  t.same(names(), ['n1', 'n2', 'n3', 'n4']);
  await source.close();
});

t.test(
  'DirectorySource looks once more when something changed while it wrote what it had found',
  async (t) => {
    const { clock, store, source, world, change, names } = await aFakeDirectory({});
    const create = store.create.bind(store);
    store.create = (...all) => {
      world.files = { ...three, 'd.yaml': nodeManifest('n4') };
      world.ring();
      return create(...all);
    };
    await change(three, 400);
    store.create = create;
    t.same(names(), ['n1', 'n2', 'n3'], 'what it had read');
    await clock.advance(1000);
    t.same(names(), ['n1', 'n2', 'n3', 'n4']);
    await source.close();
  },
);

t.test('DirectorySource says once that it does not build kustomizations', async (t) => {
  const { source, world, lines, change } = await aFakeDirectory(three);
  world.ignored = ['kustomization.yaml'];
  await change(three);
  await change(three);
  t.equal(lines.filter((line) => line === 'warn Not used: kustomizations are not built').length, 1);
  await source.close();
});

t.test('DirectorySource creates an object again once its deletion is finished', async (t) => {
  const { clock, store, source, change } = await aFakeDirectory(three);
  await change({ 'b.yaml': nodeManifest('n2'), 'c.yaml': nodeManifest('n3') });
  await clock.advance(40_000);
  await change(three);
  t.ok(store.get(n1)?.metadata.deletionTimestamp, 'it is still on its way out');
  await store.removeFinalizer(n1, agentsFinalizer);
  await clock.advance(1000);
  t.match(store.get(n1), { metadata: { deletionTimestamp: undefined } });
  await source.close();
});

t.test('DirectorySource goes on after the store failed', async (t) => {
  const { clock, store, source, change, names } = await aFakeDirectory({});
  const create = store.create.bind(store);
  store.create = () => Promise.reject(new Error('no space left'));
  await change(three);
  t.match(source.state(), { condition: 'Failed', message: 'no space left' });
  store.create = create;
  await clock.advance(6000);
  t.same(names(), ['n1', 'n2', 'n3']);
  await source.close();
});

t.test('DirectorySource.close() leaves no timer and ends a look that is under way', async (t) => {
  const { clock, source, world, change } = await aFakeDirectory(three);
  world.ring();
  await clock.advance(260);
  await Promise.all([source.close(), source.close()]);
  t.equal(clock.pendingTimers, 0);
  await change({});
  source.rescan();
  t.equal(clock.pendingTimers, 0);
});

t.test('DirectorySource stops with its signal', async (t) => {
  const clock = new FakeClock(0);
  const store = await Store.open({ directory: undefined, clock, randomUuid: () => 'u' });
  const ports = {
    takeSnapshot: async () => snapshotOf({}, 'r'),
    findGitActivity: async () => undefined,
    watch: async () => ({ rootId: 'r', close: async () => undefined }),
  };
  const options = { directory: 'm', store, validator, clock, random: () => 0, logger: silentLogger, ports };
  const controller = new AbortController();
  const source = new DirectorySource(options);
  const started = source.start(controller.signal);
  controller.abort();
  await started;
  await source.close();
  t.equal(clock.pendingTimers, 0);
});

t.test(
  'DirectorySource property: whatever happened to the files, the store ends up as one full look says',
  async (t) => {
    const file = fc.constantFrom('a.yaml', 'b.yaml', 'c.yaml');
    const text = fc.constantFrom(
      ...['n1', 'n2', 'n3', 'n4'].map((name) => nodeManifest(name)),
      `${nodeManifest('n1')}---\n${nodeManifest('n5')}`,
      'broken: [',
      '',
    );
    const step = fc.oneof(
      fc.record({ type: fc.constant('write' as const), file, text, waitMs: fc.constantFrom(0, 300, 2000) }),
      fc.record({ type: fc.constant('remove' as const), file, waitMs: fc.constantFrom(0, 300, 2000) }),
      fc.record({ type: fc.constant('missing' as const), waitMs: fc.constantFrom(0, 2000) }),
    );
    const property = fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const { clock, source, world, change, store } = await aFakeDirectory({});
      let files: Files = {};
      for (const next of steps) {
        if (next.type === 'write') files = { ...files, [next.file]: next.text };
        else if (next.type === 'remove')
          files = Object.fromEntries(Object.entries(files).filter(([name]) => name !== next.file));
        await change(next.type === 'missing' ? undefined : files, next.waitMs);
      }
      // the last version is good, and every deletion is approved
      files = { 'a.yaml': nodeManifest('n1'), 'z.yaml': nodeManifest('n9') };
      await change(files, 40_000);
      for (const node of store.list('Node')) {
        const all = { ...node.metadata.annotations, [annotations.deletionApproved]: 'true' };
        await store.update(
          { ...node, metadata: { ...node.metadata, annotations: all } },
          { origin: { type: 'api' } },
        );
      }
      await clock.advance(120_000);
      const alive = store.list('Node').filter(({ metadata }) => metadata.deletionTimestamp === undefined);
      await source.close();
      return (
        JSON.stringify(alive.map(({ metadata }) => metadata.name)) === '["n1","n9"]' && world.files === files
      );
    });
    await fc.assert(property, { numRuns: 40 });
    t.pass();
  },
);
