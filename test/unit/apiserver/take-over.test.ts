// Owning an object through the API that a manifest file describes.
import t from 'tap';
import { objectAt } from '../../../controller/base/json.js';
import { apiFixture, nodeBody, nodesPath } from '../../support/api-fixture.js';

t.test(
  'taking over an object of a manifest file is explicit, by parameter or annotation, and done once',
  async (t) => {
    const { call, store } = await apiFixture();
    const key = { kind: 'Node', name: 'f1' } as const;
    const file = { type: 'directory', position: 'nodes.yaml:3:1' } as const;
    const { body } = await call(`${nodesPath}?dryRun=All`, { method: 'POST', body: nodeBody('f1') });
    await store.create(body as never, { origin: file });
    const patch = (content: object, query = ''): ReturnType<typeof call> =>
      call(`${nodesPath}/f1${query}`, {
        method: 'PATCH',
        contentType: 'application/merge-patch+json',
        body: content,
      });
    const change = { spec: { cluster: 'other' } };
    t.match(await patch(change), { status: 403 });
    t.match(await patch(change, '?takeOver=true&dryRun=All'), { status: 200 });
    t.equal(store.originOf(key)?.type, 'directory', 'a dry run changes nothing');
    t.match(await patch(change, '?takeOver=true'), { status: 200, body: { spec: { cluster: 'other' } } });
    t.same(store.originOf(key), { type: 'api' });
    t.match(await patch({ spec: { cluster: 'third' } }), { status: 200 }, 'it is ours now');

    await store.setOrigin(key, file);
    const annotations = { 'swarmctl.io/take-over': 'true' };
    const taken = await patch({ metadata: { annotations } });
    t.equal(taken.status, 200);
    t.equal(objectAt(objectAt(taken.body, 'metadata'), 'annotations')['swarmctl.io/take-over'], undefined);
    t.same(store.originOf(key), { type: 'api' });
    const applied = await call(`${nodesPath}/f1?fieldManager=me&takeOver=true&force=true`, {
      method: 'PATCH',
      contentType: 'application/apply-patch+yaml',
      body: nodeBody('f1'),
    });
    t.match(
      applied,
      { status: 200, body: { spec: { cluster: 'demo' } } },
      'asking for what is ours is no error',
    );
  },
);

t.test('an object whose manifest claims it cannot be taken over', async (t) => {
  const { call, store } = await apiFixture();
  const claimed = {
    ...nodeBody('f1'),
    metadata: { name: 'f1', annotations: { 'swarmctl.io/take-over': 'true' } },
  };
  const { body } = await call(`${nodesPath}?dryRun=All`, { method: 'POST', body: nodeBody('f1') });
  const origin = { type: 'directory', position: 'nodes.yaml:3:1' } as const;
  await store.create({ ...(body as object), metadata: claimed.metadata } as never, { origin });
  const put = await call(`${nodesPath}/f1?takeOver=true`, { method: 'PUT', body: claimed });
  t.match(put, {
    status: 403,
    body: {
      message:
        /Cannot take over node "f1": its manifest nodes\.yaml:3:1 claims it with swarmctl\.io\/take-over/,
    },
  });
  t.match(
    await call(`${nodesPath}/f1`, { method: 'PUT', body: claimed }),
    { status: 200 },
    'saying the same is no claim',
  );
  t.equal(store.originOf({ kind: 'Node', name: 'f1' })?.type, 'directory');
});
