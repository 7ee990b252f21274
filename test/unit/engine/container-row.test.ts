// Rows of the cache.
import t from 'tap';
import {
  ContainerRow,
  compareNewestFirst,
  reservationOfInspection,
} from '../../../controller/engine/container-row.js';
import { aPooledEngine, aSummary, anId } from './container-rows.js';

const engine = aPooledEngine('n1');

void t.test('ContainerRow reads the entry and keeps all of it', async (t) => {
  const summary = aSummary({ id: anId('a'), names: ['db/alias', 'web'], created: 7 });
  const row = new ContainerRow(engine, summary);
  t.same(row.names, ['web', 'db/alias']);
  t.match(row, { id: anId('a'), image: 'busybox', imageId: 'sha256:1', state: 'running', createdSeconds: 7 });
  t.same(row.summary, summary);
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
    t.match(new ContainerRow(engine, aSummary({ id: 'x', labels }), { inspected }), expected);
  });

void t.test('reservationOfInspection() takes limits, and shares where they mean CPUs', async (t) => {
  const weight = { cpus: 4, cpuShares: 'weight' } as const;
  const classic = { cpus: 4, cpuShares: 'classic' } as const;
  const limited = { HostConfig: { Memory: 9, NanoCpus: 1_500_000_000, CpuShares: 512 } };
  t.same(reservationOfInspection(limited, classic), { memoryBytes: 9, cpus: 1.5 });
  t.match(reservationOfInspection({ HostConfig: { CpuQuota: 50_000 } }, weight), { cpus: 0.5 });
  t.match(reservationOfInspection({ HostConfig: { CpuQuota: 50_000, CpuPeriod: 25_000 } }, weight), {
    cpus: 2,
  });
  t.match(reservationOfInspection({ HostConfig: { CpuQuota: -1 } }, weight), { cpus: 0 });
  t.match(reservationOfInspection({ HostConfig: { CpuShares: 512 } }, classic), { cpus: 2 });
  t.match(reservationOfInspection({ HostConfig: { CpuShares: 512 } }, weight), { cpus: 0 });
  t.same(reservationOfInspection(null, classic), { memoryBytes: 0, cpus: 0 });
});

void t.test('reservationOfInspection() keeps the ports and devices that keep others away', async (t) => {
  const options = { cpus: 4, cpuShares: 'weight' } as const;
  const inspection = (host: Record<string, unknown>): unknown => ({
    Config: { ExposedPorts: { '80/tcp': {} } },
    HostConfig: host,
  });
  const claims = (host: Record<string, unknown>): unknown =>
    reservationOfInspection(inspection(host), options).claims;
  t.equal(claims({ PortBindings: {}, DeviceRequests: null }), undefined);
  t.same(claims({ PortBindings: { '80/tcp': [{ HostPort: '80' }] } }), {
    PortBindings: { '80/tcp': [{ HostPort: '80' }] },
  });
  t.same(claims({ NetworkMode: 'host' }), { ExposedPorts: { '80/tcp': {} } });
  t.same(claims({ DeviceRequests: [{ Count: -1 }] }), { DeviceRequests: [{ Count: -1 }] });
});

void t.test('compareNewestFirst() orders by creation, then ID, then engine', async (t) => {
  const row = (id: string, created: number, on = engine): ContainerRow =>
    new ContainerRow(on, aSummary({ id, created }));
  t.ok(compareNewestFirst(row('b', 2), row('a', 1)) < 0);
  t.ok(compareNewestFirst(row('a', 1), row('b', 1)) < 0);
  t.ok(compareNewestFirst(row('a', 1), row('a', 1, aPooledEngine('n2'))) < 0);
  t.equal(compareNewestFirst(row('a', 1), row('a', 1)), 0);
  const known = (id: string, sequence: number): ContainerRow =>
    new ContainerRow(engine, aSummary({ id, created: 1 }), { sequence });
  t.ok(compareNewestFirst(known('b', 2), known('a', 1)) < 0, 'of one second: the one that was known later');
});
