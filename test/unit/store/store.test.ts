// The promises of the store to its users: the API server, the source and the reconcilers.
import t from 'tap';
import type { Node } from '../../../controller/api/resources.js';
import { agentsFinalizer, annotations } from '../../../controller/api/labels.js';
import { silentLogger } from '../../../controller/base/log.js';
import { Store, type RecordedEvent, type StoreEvent } from '../../../controller/store/store.js';
import { FakeClock } from '../../support/fake-clock.js';
import { aCluster, aNode } from '../../support/resource-builders.js';

const api = { type: 'api' } as const;
const file = { type: 'directory', position: 'manifests/a.yaml:3:1' } as const;
const key = { kind: 'Node', name: 'node1' } as const;

async function aStore(): Promise<{ store: Store; clock: FakeClock; seen: string[] }> {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  let uuids = 0;
  const store = await Store.open({ directory: undefined, clock, randomUuid: () => `uid-${(uuids += 1)}` });
  const seen: string[] = [];
  store.subscribe(({ type, object }) => seen.push(`${type} ${object.metadata.name}`));
  return { store, clock, seen };
}

function withAnnotations(node: Node, added: Record<string, string>): Node {
  return { ...node, metadata: { ...node.metadata, annotations: { ...node.metadata.annotations, ...added } } };
}

t.test('Store.create() assigns what a server assigns and ignores the rest', async (t) => {
  const { store, seen } = await aStore();
  const given = { ...aNode(), status: { address: 'forged' } };
  const created = await store.create(
    {
      ...given,
      metadata: { ...given.metadata, uid: 'forged', generation: 9, resourceVersion: '9', finalizers: [] },
    },
    { origin: api },
  );
  t.match(created.metadata, {
    uid: 'uid-1',
    generation: 1,
    creationTimestamp: '2026-01-01T00:00:00Z',
    finalizers: [agentsFinalizer],
    resourceVersion: String(store.resourceVersion),
  });
  t.equal(created.status, undefined);
  t.equal(store.getNode('node1'), created);
  t.equal(store.getCluster('node1'), undefined, 'kinds have names of their own');
  t.same(store.originOf(key), api);
  t.same(seen, ['ADDED node1']);
  await t.rejects(store.create(aNode(), { origin: api }), {
    code: 'OBJECT_EXISTS',
    message: 'Cannot create node "node1": it exists already',
  });
});

t.test(
  'Store does not change when the caller changes what it gave, and what it returns cannot be changed',
  async (t) => {
    const { store } = await aStore();
    const node = aNode({ roles: ['worker'] });
    await store.create(node, { origin: api });
    node.spec.roles.push('manager');
    t.same(store.getNode('node1')?.spec.roles, ['worker']);
    t.throws(() => store.getNode('node1')?.spec.roles.push('manager'), TypeError);
  },
);

t.test('Store.update() counts generations by spec only and writes nothing when equal', async (t) => {
  const { store, seen } = await aStore();
  const first = await store.create(aNode(), { origin: api });
  t.equal(await store.update(aNode(), { origin: api }), first, 'no write when equal');
  const labelled = await store.update(aNode({ metadata: { labels: { a: 'b' } } }), { origin: api });
  t.equal(labelled.metadata.generation, 1);
  const changed = await store.update(aNode({ roles: ['manager'] }), { origin: api });
  t.match(changed.metadata, { generation: 2, uid: 'uid-1' });
  t.equal(changed.metadata.labels, undefined, 'an update replaces labels');
  t.same(seen, ['ADDED node1', 'MODIFIED node1', 'MODIFIED node1']);
  await t.rejects(store.update(aNode({ name: 'other' }), { origin: api }), { code: 'OBJECT_NOT_FOUND' });
});

t.test('Store.update() keeps status, and refuses a change made from an old version', async (t) => {
  const { store } = await aStore();
  const first = await store.create(aNode(), { origin: api });
  await store.updateStatus(key, { address: '10.0.0.1:2376' });
  const { resourceVersion } = first.metadata;
  const stale = store.update(aNode({ roles: ['manager'] }), {
    origin: api,
    resourceVersion: resourceVersion ?? '',
  });
  await t.rejects(stale, { code: 'OBJECT_CONFLICT', message: /has changed since version/ });
  const current = store.get(key)?.metadata.resourceVersion ?? '';
  const updated = await store.update(aNode({ roles: ['manager'] }), {
    origin: api,
    resourceVersion: current,
  });
  t.same(updated.status, { address: '10.0.0.1:2376' });
});

t.test('Store with dryRun checks everything, returns the outcome and changes nothing', async (t) => {
  const { store, seen } = await aStore();
  const version = store.resourceVersion;
  t.match(await store.create(aNode(), { origin: api, dryRun: true }), {
    metadata: { uid: 'uid-1', generation: 1 },
  });
  t.equal(store.get(key), undefined);
  t.equal(store.resourceVersion, version);
  await t.rejects(store.update(aNode(), { origin: api, dryRun: true }), { code: 'OBJECT_NOT_FOUND' });
  await store.create(aNode(), { origin: api });
  await t.rejects(store.create(aNode(), { origin: api, dryRun: true }), { code: 'OBJECT_EXISTS' });
  t.match(await store.update(aNode({ roles: ['manager'] }), { origin: api, dryRun: true }), {
    metadata: { generation: 2 },
  });
  t.ok((await store.delete(key, { origin: api, dryRun: true })).metadata.deletionTimestamp);
  t.match(store.get(key), { metadata: { generation: 1, deletionTimestamp: undefined } });
  t.same(seen, ['ADDED node1']);
});

t.test(
  'Store.updateStatus() makes no event when nothing changed, and none for a missing object',
  async (t) => {
    const { store, seen } = await aStore();
    await store.create(aNode(), { origin: api });
    await store.updateStatus(key, { address: 'a' });
    const version = store.resourceVersion;
    await store.updateStatus(key, { address: 'a' });
    t.equal(store.resourceVersion, version);
    t.equal(store.get(key)?.metadata.generation, 1);
    t.equal(await store.updateStatus({ kind: 'Node', name: 'no' }, {}), undefined);
    t.same(seen, ['ADDED node1', 'MODIFIED node1']);
  },
);

t.test('Store.delete() waits for finalizers, and the last one removes the object', async (t) => {
  const { store, seen, clock } = await aStore();
  await store.create(aNode(), { origin: api });
  await clock.advance(5000);
  const deleting = await store.delete(key, { origin: api });
  t.equal(deleting.metadata.deletionTimestamp, '2026-01-01T00:00:05Z');
  await clock.advance(5000);
  t.equal(
    (await store.delete(key, { origin: api })).metadata.deletionTimestamp,
    '2026-01-01T00:00:05Z',
    'twice is once',
  );
  await store.removeFinalizer(key, 'other');
  t.ok(store.get(key));
  await store.removeFinalizer(key, agentsFinalizer);
  t.equal(store.get(key), undefined);
  await store.removeFinalizer(key, agentsFinalizer);
  t.same(seen, ['ADDED node1', 'MODIFIED node1', 'DELETED node1']);
  await t.rejects(store.delete(key, { origin: api }), { code: 'OBJECT_NOT_FOUND' });
});

t.test('Store.delete() removes an object that nothing holds at once', async (t) => {
  const { store, seen } = await aStore();
  await store.create(aNode(), { origin: api });
  await store.removeFinalizer(key, agentsFinalizer);
  t.ok(store.get(key), 'a finalizer less is no deletion');
  await store.delete(key, { origin: api });
  t.equal(store.get(key), undefined);
  t.equal(seen.at(-1), 'DELETED node1');
});

t.test('Store gives a re-created object a uid of its own and no status of the old one', async (t) => {
  const { store } = await aStore();
  await store.create(aNode(), { origin: api });
  await store.updateStatus(key, { address: 'old' });
  await store.delete(key, { origin: api });
  await store.removeFinalizer(key, agentsFinalizer);
  t.match(await store.create(aNode(), { origin: api }), { metadata: { uid: 'uid-2' }, status: undefined });
});

t.test('Store keeps spec and deletion of an object from a file out of reach of the API', async (t) => {
  const { store } = await aStore();
  const node = aNode({ metadata: { labels: { team: 'a' } } });
  const created = await store.create(node, { origin: file });
  t.equal(created.metadata.annotations?.[annotations.source], file.position);
  const readOnly = { code: 'OBJECT_READ_ONLY', message: /manifests\/a\.yaml:3:1/ };
  await t.rejects(
    store.update(aNode({ roles: ['manager'], metadata: { labels: { team: 'a' } } }), { origin: api }),
    readOnly,
  );
  await t.rejects(store.update(aNode({ metadata: { labels: { team: 'b' } } }), { origin: api }), readOnly);
  await t.rejects(store.update(aNode(), { origin: api }), readOnly, 'a label of the file cannot be removed');
  await t.rejects(store.delete(key, { origin: api }), readOnly);
  t.equal(await store.update(node, { origin: api }), created, 'saying the same is no change');
});

t.test('Store keeps labels and annotations that the API added to an object from a file', async (t) => {
  const { store } = await aStore();
  const node = aNode({ metadata: { labels: { team: 'a' } } });
  await store.create(node, { origin: file });
  const added = withAnnotations(
    { ...node, metadata: { ...node.metadata, labels: { team: 'a', mine: 'x' } } },
    { [annotations.deletionApproved]: 'true', [annotations.source]: 'forged' },
  );
  await store.update(added, { origin: api });
  t.match(store.originOf(key), file);
  const moved = { type: 'directory', position: 'manifests/b.yaml:9:1' } as const;
  const reapplied = await store.update(aNode({ metadata: { labels: { team: 'b' } } }), { origin: moved });
  t.same(reapplied.metadata.labels, { team: 'b', mine: 'x' });
  t.same(reapplied.metadata.annotations, {
    [annotations.deletionApproved]: 'true',
    [annotations.source]: moved.position,
  });
  t.equal(reapplied.metadata.generation, 1);
  const current = store.getNode('node1') ?? aNode();
  await store.update(
    { ...current, metadata: { ...current.metadata, labels: { team: 'b' } } },
    { origin: api },
  );
  t.same(store.get(key)?.metadata.labels, { team: 'b' }, 'the API can take back what it added');
});

t.test('Store lets the API take over an object of a file, with everything the file says', async (t) => {
  const { store } = await aStore();
  await store.create(aNode({ metadata: { labels: { team: 'a' } } }), { origin: file });
  const wanted = aNode({ roles: ['manager'], metadata: { labels: { team: 'b' } } });
  await t.rejects(store.update(wanted, { origin: api }), { code: 'OBJECT_READ_ONLY' });
  const taken = await store.update(wanted, { origin: api, takeOver: true });
  t.match(taken, { metadata: { uid: 'uid-1', generation: 2, labels: { team: 'b' } } });
  t.equal(taken.metadata.annotations, undefined, 'it has no source any more');
  t.same(store.originOf(key), api);
  await store.setOrigin(key, { ...api, problem: 'a.yaml:1:1: Cannot use it' });
  const changed = await store.update(aNode(), { origin: api });
  t.match(changed.metadata.annotations, { [annotations.manifestProblem]: 'a.yaml:1:1: Cannot use it' });
  t.same((await store.setOrigin(key, api)).metadata.annotations, undefined);
});

t.test(
  'Store lets a file take over an object of the API, and the API delete one whose manifest is gone',
  async (t) => {
    const { store } = await aStore();
    await store.create(aNode({ metadata: { labels: { old: 'x' } } }), { origin: api });
    await t.rejects(store.update(aNode(), { origin: file }), {
      code: 'OBJECT_READ_ONLY',
      message:
        'Cannot change node "node1" as manifests/a.yaml:3:1 says: it was made with the API, which owns it',
    });
    const taken = await store.update(aNode(), { origin: file, takeOver: true });
    t.match(taken.metadata, {
      uid: 'uid-1',
      labels: undefined,
      annotations: { [annotations.source]: file.position },
    });
    await store.setOrigin(key, { ...file, missing: true });
    await store.update(withAnnotations(aNode(), { [annotations.deletionApproved]: 'true' }), { origin: api });
    const back = await store.update(aNode(), { origin: file });
    t.equal(
      back.metadata.annotations?.[annotations.deletionApproved],
      undefined,
      'an old approval does not stay',
    );
    await store.setOrigin(key, { ...file, missing: true });
    t.ok((await store.delete(key, { origin: api })).metadata.deletionTimestamp);
    await t.rejects(store.update(aNode(), { origin: file }), {
      code: 'OBJECT_CONFLICT',
      message: /is being deleted/,
    });
  },
);

t.test('Store.list() is sorted by name and follows changes', async (t) => {
  const { store } = await aStore();
  for (const name of ['b', 'c', 'a']) await store.create(aNode({ name }), { origin: api });
  await store.create(aCluster({ name: 'b' }), { origin: api });
  t.same(
    store.list('Node').map(({ metadata }) => metadata.name),
    ['a', 'b', 'c'],
  );
  t.same(
    store.list('Cluster').map(({ metadata }) => metadata.name),
    ['b'],
  );
  await store.removeFinalizer({ kind: 'Node', name: 'b' }, agentsFinalizer);
  await store.delete({ kind: 'Node', name: 'b' }, { origin: api });
  t.same(
    store.list('Node').map(({ metadata }) => metadata.name),
    ['a', 'c'],
  );
});

t.test('Store tells listeners in order, after the change, and survives those that throw', async (t) => {
  const { store } = await aStore();
  const versions: number[] = [];
  store.subscribe(() => {
    throw new Error('a broken listener');
  });
  const unsubscribe = store.subscribe(({ object, resourceVersion }) => {
    t.equal(store.get({ kind: object.kind, name: object.metadata.name }), object);
    versions.push(resourceVersion);
  });
  const names = Array.from({ length: 20 }, (_, index) => `n${index}`);
  await Promise.all(names.map((name) => store.create(aNode({ name }), { origin: api })));
  t.same(
    versions,
    [...versions].sort((a, b) => a - b),
  );
  t.equal(new Set(versions).size, 20);
  unsubscribe();
  await store.create(aNode({ name: 'later' }), { origin: api });
  t.equal(versions.length, 20);
});

t.test('Store.changesSince() returns every change after a version, or says that it cannot', async (t) => {
  const { store } = await aStore();
  const start = store.resourceVersion;
  t.same(store.changesSince(start), []);
  await store.create(aNode(), { origin: api });
  const middle = store.resourceVersion;
  for (let index = 0; index < 2500; index += 1) await store.updateStatus(key, { address: `a${index}` });
  t.equal(store.changesSince(start), 'expired');
  t.equal(store.changesSince(middle), 'expired');
  t.equal(store.changesSince(store.resourceVersion + 1), 'expired', 'a version of another store');
  const changes = store.changesSince(store.resourceVersion - 1000);
  t.equal(changes.length, 1000);
  t.ok(
    changes !== 'expired' &&
      changes.every(
        (event: StoreEvent, index) => event.resourceVersion === store.resourceVersion - 999 + index,
      ),
  );
});

t.test('Store.recordEvent() counts repeated events and keeps a bounded story', async (t) => {
  const { store, clock } = await aStore();
  const told: RecordedEvent[] = [];
  store.subscribeEvents((event) => told.push(event));
  const event = { key, type: 'Warning', reason: 'EngineUnreachable', message: 'refused' } as const;
  store.recordEvent(event);
  await clock.advance(1000);
  store.recordEvent(event);
  t.match(store.events(key), [{ count: 2, lastTimeMs: clock.now(), firstTimeMs: clock.now() - 1000 }]);
  t.equal(told[0]?.name, told[1]?.name, 'it is the same event');
  for (let index = 0; index < 200; index += 1) store.recordEvent({ ...event, message: `other ${index}` });
  t.equal(store.events(key).length, 50);
  t.equal(store.events(key).at(-1)?.message, 'other 199');
  for (let index = 0; index < 3000; index += 1)
    store.recordEvent({ ...event, key: { kind: 'Node', name: `n${index}` } });
  t.equal(store.events().length, 2000);
  t.equal(new Set(store.events().map(({ name }) => name)).size, 2000, 'names are unique');
  await clock.advance(25 * 3_600_000);
  store.recordEvent({ ...event, message: 'x'.repeat(5000) });
  t.equal(store.events().length, 1, 'old events are forgotten');
  t.equal(store.events()[0]?.message.length, 1024);
});

t.test('Store refuses writes after close, which is idempotent', async (t) => {
  const { store } = await aStore();
  const writing = store.create(aNode(), { origin: api });
  await Promise.all([store.close(), store.close()]);
  t.ok(await writing, 'what was begun is finished');
  await t.rejects(store.create(aNode({ name: 'b' }), { origin: api }), { code: 'ABORTED' });
  t.ok(store.get(key), 'reading goes on');
});

t.test('Store logs a listener that throws', async (t) => {
  const lines: string[] = [];
  const logger = { ...silentLogger, error: (message: string) => lines.push(message) };
  const store = await Store.open({
    directory: undefined,
    clock: new FakeClock(),
    randomUuid: () => 'u',
    logger,
  });
  store.subscribe(() => {
    throw new Error('broken');
  });
  await store.create(aNode(), { origin: api });
  t.same(lines, ['A listener of the store failed']);
});
