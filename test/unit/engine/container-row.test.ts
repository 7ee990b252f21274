// Rows of the cache.
import t from 'tap';
import {
  ContainerRow,
  compareNewestFirst,
  reservationOfInspection,
  summariesOf,
} from '../../../controller/engine/container-row.js';
import { aPooledEngine, aSummary, anId } from './container-rows.js';

const engine = aPooledEngine('n1');

void t.test('ContainerRow reads the entry and keeps all of it', async (t) => {
  const summary = aSummary({ id: anId('a'), names: ['db/alias', 'web'], created: 7 });
  const row = new ContainerRow(engine, summary);
  t.same(row.names, ['web', 'db/alias']);
  t.match(row, { id: anId('a'), image: 'busybox', imageId: 'sha256:1', state: 'running', createdSeconds: 7 });
  t.same(JSON.parse(row.entry.toString()), summary);
  t.equal(row.entry, row.entry);
});

void t.test('ContainerRow survives entries of another form', async (t) => {
  const row = new ContainerRow(engine, { Id: 'x', Names: null, Labels: null, Created: 'soon' });
  t.match(row, { id: 'x', names: [], createdSeconds: 0, state: '' });
});

for (const [name, labels, inspected, expected] of [
  [
    'labels',
    { 'io.swarmctl.reserved-memory-bytes': '1024', 'io.swarmctl.reserved-cpus': '0.5' },
    undefined,
    { memoryBytes: 1024, cpus: 0.5, isReservationKnown: true },
  ],
  [
    'one label',
    { 'io.swarmctl.reserved-cpus': '2' },
    undefined,
    { memoryBytes: 0, cpus: 2, isReservationKnown: true },
  ],
  [
    'bad labels',
    { 'io.swarmctl.reserved-cpus': '-1', 'io.swarmctl.reserved-memory-bytes': 'x' },
    undefined,
    { memoryBytes: 0, cpus: 0, isReservationKnown: true },
  ],
  ['an inspection', {}, { memoryBytes: 5, cpus: 1 }, { memoryBytes: 5, cpus: 1, isReservationKnown: true }],
  [
    'both: an update cannot change labels',
    { 'io.swarmctl.reserved-cpus': '2' },
    { memoryBytes: 5, cpus: 1 },
    { memoryBytes: 5, cpus: 1, isReservationKnown: true },
  ],
  ['nothing', {}, undefined, { memoryBytes: 0, cpus: 0, isReservationKnown: false }],
] as const)
  void t.test(`ContainerRow knows its reservation from ${name}`, async (t) => {
    t.match(new ContainerRow(engine, aSummary({ id: 'x', labels }), inspected), expected);
  });

void t.test('reservationOfInspection() takes NanoCpus, else shares of all CPUs', async (t) => {
  t.same(reservationOfInspection({ HostConfig: { Memory: 9, NanoCpus: 1_500_000_000, CpuShares: 512 } }, 4), {
    memoryBytes: 9,
    cpus: 1.5,
  });
  t.same(reservationOfInspection({ HostConfig: { CpuShares: 512 } }, 4), { memoryBytes: 0, cpus: 2 });
  t.same(reservationOfInspection(null, 4), { memoryBytes: 0, cpus: 0 });
});

void t.test('compareNewestFirst() orders by creation, then ID, then engine', async (t) => {
  const row = (id: string, created: number, on = engine): ContainerRow =>
    new ContainerRow(on, aSummary({ id, created }));
  t.ok(compareNewestFirst(row('b', 2), row('a', 1)) < 0);
  t.ok(compareNewestFirst(row('a', 1), row('b', 1)) < 0);
  t.ok(compareNewestFirst(row('a', 1), row('a', 1, aPooledEngine('n2'))) < 0);
  t.equal(compareNewestFirst(row('a', 1), row('a', 1)), 0);
});

void t.test('summariesOf() takes only entries with an ID', async (t) => {
  t.same(summariesOf([{ Id: 'a' }, { Id: '' }, {}, null, 'x']), [{ Id: 'a' }]);
  t.same(summariesOf({ message: 'no list' }), []);
});
