// Debts on disk: what is written is read again, and nothing that cannot be read is thrown away.
import { readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { silentLogger } from '../../../controller/base/log.js';
import { DebtBook } from '../../../controller/reconcile/debt-book.js';
import { aNode } from '../../support/resource-builders.js';

const debt = (name: string, sinceMs: number) => ({
  node: aNode({ name, metadata: { name, uid: `${name}-0000-1111` } }),
  sinceMs,
});

t.test('DebtBook keeps debts over a restart until they are settled', async (t) => {
  const directory = path.join(t.testdir(), 'debts');
  const book = await DebtBook.open({ directory, logger: silentLogger });
  await book.record(debt('late', 2));
  await book.record(debt('early', 1));
  await writeFile(path.join(directory, 'x.json.0123456789ab.tmp'), '{');
  const next = await DebtBook.open({ directory, logger: silentLogger });
  t.same(next.list(), [debt('early', 1), debt('late', 2)]);
  await next.settle(debt('early', 1));
  t.same(next.list(), [debt('late', 2)]);
  t.equal((await readdir(directory)).length, 1);
});

t.test('DebtBook leaves alone what it cannot read', async (t) => {
  const directory = t.testdir({ 'bad.json': '{', 'newer.json': '{"format":2}' });
  const book = await DebtBook.open({ directory, logger: silentLogger });
  t.same(book.list(), []);
  t.same((await readdir(directory)).sort(), ['bad.json', 'newer.json']);
});

t.test('isOwed() is false once a person removed the file', async (t) => {
  const directory = t.testdir();
  const book = await DebtBook.open({ directory, logger: silentLogger });
  await book.record(debt('a', 1));
  t.equal(await book.isOwed(debt('a', 1)), true);
  for (const name of await readdir(directory)) await rm(path.join(directory, name));
  t.equal(await book.isOwed(debt('a', 1)), false);
});
