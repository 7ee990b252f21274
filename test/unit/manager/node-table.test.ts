// createNodeTable(): who takes new containers, by declaration and by update, and what outlives the process.
import t from 'tap';
import { createNodeTable, type NodeTable } from '../../../controller/manager/node-table.js';

const engine = { id: 'ID1', address: 'n1:2376', name: 'n1' };

const update = (table: NodeTable, index: number, availability: 'active' | 'pause' | 'drain'): Promise<void> =>
  table.update(engine, { index, availability, nowMs: 5000 });

void t.test('createNodeTable() starts with every node active', async (t) => {
  const table = createNodeTable();
  t.same(table.stateOf(engine), { availability: 'active', index: 1 });
  t.notOk(table.isCordoned(engine));
});

void t.test('update() counts, and refuses what was made from an older state', async (t) => {
  const table = createNodeTable();
  await update(table, 1, 'drain');
  t.same(table.stateOf(engine), { availability: 'drain', index: 2, updatedAtMs: 5000 });
  t.ok(table.isCordoned(engine));
  t.notOk(table.isCordoned({ id: 'ID2', address: 'n2:2376' }));
  await t.rejects(update(table, 1, 'active'), {
    status: 400,
    message: 'rpc error: code = FailedPrecondition desc = update out of sequence',
  });
  const both = await Promise.allSettled([update(table, 2, 'active'), update(table, 2, 'pause')]);
  t.same(
    both.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  );
});

void t.test('stateOf() is the stricter of declaration and update', async (t) => {
  let isDeclared = true;
  const table = createNodeTable({ isCordoned: (address) => isDeclared && address === engine.address });
  t.equal(table.stateOf(engine).availability, 'pause');
  await t.rejects(update(table, 1, 'active'), { status: 400, message: /declared unschedulable/ });
  await update(table, 1, 'drain');
  t.equal(table.stateOf(engine).availability, 'drain');
  await update(table, 2, 'pause');
  isDeclared = false;
  t.equal(table.stateOf(engine).availability, 'pause', 'the update still holds');
  await update(table, 3, 'active');
  isDeclared = true;
  t.equal(table.stateOf(engine).availability, 'pause', 'the declaration holds again');
});

void t.test('update() is kept in the memory, and found there', async (t) => {
  let text: string | undefined;
  const memory = { text: undefined, write: async (changed: string) => void (text = changed) };
  await update(createNodeTable({ memory }), 1, 'drain');
  const next = createNodeTable({ memory: { text, write: memory.write } });
  t.same(next.stateOf(engine), { availability: 'drain', index: 2, updatedAtMs: 5000 });
});

void t.test('version() is another number whenever a cordon may have changed', async (t) => {
  let declaration = {};
  const table = createNodeTable({
    isCordoned: () => false,
    declaration: () => declaration,
    memory: { text: undefined, write: () => Promise.reject(new Error('disk full')) },
  });
  const first = table.version();
  t.equal(table.version(), first);
  declaration = {};
  const second = table.version();
  t.not(second, first, 'the declaration was read again');
  const failing = update(table, 1, 'drain');
  const third = table.version();
  t.not(third, second, 'it holds while it is being kept');
  await t.rejects(failing);
  t.not(table.version(), third, 'and not any more when it could not be');
});

void t.test('update() that cannot be kept does not hold', async (t) => {
  const write = (): Promise<void> => Promise.reject(new Error('disk full'));
  const table = createNodeTable({ memory: { text: '', write } });
  await t.rejects(update(table, 1, 'drain'), { code: 'STATE_UNWRITABLE' });
  t.same(table.stateOf(engine), { availability: 'active', index: 1 });
});

for (const text of [
  'x',
  '[]',
  '{"ID1":{"availability":"gone","index":2}}',
  '{"ID1":{"availability":"drain"}}',
]) {
  void t.test(`createNodeTable() refuses the memory ${text}`, async (t) => {
    t.throws(() => createNodeTable({ memory: { text, write: () => Promise.resolve() } }), {
      code: 'STATE_CORRUPT',
    });
  });
}
