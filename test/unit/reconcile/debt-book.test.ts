// Debts on disk: what is written is read again, and nothing that cannot be read is thrown away.
import { readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { silentLogger } from '../../../controller/base/log.js';
import { DebtBook } from '../../../controller/reconcile/debt-book.js';
import { aNode } from '../../support/resource-builders.js';
import { aStateDisk } from '../../support/state-disk.js';

const debt = (name: string, sinceMs: number) => ({
  node: aNode({ name, metadata: { name, uid: `${name}-0000-1111` } }),
  sinceMs,
});

t.test('DebtBook keeps debts over a restart until they are settled', async (t) => {
  const directory = path.join(t.testdir(), 'debts');
  const book = await DebtBook.open({ directory, disk: aStateDisk(), logger: silentLogger });
  await book.record(debt('late', 2));
  await book.record(debt('early', 1));
  await writeFile(path.join(directory, 'x.json.0123456789ab.tmp'), '{');
  const next = await DebtBook.open({ directory, disk: aStateDisk(), logger: silentLogger });
  t.same(next.list(), [debt('early', 1), debt('late', 2)]);
  await next.settle(debt('early', 1));
  t.same(next.list(), [debt('late', 2)]);
  t.equal((await readdir(directory)).length, 1);
});

t.test('DebtBook leaves alone what it cannot read', async (t) => {
  const newer = JSON.stringify({ format: 2, ...debt('a', 1) });
  const directory = t.testdir({ 'bad.json': '{', 'newer.json': newer });
  const book = await DebtBook.open({ directory, disk: aStateDisk(), logger: silentLogger });
  t.same(book.list(), []);
  t.same((await readdir(directory)).sort(), ['bad.json', 'newer.json']);
});

t.test('isOwed() is false once a person removed the file', async (t) => {
  const directory = t.testdir();
  const book = await DebtBook.open({ directory, disk: aStateDisk(), logger: silentLogger });
  await book.record(debt('a', 1));
  t.equal(await book.isOwed(debt('a', 1)), true);
  for (const name of await readdir(directory)) await rm(path.join(directory, name));
  t.equal(await book.isOwed(debt('a', 1)), false);
});

t.test(
  'DebtBook keeps the places that one Node has left apart, and from what it owes when it is gone',
  async (t) => {
    const directory = t.testdir();
    const book = await DebtBook.open({ directory, disk: aStateDisk(), logger: silentLogger });
    const at = (address: string) => ({
      ...debt('a', 1),
      node: { ...debt('a', 1).node, spec: { ...debt('a', 1).node.spec, engine: { address } } },
      hasMoved: true as const,
    });
    let rings = 0;
    book.subscribe(() => (rings += 1));
    await book.record(at('tcp://10.0.0.1:2376'));
    await book.record(at('tcp://10.0.0.2:2376'));
    t.equal(book.isOwedByGone('a-0000-1111'), false);
    await book.record(debt('a', 1));
    t.equal(book.isOwedByGone('a-0000-1111'), true);
    t.equal(rings, 3);
    const next = await DebtBook.open({ directory, disk: aStateDisk(), logger: silentLogger });
    t.equal(next.list().length, 3);
    await next.settle(at('tcp://10.0.0.1:2376'));
    t.same(
      next.list().filter(({ hasMoved }) => hasMoved),
      [at('tcp://10.0.0.2:2376')],
    );
  },
);
