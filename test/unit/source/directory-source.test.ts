// What the source does to the store, look by look, on a directory and a clock that only the test changes.
import t from 'tap';
import fc from 'fast-check';
import { agentsFinalizer, annotations } from '../../../controller/api/labels.js';
import { SwarmError } from '../../../controller/base/errors.js';
import { silentLogger } from '../../../controller/base/log.js';
import { loadCrds } from '../../../controller/schema/crd.js';
import { Validator } from '../../../controller/schema/validate.js';
import { DirectorySource } from '../../../controller/source/directory-source.js';
import type { Snapshot, SnapshotFile } from '../../../controller/source/snapshot.js';
import { Store } from '../../../controller/store/store.js';
import { FakeClock } from '../../support/fake-clock.js';
import { clusterManifest, nodeManifest } from '../../support/manifests.js';
import { aNode } from '../../support/resource-builders.js';

const validator = new Validator(await loadCrds('schemas'));
const n1 = { kind: 'Node', name: 'n1' } as const;

type Files = Record<string, string | null>;

/** A source over `world.files`; null is a file that cannot be read, undefined files are a missing directory. */
async function aSource(
  initial: Files | undefined,
  o: { readonly takeOver?: boolean; readonly isWatching?: boolean; readonly store?: Store } = {},
) {
  const clock = new FakeClock(0);
  const store = o.store ?? (await Store.open({ directory: undefined, clock, randomUuid: () => 'uid' }));
  const lines: string[] = [];
  const note = (level: string) => (message: string) => lines.push(`${level} ${message}`);
  const world = {
    files: initial,
    root: 'root-1',
    device: 'disk',
    ignored: [] as string[],
    watches: 0,
    ring: (): void => undefined,
  };
  const source = new DirectorySource({
    directory: '.',
    store,
    validator,
    clock,
    random: () => 0.5,
    takeOver: o.takeOver ?? false,
    logger: { ...silentLogger, info: note('info'), warn: note('warn') },
    ports: {
      takeSnapshot: async () => {
        const { device, ignored } = world;
        const snapshot = snapshotOf(world.files, world.root);
        return snapshot.type === 'files' ? { ...snapshot, device, ignored } : snapshot;
      },
      findGitActivity: async () => undefined,
      watch: async ({ onChange, onError }) => {
        if (o.isWatching === false) onError('no space left for watches');
        world.watches += 1;
        world.ring = onChange;
        return { rootId: world.files === undefined ? undefined : world.root, close: async () => undefined };
      },
    },
  });
  const started = source.start(new AbortController().signal);
  await clock.advance(1000);
  await started;
  /** Changes the directory, rings, and lets a look happen. */
  const change = async (files: Files | undefined, waitMs = 1000): Promise<void> => {
    world.files = files;
    world.ring();
    await clock.advance(waitMs);
  };
  const names = (): string[] => store.list('Node').map(({ metadata }) => metadata.name);
  return { clock, store, source, world, lines, change, names };
}

function snapshotOf(files: Files | undefined, root: string): Snapshot {
  if (files === undefined) return { type: 'missing', why: 'it does not exist', fingerprint: 'missing' };
  const list = Object.entries(files).map(([file, text]): SnapshotFile => ({
    file,
    content:
      text === null ? { type: 'unreadable', why: 'permission denied' } : { type: 'text', text, sha256: text },
  }));
  return {
    type: 'files',
    rootId: root,
    realRoot: '/m',
    device: 'disk',
    ignored: [],
    isUnfinished: false,
    files: list,
    fingerprint: JSON.stringify([root, files]),
  };
}

const three: Files = {
  'a.yaml': nodeManifest('n1'),
  'b.yaml': nodeManifest('n2'),
  'c.yaml': nodeManifest('n3'),
};

t.test('DirectorySource.start() resolves with every object in the store, owned by its file', async (t) => {
  const { store, source, lines } = await aSource({
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
  const { clock, store, source, lines, change } = await aSource(three);
  const [version, count] = [store.resourceVersion, lines.length];
  await change(three);
  await clock.advance(600_000);
  t.equal(store.resourceVersion, version);
  t.equal(lines.length, count);
  await source.close();
});

t.test('DirectorySource looks again every minute, also without any event', async (t) => {
  const { clock, source, world, names } = await aSource({});
  world.files = three;
  await clock.advance(61_000);
  t.same(names(), ['n1', 'n2', 'n3']);
  await source.close();
});

t.test(
  'DirectorySource keeps the last good version of a broken file, and says where it is broken',
  async (t) => {
    const { store, source, lines, change, clock } = await aSource(three);
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
  const { clock, store, source, change } = await aSource(three);
  await change({ 'b.yaml': nodeManifest('n2'), 'c.yaml': nodeManifest('n3') });
  await clock.advance(25_000);
  t.equal(store.get(n1)?.metadata.deletionTimestamp, undefined);
  await clock.advance(10_000);
  t.ok(store.get(n1)?.metadata.deletionTimestamp);
  t.match(store.events(n1), [{ reason: 'Pruned', message: /a\.yaml:1:1 was removed/ }]);
  await source.close();
});

t.test('DirectorySource deletes nothing when a file comes back in time, or the object moved', async (t) => {
  const { clock, store, source, change, names } = await aSource(three);
  await change({ 'b.yaml': nodeManifest('n2'), 'c.yaml': nodeManifest('n3') }, 20_000);
  await change({ 'b.yaml': `${nodeManifest('n1')}---\n${nodeManifest('n2')}`, 'c.yaml': nodeManifest('n3') });
  await clock.advance(120_000);
  t.same(names(), ['n1', 'n2', 'n3']);
  t.same(store.originOf(n1), { type: 'directory', position: 'b.yaml:1:1' });
  t.equal(store.get(n1)?.metadata.generation, 1);
  await source.close();
});

t.test('DirectorySource deletes nothing while any file cannot be used', async (t) => {
  const { clock, store, source, change } = await aSource(three);
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

t.test(
  'DirectorySource deletes nothing because of a missing, unreadable, emptied or replaced directory',
  async (t) => {
    const { clock, source, world, change, names, store } = await aSource(three);
    await change(undefined);
    t.match(source.state(), {
      condition: 'Missing',
      message: 'it does not exist; its objects stay as they are',
    });
    await clock.advance(300_000);
    await change({});
    t.match(source.state(), { condition: 'Empty' });
    await clock.advance(300_000);
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

t.test('DirectorySource watches anew when the directory appears or is replaced', async (t) => {
  const { source, world, change } = await aSource(undefined);
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

t.test('DirectorySource holds a mass deletion, says how to approve it, and obeys', async (t) => {
  const { clock, store, source, change } = await aSource(three);
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
  const { clock, store, source, change } = await aSource({ '0.yaml': clusterManifest('demo'), ...three });
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
    const { source, change, clock } = await aSource({ 'a.yaml': 'kind: [' }, { store });
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
  const { clock, store, source, change } = await aSource({ ...three, 'empty.yaml': '' });
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
    const { clock, store, source, world, change } = await aSource(three);
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
  const { clock, store, source, change } = await aSource(three);
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
  const { clock, store, source, change } = await aSource(three);
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

t.test('DirectorySource looks every 10 s when it cannot watch', async (t) => {
  const { clock, source, world, names, lines } = await aSource({}, { isWatching: false });
  t.equal(source.state().isWatching, false);
  t.ok(lines.includes('warn Cannot watch manifests; changes are found by the periodic look'));
  world.files = three;
  await clock.advance(11_000);
  t.same(names(), ['n1', 'n2', 'n3']);
  await source.close();
});

t.test('DirectorySource says once that it does not build kustomizations', async (t) => {
  const { source, world, lines, change } = await aSource(three);
  world.ignored = ['kustomization.yaml'];
  await change(three);
  await change(three);
  t.equal(lines.filter((line) => line === 'warn Not used: kustomizations are not built').length, 1);
  await source.close();
});

t.test(
  'DirectorySource does not touch an object of the API until its manifest says that it may',
  async (t) => {
    const { clock, store, source, change } = await aSource(three);
    const both = { kind: 'Node', name: 'both' } as const;
    await store.create(aNode({ name: 'both' }), { origin: { type: 'api' } });
    const uid = store.get(both)?.metadata.uid;
    await change({ ...three, 'd.yaml': nodeManifest('both', 'other') });
    t.equal(store.originOf(both)?.type, 'api');
    t.equal(store.getNode('both')?.spec.cluster, 'demo');
    const why =
      /^d\.yaml:1:1: Cannot use node "both": it was made with the API, which owns it; to let this file own it, set swarmctl\.io\/take-over: "true" here$/;
    t.match(source.state(), {
      condition: 'Degraded',
      message: '1 manifest not used, because the API owns what they describe',
      problems: [{ file: 'd.yaml', line: 1, column: 1 }],
    });
    t.match(store.get(both)?.metadata.annotations?.[annotations.manifestProblem], why);
    t.match(store.events(both), [{ type: 'Warning', reason: 'ManifestRefused', message: why, count: 1 }]);
    const version = store.resourceVersion;
    await clock.advance(120_000);
    t.equal(store.resourceVersion, version, 'it is said once');
    await change({
      'b.yaml': nodeManifest('n2'),
      'c.yaml': nodeManifest('n3'),
      'd.yaml': nodeManifest('both'),
    });
    await clock.advance(40_000);
    t.ok(store.get(n1)?.metadata.deletionTimestamp, 'it holds up nothing else');

    const claimed = nodeManifest('both', 'other').replace(
      'name: both\n',
      `name: both\n  annotations: { ${annotations.takeOver}: "true" }\n`,
    );
    await change({ ...three, 'd.yaml': claimed });
    t.match(store.originOf(both), { type: 'directory', position: 'd.yaml:1:1' });
    t.match(store.getNode('both'), { metadata: { uid }, spec: { cluster: 'other' } });
    t.equal(store.get(both)?.metadata.annotations?.[annotations.manifestProblem], undefined);
    t.match(store.events(both), [{}, { reason: 'Adopted', message: /d\.yaml:1:1/ }]);
    await source.close();
  },
);

t.test(
  'DirectorySource leaves an object alone that the API has taken over, until its manifest is gone',
  async (t) => {
    const { clock, store, source, change } = await aSource(three);
    await store.update(aNode({ name: 'n1', roles: ['manager'] }), {
      origin: { type: 'api' },
      takeOver: true,
    });
    await change(three);
    t.match(source.state().problems, [
      { file: 'a.yaml', message: /it was made with the API, which owns it/ },
    ]);
    t.same(store.getNode('n1')?.spec.roles, ['manager']);
    await change({ 'b.yaml': nodeManifest('n2'), 'c.yaml': nodeManifest('n3') });
    await clock.advance(120_000);
    t.match(source.state(), { condition: 'Ready', problems: [], held: [] });
    t.match(store.get(n1)?.metadata, { deletionTimestamp: undefined });
    t.equal(store.get(n1)?.metadata.annotations?.[annotations.manifestProblem], undefined);
    await source.close();
  },
);

t.test(
  'DirectorySource with takeOver never deletes objects of the API, and takes over those it describes',
  async (t) => {
    const { clock, store, source, change, names } = await aSource(three, { takeOver: true });
    await store.create(aNode({ name: 'mine' }), { origin: { type: 'api' } });
    await store.create(aNode({ name: 'both' }), { origin: { type: 'api' } });
    await change({ ...three, 'd.yaml': nodeManifest('both') });
    await clock.advance(120_000);
    t.same(names(), ['both', 'mine', 'n1', 'n2', 'n3']);
    const both = { kind: 'Node', name: 'both' } as const;
    t.match(store.originOf(both), { type: 'directory', position: 'd.yaml:1:1' });
    t.match(store.events(both), [{ reason: 'Adopted', message: /d\.yaml:1:1/ }]);
    t.match(store.originOf({ kind: 'Node', name: 'mine' }), { type: 'api' });
    await source.close();
  },
);

t.test('DirectorySource creates an object again once its deletion is finished', async (t) => {
  const { clock, store, source, change } = await aSource(three);
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
  const { clock, store, source, change, names } = await aSource({});
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
  const { clock, source, world, change } = await aSource(three);
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
      const { clock, source, world, change, store } = await aSource({});
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
