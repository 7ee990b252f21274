// Look-ups by every name a user may give.
import fc from 'fast-check';
import t from 'tap';
import type { PooledEngine } from '../../../controller/engine/cluster-view.js';
import { ContainerIndex } from '../../../controller/engine/container-index.js';
import { ContainerRow } from '../../../controller/engine/container-row.js';
import { replacesLabel } from '../../../controller/engine/superseded.js';
import { aPooledEngine, aSummary, anId } from './container-rows.js';

const n1 = aPooledEngine('n1');
const n2 = aPooledEngine('n2');
const isNamed = (engine: PooledEngine, nameOrId: string): boolean =>
  engine.name === nameOrId || engine.id === nameOrId;
const swarmId = 'com.docker.swarm.id';

const web = new ContainerRow(
  n1,
  aSummary({ id: anId('aaa111222333'), names: ['web'], created: 3, labels: { [swarmId]: anId('ccc') } }),
);
const db1 = new ContainerRow(n1, aSummary({ id: anId('aab'), names: ['db', 'web/alias'], created: 2 }));
const db2 = new ContainerRow(n2, aSummary({ id: anId('bbb'), names: ['db'], created: 1 }));
const oddlyNamed = new ContainerRow(n2, aSummary({ id: anId('ddd'), names: ['aaa111222333'], created: 0 }));

const index = new ContainerIndex();
for (const row of [web, db1, db2, oddlyNamed]) index.put(row, undefined);

const found: readonly (readonly [string, ContainerRow])[] = [
  [anId('aaa111222333'), web],
  ['aaa111222333', web],
  [anId('ccc'), web],
  ['ccc000000000', web],
  ['web', web],
  ['/web', web],
  ['n1/web', web],
  ['/n1/web', web],
  ['ID-n1/web', web],
  ['n1/db', db1],
  ['n2/db', db2],
  ['web/alias', db1],
  ['n1/web/alias', db1],
  ['aaa', web],
  ['cc', web],
  ['bb', db2],
];

for (const [reference, row] of found)
  void t.test(`ContainerIndex finds ${reference.slice(0, 20)}`, async (t) => {
    const lookup = index.find(reference, isNamed);
    t.equal(lookup.type === 'found' ? lookup.container : lookup.type, row);
  });

for (const reference of ['', '/', 'nope', 'n2/web', 'n3/db', 'we', 'n1/', 'f'])
  void t.test(`ContainerIndex misses "${reference}"`, async (t) => {
    t.equal(index.find(reference, isNamed).type, 'missing');
  });

for (const [reference, rows] of [
  ['db', [db1, db2]],
  ['aa', [web, db1]],
] as const)
  void t.test(`ContainerIndex says that "${reference}" is ambiguous, newest first`, async (t) => {
    const lookup = index.find(reference, isNamed);
    t.same(
      lookup.type === 'ambiguous' ? lookup.candidates.map((row) => row.id) : lookup.type,
      rows.map((row) => row.id),
    );
  });

void t.test('ContainerIndex holds containers of cloned hosts that share an ID side by side', async (t) => {
  const clones = new ContainerIndex();
  const [first, second] = [n1, n2].map(
    (engine) => new ContainerRow(engine, aSummary({ id: anId('e'), names: ['x'] })),
  );
  if (first === undefined || second === undefined) throw new Error('two rows');
  clones.put(first, undefined);
  clones.put(second, undefined);
  t.equal(clones.find(anId('e'), isNamed).type, 'ambiguous');
  t.equal(clones.all().length, 2);
  clones.delete(first);
  t.match(clones.find('e', isNamed), { type: 'found', container: { engine: { name: 'n2' } } });
});

void t.test('ContainerIndex gives the same array until something changes', async (t) => {
  const own = new ContainerIndex();
  own.put(web, undefined);
  const before = own.all();
  t.equal(own.all(), before);
  own.put(db1, undefined);
  t.same(own.all(), [web, db1]);
  t.same(before, [web]);
});

void t.test('ContainerIndex after any changes is the index of what is left', async (t) => {
  const ids = ['a1', 'a2', 'b1'].map(anId);
  const [oldest = ''] = ids;
  const step = fc.record({
    id: fc.constantFrom(...ids),
    engine: fc.constantFrom(n1, n2),
    name: fc.constantFrom('x', 'y'),
    created: fc.constantFrom(0, 0, 0, 1),
    state: fc.constantFrom('running', 'exited', 'created'),
    labels: fc.constantFrom(
      {},
      { team: 'a' },
      { team: 'b' },
      { [swarmId]: anId('c') },
      { [replacesLabel]: oldest },
    ),
    isRemoved: fc.constantFrom(false, false, false, true),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), (steps) => {
      const changed = new ContainerIndex();
      changed.labelled('team', 'a');
      const rows = new Map<string, ContainerRow>();
      for (const { id, engine, isRemoved, name, created, state, labels } of steps) {
        const key = `${engine.name} ${id}`;
        const before = rows.get(key);
        if (isRemoved) {
          if (before !== undefined) changed.delete(before);
          rows.delete(key);
        } else {
          const summary = aSummary({
            id,
            names: [name],
            created,
            state,
            // None stands for itself.
            labels: id === oldest && replacesLabel in labels ? {} : labels,
          });
          const row = new ContainerRow(engine, summary);
          changed.put(row, before);
          rows.set(key, row);
        }
      }
      const fresh = new ContainerIndex();
      for (const row of rows.values()) fresh.put(row, undefined);
      const references = [...ids, 'a', 'b', 'a1', 'c', 'x', 'y', 'n1/x'];
      const answers = (one: ContainerIndex): string =>
        JSON.stringify([
          ...references.map((reference) => one.find(reference, isNamed)),
          one.all(),
          one.labelled('team', 'a'),
          one.named('x'),
          [...one.equalNames()].sort(),
        ]);
      return answers(changed) === answers(fresh);
    }),
    { numRuns: 300 },
  );
  t.pass();
});

void t.test('ContainerIndex puts a row in the place of one with the same entry', async (t) => {
  const own = new ContainerIndex();
  const policy = { 'com.docker.swarm.reschedule-policies': '["on-node-failure"]', team: 'a' };
  const summary = aSummary({ id: anId('eee'), names: ['one', 'two/alias'], created: 1, labels: policy });
  const before = new ContainerRow(n1, summary);
  const other = new ContainerRow(n2, before.entry);
  own.put(before, undefined);
  own.put(other, undefined);
  own.labelled('team', 'a');
  const [block] = own.blocks();
  const row = new ContainerRow(n1, before.entry, { inspected: { memoryBytes: 5, cpus: 1 } });
  own.put(row, before);
  const rows = [row, other];
  t.same([own.all().length, own.blocks()[0] === block], [2, false]);
  for (const found of [own.all(), own.movable(), own.labelled('team', 'a') ?? [], own.named('one') ?? []])
    t.ok(
      found.length === 2 && rows.every((wanted) => found.includes(wanted)),
      'both, and not the one before',
    );
  for (const reference of [row.id, row.id.slice(0, 12), 'one', 'two/alias']) {
    const lookup = own.find(reference, isNamed);
    t.ok(
      lookup.type === 'ambiguous' && lookup.candidates.includes(row) && !lookup.candidates.includes(before),
    );
  }
  own.delete(row);
  own.delete(other);
  t.equal(own.find('one', isNamed).type, 'missing');
});
