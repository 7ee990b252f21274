// Files and the API as owners of objects: who may change what, and how one takes over from the other.
import t from 'tap';
import { annotations } from '../../../controller/api/labels.js';
import { aFakeDirectory, three } from '../../support/fake-directory.js';
import { nodeManifest } from '../../support/manifests.js';
import { aNode } from '../../support/resource-builders.js';

const n1 = { kind: 'Node', name: 'n1' } as const;

t.test(
  'DirectorySource does not touch an object of the API until its manifest says that it may',
  async (t) => {
    const { clock, store, source, change } = await aFakeDirectory(three);
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
    const { clock, store, source, change } = await aFakeDirectory(three);
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
    const { clock, store, source, change, names } = await aFakeDirectory(three, { takeOver: true });
    await store.create(aNode({ name: 'mine' }), { origin: { type: 'api' } });
    await store.create(aNode({ name: 'both' }), { origin: { type: 'api' } });
    await change({ ...three, 'd.yaml': nodeManifest('both') });
    await clock.advance(120_000);
    t.same(names(), ['both', 'mine', 'n1', 'n2', 'n3']);
    const both = { kind: 'Node', name: 'both' } as const;
    t.match(store.originOf(both), { type: 'directory', position: 'd.yaml:1:1' });
    t.match(store.events(both), [{ reason: 'Adopted', message: /d\.yaml:1:1/ }]);
    t.match(store.originOf({ kind: 'Node', name: 'mine' }), { type: 'api' });
    await change({ 'a.yaml': nodeManifest('n1'), 'd.yaml': nodeManifest('both') }, 40_000);
    t.same(
      source.state().held.map(({ why }) => why),
      Array.from({ length: 2 }, () => '2 of 4 nodes would be deleted at once'),
      'nor do they count as objects of the directory',
    );
    await source.close();
  },
);
