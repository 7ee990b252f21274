// Overlapping reads of one engine.
import fc from 'fast-check';
import t from 'tap';
import { ContainerIndex } from '../../../controller/engine/container-index.js';
import { ListEntry } from '../../../controller/engine/list-entry.js';
import { EngineTables } from '../../../controller/engine/engine-tables.js';
import { aPooledEngine, aSummary } from './container-rows.js';

function someTables(): { readonly tables: EngineTables; readonly index: ContainerIndex } {
  const index = new ContainerIndex();
  return { tables: new EngineTables(aPooledEngine('n1'), index), index };
}

const entry = (id: string, state = 'running'): ReturnType<typeof aSummary> =>
  aSummary({ id, names: [id], state });
const states = (tables: EngineTables): Record<string, string> =>
  Object.fromEntries(tables.containers().map((row) => [row.id, row.state]));

void t.test('EngineTables.apply() of all containers removes those it does not name', async (t) => {
  const { tables, index } = someTables();
  tables.apply(tables.beginRead(), [entry('a'), entry('b')]);
  tables.apply(tables.beginRead(), [entry('b', 'exited')]);
  t.same(states(tables), { b: 'exited' });
  t.equal(index.all().length, 1);
});

void t.test('EngineTables.apply() tells whether anything but the time is new', async (t) => {
  let nowMs = 0;
  const tables = new EngineTables(aPooledEngine('n1'), new ContainerIndex(), { now: () => nowMs });
  const web = (status: string, state = 'running') => ({ ...entry('web', state), Status: status });
  const read = (...entries: readonly ReturnType<typeof web>[]): boolean =>
    tables.apply(tables.beginRead(), entries);
  t.equal(read(web('Up 2 minutes')), true, 'a container');
  t.equal(read(web('Up 2 minutes')), false);
  nowMs = 60_000;
  t.equal(read(web('Up 3 minutes')), false, 'it is older');
  t.equal(read(web('Up 5 minutes')), false, 'it is older than was foreseen');
  t.equal(tables.containers()[0]?.entry.status, 'Up 5 minutes');
  t.equal(read(web('Exited (0) 1 second ago', 'exited')), true, 'a state');
  const before = tables.beginRead();
  tables.apply(tables.beginRead(), [web('Up 1 second')], ['web']);
  t.equal(tables.apply(before, []), false, 'what a later read knows better');
  t.equal(read(), true, 'a container is gone');
  t.equal(read(), false);
});

void t.test('EngineTables.apply() of some containers leaves the others alone', async (t) => {
  const { tables } = someTables();
  tables.apply(tables.beginRead(), [entry('a'), entry('b'), entry('c')]);
  tables.apply(tables.beginRead(), [entry('a', 'paused')], ['a', 'b']);
  t.same(states(tables), { a: 'paused', c: 'running' });
});

void t.test('EngineTables keeps what a later read saw when an earlier one answers after it', async (t) => {
  const { tables } = someTables();
  const slowList = tables.beginRead();
  tables.apply(tables.beginRead(), [entry('new')], ['new']);
  tables.apply(tables.beginRead(), [], ['old']);
  tables.apply(slowList, [entry('old')]);
  t.same(states(tables), { new: 'running' });
});

void t.test('EngineTables never brings a destroyed container back', async (t) => {
  const { tables } = someTables();
  tables.apply(tables.beginRead(), [entry('a')]);
  const slow = tables.beginRead();
  tables.remove('a');
  tables.apply(slow, [entry('a')], ['a']);
  t.same(states(tables), {});
});

void t.test('EngineTables.applying() yields to what happens between its steps', async (t) => {
  const { tables, index } = someTables();
  tables.apply(tables.beginRead(), [entry('a'), entry('b'), entry('c')]);
  const list = tables.beginRead();
  const steps = tables.applying(
    list,
    [entry('a', 'exited'), entry('c', 'exited')].map((one) => ListEntry.of(one)),
  );
  steps.next();
  tables.remove('a');
  tables.apply(tables.beginRead(), [entry('d')], ['d']);
  while (steps.next().done !== true);
  t.same(states(tables), { c: 'exited', d: 'running' });
  t.equal(index.all().length, 2);
});

void t.test('EngineTables.expect() holds until a read that began after it', async (t) => {
  const { tables } = someTables();
  const slow = tables.beginRead();
  tables.expect('a', entry('a', 'created'));
  tables.apply(slow, []);
  t.same(states(tables), { a: 'created' }, 'an older list cannot name it yet');
  tables.apply(tables.beginRead(), [entry('a', 'running')], ['a']);
  tables.expect('a', entry('a', 'created'));
  t.same(states(tables), { a: 'running' }, 'what was read says more');
  const byEvent = tables.beginRead();
  tables.expect('c', entry('c', 'created'));
  tables.apply(byEvent, [entry('c', 'paused')], ['c']);
  t.same(states(tables), { a: 'running', c: 'paused' }, 'a read begun by its event names it');
  tables.remove('c');
  tables.expect('b', entry('b', 'created'));
  tables.apply(tables.beginRead(), [], ['b']);
  t.same(states(tables), { a: 'running' });
});

void t.test('EngineTables.clear() empties the index, also for reads begun before', async (t) => {
  const { tables, index } = someTables();
  tables.apply(tables.beginRead(), [entry('a')]);
  const slow = tables.beginRead();
  const slowImages = tables.beginRead();
  tables.clear();
  tables.apply(slow, [entry('b')]);
  tables.applyObjects('images', slowImages, [{ Id: 'i' }]);
  t.same([states(tables), index.all(), tables.objects('images')], [{}, [], []]);
  tables.apply(tables.beginRead(), [entry('c')]);
  t.same(states(tables), { c: 'running' });
});

void t.test('EngineTables.applyObjects() drops a list that is older than the one it has', async (t) => {
  const { tables } = someTables();
  const older = tables.beginRead();
  tables.applyObjects('volumes', tables.beginRead(), [{ Name: 'v2' }]);
  tables.applyObjects('volumes', older, [{ Name: 'v1' }]);
  t.same(
    tables.objects('volumes').map(({ id }) => id),
    ['v2'],
  );
});

void t.test('EngineTables keeps an inspected reservation over later reads', async (t) => {
  const { tables } = someTables();
  tables.apply(tables.beginRead(), [entry('a')]);
  t.same(tables.unknownReservations(), ['a']);
  tables.setReservation('a', { memoryBytes: 5, cpus: 1 });
  tables.setReservation('gone', { memoryBytes: 5, cpus: 1 });
  tables.apply(tables.beginRead(), [entry('a', 'exited')]);
  t.same(tables.unknownReservations(), []);
  t.match(tables.containers(), [{ state: 'exited', memoryBytes: 5, cpus: 1 }]);
});

// The claim that makes events enough: whatever order answers come in, once the last change has been read after it
// happened, the table is right. The model is an engine whose every change begins a read of that container.
void t.test('EngineTables ends like the engine for any order of changes, lists and answers', async (t) => {
  const ids = ['a', 'b', 'c'];
  const change = fc.record({
    type: fc.constant('change' as const),
    id: fc.constantFrom(...ids),
    state: fc.constantFrom('running', 'exited', 'gone'),
  });
  const list = fc.record({ type: fc.constant('list' as const) });
  const look = fc.record({ type: fc.constant('look' as const), which: fc.nat(9) });
  const answer = fc.record({ type: fc.constant('answer' as const), which: fc.nat(9) });
  fc.assert(
    fc.property(fc.array(fc.oneof(change, list, look, answer), { maxLength: 40 }), (steps) => {
      const { tables } = someTables();
      const engine = new Map<string, string>();
      const destroyed = new Set<string>();
      interface Open {
        readonly read: number;
        readonly ids?: readonly string[];
        seen?: ReturnType<typeof entry>[];
      }
      const open: Open[] = [];
      const lookAt = (one: Open): void => {
        one.seen ??= [...engine]
          .filter(([id]) => one.ids?.includes(id) ?? true)
          .map(([id, state]) => entry(id, state));
      };
      const finish = (at: number): void => {
        const [one] = open.splice(at, 1);
        if (one === undefined) return;
        lookAt(one);
        tables.apply(one.read, one.seen ?? [], one.ids);
      };
      for (const step of steps) {
        if (step.type === 'change') {
          if (destroyed.has(step.id)) continue;
          if (step.state === 'gone') {
            if (!engine.delete(step.id)) continue;
            destroyed.add(step.id);
            tables.remove(step.id);
          } else {
            engine.set(step.id, step.state);
            open.push({ read: tables.beginRead(), ids: [step.id] });
          }
        } else if (step.type === 'list') open.push({ read: tables.beginRead() });
        else if (open.length > 0) {
          const at = step.which % open.length;
          const one = open[at];
          if (step.type === 'look' && one !== undefined) lookAt(one);
          else finish(at);
        }
      }
      while (open.length > 0) finish(0);
      return JSON.stringify(Object.entries(states(tables)).sort()) === JSON.stringify([...engine].sort());
    }),
    { numRuns: 500 },
  );
  t.pass();
});
