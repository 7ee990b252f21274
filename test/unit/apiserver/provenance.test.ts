// The commit in force on objects: shown on those of files, never kept.
import t from 'tap';
import { withProvenance, type Provenance } from '../../../controller/apiserver/provenance.js';
import { Store } from '../../../controller/store/store.js';
import { FakeClock } from '../../support/fake-clock.js';
import { aCluster, aNode } from '../../support/resource-builders.js';

const provenance: Provenance = {
  ...{ commit: 'c0ffee', author: 'Ann <ann@example.org>', time: '2026-01-02T03:04:05Z', refused: undefined },
};
const file = { type: 'directory', position: 'a.yaml:1:1' } as const;
const names = ['commit', 'commit-author', 'commit-time'].map((name) => `swarmctl.io/${name}`);

async function aStore(now: () => Provenance | undefined = () => provenance) {
  const inner = await Store.open({ directory: undefined, clock: new FakeClock(), randomUuid: () => 'u' });
  await inner.create(aCluster(), { origin: file });
  await inner.create(aNode(), { origin: { type: 'api' } });
  return { inner, store: withProvenance(inner, now) };
}

t.test('withProvenance() shows the commit on objects of files only, however they are read', async (t) => {
  const { store } = await aStore();
  const [cluster] = store.list('Cluster');
  t.match(cluster?.metadata.annotations, {
    'swarmctl.io/commit': 'c0ffee',
    'swarmctl.io/source': 'a.yaml:1:1',
  });
  t.same(store.get({ kind: 'Cluster', name: 'demo' }), cluster);
  const [node] = store.list('Node');
  t.notOk(Object.hasOwn(node?.metadata.annotations ?? {}, 'swarmctl.io/commit'));
  const seen: unknown[] = [];
  store.subscribe(({ object }) => seen.push(object.metadata.annotations));
  await store.create(aCluster({ name: 'next' }), { origin: file });
  t.match(seen, [{ 'swarmctl.io/commit': 'c0ffee' }]);
  const changes = store.changesSince(store.resourceVersion - 1);
  t.same(changes === 'expired' ? [] : changes.map(({ object }) => object.metadata.annotations), seen);
});

t.test('withProvenance() keeps nothing of it when a client sends it back', async (t) => {
  const { inner, store } = await aStore();
  const key = { kind: 'Cluster', name: 'demo' } as const;
  const read = store.get(key);
  if (read === undefined) throw new Error('it is there');
  const labelled = { ...read, metadata: { ...read.metadata, labels: { tier: 'a' } } };
  const answer = await store.update(labelled, { origin: { type: 'api' } });
  t.match(answer.metadata, { labels: { tier: 'a' }, annotations: { 'swarmctl.io/commit': 'c0ffee' } });
  const kept = Object.keys(inner.get(key)?.metadata.annotations ?? {});
  t.same(
    kept.filter((name) => names.includes(name)),
    [],
  );
});

t.test(
  'withProvenance() names the newest commit when it is refused, and nothing without a repository',
  async (t) => {
    const { store } = await aStore(() => ({ ...provenance, refused: 'badbad: a.yaml:1:1: no' }));
    t.match(store.list('Cluster')[0]?.metadata.annotations, {
      'swarmctl.io/commit-refused': 'badbad: a.yaml:1:1: no',
    });
    const { store: plain, inner } = await aStore(() => undefined);
    t.same(plain.list('Cluster'), inner.list('Cluster'));
  },
);
