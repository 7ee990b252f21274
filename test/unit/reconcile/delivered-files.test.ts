// DeliveredFiles: remembered across restarts, harmless when lost.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { DeliveredFiles } from '../../../controller/reconcile/delivered-files.js';
import { aStateDisk } from '../../support/state-disk.js';

t.test('DeliveredFiles remembers by container and forgets', async (t) => {
  const file = path.join(t.testdir(), 'delivered.json');
  const first = await DeliveredFiles.open({ file, disk: aStateDisk() });
  first.set('c1', 'aaaa');
  first.set('c2', 'bbbb');
  first.forget('c1');
  await first.close();
  const second = await DeliveredFiles.open({ file, disk: aStateDisk() });
  t.equal(second.get('c1'), undefined);
  t.equal(second.get('c2'), 'bbbb');
  t.same(JSON.parse(await readFile(file, 'utf8')), { c2: 'bbbb' });
});

t.test('DeliveredFiles starts empty from a damaged file', async (t) => {
  const file = path.join(t.testdir(), 'delivered.json');
  for (const text of ['{', '[]', '{"c1":1}']) {
    await writeFile(file, text);
    t.equal((await DeliveredFiles.open({ file, disk: aStateDisk() })).get('c1'), undefined);
  }
});
