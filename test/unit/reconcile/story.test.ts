// What is told of an object says which manifest asked for it.
import t from 'tap';
import { silentLogger } from '../../../controller/base/log.js';
import { Story } from '../../../controller/reconcile/story.js';
import { Store } from '../../../controller/store/store.js';
import { FakeClock } from '../../support/fake-clock.js';
import { aNode } from '../../support/resource-builders.js';

t.test('Story.tell() logs each action with file, line and column of the manifest behind it', async (t) => {
  const store = await Store.open({ directory: undefined, clock: new FakeClock(0), randomUuid: () => 'uid' });
  const lines: unknown[] = [];
  const note = (message: string, fields?: object): void => void lines.push({ message, ...fields });
  const story = new Story(store, { ...silentLogger, info: note, warn: note });
  await store.create(aNode({ name: 'a' }), { origin: { type: 'directory', position: 'fleet/a.yaml:3:1' } });
  await store.create(aNode({ name: 'b' }), { origin: { type: 'api' } });
  for (const name of ['a', 'b', 'gone'])
    story.tell({ kind: 'Node', name }, { type: 'Normal', reason: 'Started', message: `Started ${name}` });
  t.same(lines, [
    { message: 'Started a', object: 'node/a', reason: 'Started', manifest: 'fleet/a.yaml:3:1' },
    { message: 'Started b', object: 'node/b', reason: 'Started' },
    { message: 'Started gone', object: 'node/gone', reason: 'Started' },
  ]);
  t.equal(store.events().length, 3);
});
