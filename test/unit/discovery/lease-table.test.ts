// Tests of the lease table: expiry, limits, and what survives a restart.
import t from 'tap';
import { LeaseTable } from '../../../controller/discovery/lease-table.js';

function aTable(limits = { clusters: 3, entries: 3 }): LeaseTable {
  const table = new LeaseTable(limits);
  table.create('c', { isComplete: true });
  return table;
}

t.test('LeaseTable lists live entries sorted, and none at the end of its lease', async (t) => {
  const table = aTable();
  table.register('c', { entry: 'b:1', endsAtMs: 100, nowMs: 0 });
  table.register('c', { entry: 'a:1', endsAtMs: 50, nowMs: 0 });
  t.same(table.list('c', 49), ['a:1', 'b:1']);
  t.same(table.list('c', 50), ['b:1']);
  t.same(table.list('c', 100), []);
  t.equal(table.list('unknown', 0), undefined);
});

t.test('LeaseTable tells new members from renewals', async (t) => {
  const table = aTable();
  t.equal(table.register('c', { entry: 'a:1', endsAtMs: 10, nowMs: 0 }), 'members');
  t.equal(table.register('c', { entry: 'a:1', endsAtMs: 20, nowMs: 5 }), 'renewed');
  t.equal(
    table.register('c', { entry: 'a:1', endsAtMs: 40, nowMs: 30 }),
    'members',
    'after its end it is new again',
  );
  t.equal(table.unregister('c', 'a:1'), 'members');
  t.equal(table.unregister('c', 'a:1'), 'none');
  t.equal(table.register('none', { entry: 'a:1', endsAtMs: 1, nowMs: 0 }), 'none');
});

t.test('LeaseTable refuses an entry too many, but not before ended leases have made room', async (t) => {
  const table = aTable();
  for (const entry of ['a:1', 'b:1', 'c:1']) table.register('c', { entry, endsAtMs: 10, nowMs: 0 });
  t.equal(table.register('c', { entry: 'd:1', endsAtMs: 10, nowMs: 9 }), 'full');
  t.equal(table.register('c', { entry: 'a:1', endsAtMs: 20, nowMs: 9 }), 'renewed', 'renewing needs no room');
  t.equal(table.register('c', { entry: 'd:1', endsAtMs: 20, nowMs: 10 }), 'members');
});

t.test(
  'LeaseTable makes room for a cluster by dropping the oldest empty one, never one with entries',
  async (t) => {
    const table = new LeaseTable({ clusters: 2, entries: 3 });
    table.create('first', { isComplete: true });
    table.create('second', { isComplete: true });
    table.register('first', { entry: 'a:1', endsAtMs: 10, nowMs: 0 });
    t.ok(table.create('third', { isComplete: true }));
    t.same([table.has('first'), table.has('second'), table.has('third')], [true, false, true]);
    table.register('third', { entry: 'a:1', endsAtMs: 10, nowMs: 0 });
    t.notOk(table.create('fourth', { isComplete: true }));
  },
);

t.test('LeaseTable snapshot and restore keep the remaining time', async (t) => {
  const table = aTable();
  table.register('c', { entry: 'a:1', endsAtMs: 100, nowMs: 0 });
  const restored = new LeaseTable({ clusters: 3, entries: 3 });
  restored.restore(table.snapshot(40), 1000);
  t.same(restored.list('c', 1059), ['a:1']);
  t.same(restored.list('c', 1060), []);
  t.ok(restored.isComplete('c'));
});

t.test('LeaseTable expire() forgets ended leases and says whether there were any', async (t) => {
  const table = aTable();
  table.register('c', { entry: 'a:1', endsAtMs: 10, nowMs: 0 });
  t.equal(table.expire(9), 'none');
  t.equal(table.expire(10), 'members');
  t.same(table.snapshot(10), { clusters: { c: {} } });
});

t.test('LeaseTable remembers who is gone only where its list may be incomplete', async (t) => {
  const table = aTable();
  table.create('partial', { isComplete: false });
  for (const key of ['c', 'partial']) {
    table.register(key, { entry: 'a:1', endsAtMs: 10, nowMs: 0 });
    table.register(key, { entry: 'b:1', endsAtMs: 20, nowMs: 0 });
    table.unregister(key, 'b:1');
  }
  table.expire(10);
  t.same(table.gone('c'), []);
  t.same(table.gone('partial'), ['a:1', 'b:1']);
  table.register('partial', { entry: 'a:1', endsAtMs: 30, nowMs: 11 });
  t.same(table.gone('partial'), ['b:1']);
  for (let port = 1; port < 200; port += 1) table.unregister('partial', `x:${port}`);
  t.equal(table.gone('partial').length, 64);
});
