// DeliveredFiles: remembered across restarts, harmless when lost.
import { existsSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import t from 'tap';
import { DeliveredFiles } from '../../../controller/reconcile/delivered-files.js';
import { FakeClock } from '../../support/fake-clock.js';
import { aStateDisk } from '../../support/state-disk.js';

t.test('DeliveredFiles remembers by container and forgets', async (t) => {
  const file = path.join(t.testdir(), 'delivered.json');
  const first = await DeliveredFiles.open({ file, disk: aStateDisk(), clock: new FakeClock(0) });
  first.set('c1', 'aaaa');
  first.set('c2', 'bbbb');
  first.forget('c1');
  await first.close();
  const second = await DeliveredFiles.open({ file, disk: aStateDisk(), clock: new FakeClock(0) });
  t.equal(second.get('c1'), undefined);
  t.equal(second.get('c2'), 'bbbb');
  t.same(JSON.parse(await readFile(file, 'utf8')), { c2: 'bbbb' });
});

t.test('DeliveredFiles starts empty from a damaged file', async (t) => {
  const file = path.join(t.testdir(), 'delivered.json');
  for (const text of ['{', '[]', '{"c1":1}']) {
    await writeFile(file, text);
    t.equal(
      (await DeliveredFiles.open({ file, disk: aStateDisk(), clock: new FakeClock(0) })).get('c1'),
      undefined,
    );
  }
});

t.test(
  'DeliveredFiles are written once a second while they keep changing, and the last when they are closed',
  async (t) => {
    const file = path.join(t.testdir(), 'delivered.json');
    const clock = new FakeClock(0);
    const disk = aStateDisk();
    const writes = t.capture(disk, 'write', disk.write.bind(disk));
    const files = await DeliveredFiles.open({ file, disk, clock });
    const has = (id: string): boolean => existsSync(file) && readFileSync(file, 'utf8').includes(id);
    for (let second = 0; second < 3; second += 1) {
      for (let at = 0; at < 30; at += 1) {
        files.set(`c${second}-${at}`, 'aaaa');
        await setImmediate();
      }
      // The first is written at once, the others when the rest after it is over.
      while (!has(`c${second}-29`)) await clock.advance(100);
    }
    const count = writes().length;
    t.ok(count >= 3 && count <= 6, `${count} writes of 90 changes`);
    files.set('last', 'bbbb');
    await files.close();
    t.match(JSON.parse(await readFile(file, 'utf8')), { 'c0-0': 'aaaa', 'c2-29': 'aaaa', last: 'bbbb' });
  },
);
