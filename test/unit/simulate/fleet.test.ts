// Tests where engines of a simulated fleet listen, and that their containers have the sizes real ones have.
import t from 'tap';
import { inspect, summary } from '../../../controller/simulate/answers.js';
import { SimulatedEngine } from '../../../controller/simulate/engine.js';
import { addressOf } from '../../../controller/simulate/fleet.js';
import { seedEngine } from '../../../controller/simulate/seed.js';
import { FakeClock } from '../../support/fake-clock.js';

function anEngine(): SimulatedEngine {
  let next = 0;
  return new SimulatedEngine({
    clock: new FakeClock(),
    randomHex: (bytes) => (next++).toString(16).padStart(bytes * 2, '7'),
    name: 'sim-3',
  });
}

void t.test('addressOf() gives each engine an address of its own', (t) => {
  const all = Array.from({ length: 5_000 }, (_, index) => addressOf(index, { port: 9, spread: 'address' }));
  t.equal(new Set(all.map(({ host }) => host)).size, 5_000);
  t.same(all[0], { host: '127.77.0.1', port: 9 });
  t.same(all[4_999], { host: '127.77.19.250', port: 9 });
  t.ok(all.every(({ host }) => !/\.(0|255)$/.test(host)));
  t.end();
});

void t.test('addressOf() counts ports where only one address is there', (t) => {
  t.same(addressOf(7, { port: 12_000, spread: 'port' }), { host: '127.0.0.1', port: 12_007 });
  t.end();
});

void t.test('seedEngine() makes list entries of 1.4 kB and inspections of 8 kB', (t) => {
  const engine = anEngine();
  seedEngine(engine, { index: 3, containers: 30, isOurs: true });
  const containers = [...engine.containers.values()];
  t.equal(containers.length, 30);
  t.equal(new Set(containers.map(({ name }) => name)).size, 30);
  for (const container of containers) {
    const listed = JSON.stringify(summary(engine, container)).length;
    t.ok(listed > 1_250 && listed < 1_550, `${container.name} is listed in ${listed} bytes`);
    const inspected = JSON.stringify(inspect(engine, container)).length;
    t.ok(inspected > 7_000 && inspected < 9_000, `${container.name} is inspected in ${inspected} bytes`);
  }
  t.end();
});

void t.test('seedEngine() labels reservations only where a manager made the container', (t) => {
  for (const isOurs of [true, false]) {
    const engine = anEngine();
    seedEngine(engine, { index: 0, containers: 1, isOurs });
    const [container] = engine.containers.values();
    t.equal('io.swarmctl.reserved-cpus' in (container?.body['Labels'] as object), isOurs);
  }
  t.end();
});
