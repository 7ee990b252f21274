// What becomes of the copies of a rescheduled container when a user removes the one that is seen: fake engines, fake clock.
import t from 'tap';
import type { FakeEngine } from '../../support/fake-engine.js';
import {
  bringBack,
  cutOff,
  everywhere,
  movable,
  startRescheduleCluster,
  type RescheduleCluster,
} from '../../support/reschedule-cluster.js';

function two(cluster: RescheduleCluster): readonly [FakeEngine, FakeEngine] {
  const [first, second] = cluster.engines;
  if (first === undefined || second === undefined) throw new Error('two engines were started');
  return [first, second];
}

const swarmId = `a${'5'.repeat(63)}`;
const labels = { ...movable, 'com.docker.swarm.id': swarmId };

void t.test('removing the copy removes the old container, too, when its engine is back', async (t) => {
  for (const leavesDiscovery of [false, true]) {
    const cluster = await startRescheduleCluster(t, ['n1', 'n2']);
    const [n1, n2] = two(cluster);
    const old = n1.addContainer({ name: 'web', labels });
    const manager = await cluster.startManager();
    await cluster.until('it is saved', () => manager.saved.list().length === 1);
    cutOff(n1);
    await cluster.until('it runs elsewhere', () => n2.find('web')?.status === 'running');
    await cluster.until('the old one is forgotten', () => manager.saved.header(old.Id) === undefined);
    if (leavesDiscovery) {
      manager.pool.setAddresses([n2.address]);
      await cluster.until('its engine is forgotten', () => manager.pool.engines().length === 1);
    }
    t.match(await manager.call('DELETE', '/containers/web?force=1'), { status: 204 });
    await cluster.until('the copy is gone', () => n2.containers.size === 0);
    await cluster.pass(15_000);
    t.equal(n2.containers.size, 0, 'nothing is made in its place');
    t.equal(manager.pool.findContainer('web').type, 'missing');
    bringBack(n1);
    manager.pool.setAddresses([n1.address, n2.address]);
    await cluster.until('the old one is gone', () => n1.containers.size === 0);
    const removal = n1.requests.find(({ method }) => method === 'DELETE');
    t.equal(removal?.query.get('v'), null, 'its volumes stay');
    t.equal(manager.pool.findContainer('web').type, 'missing');
    await manager.kill();
  }
});

void t.test('a manager that never saw an engine keeps the names of what may move from there', async (t) => {
  const cluster = await startRescheduleCluster(t, ['n1', 'n2']);
  const [n1, n2] = two(cluster);
  const lost = n1.addContainer({ name: 'web', labels });
  const before = await cluster.startManager();
  await cluster.until('it is saved', () => before.saved.list().length === 1);
  await before.kill();
  cutOff(n1);
  const after = await cluster.startManager({ delayMs: 60_000 });
  t.match(await after.call('POST', '/containers/create?name=web', { Image: 'busybox' }), {
    status: 409,
    json: { message: new RegExp(`name "/web" is already in use by container "${lost.Id}"`) },
  });
  await cluster.until('it runs elsewhere', () => n2.find('web')?.status === 'running');
  t.same(everywhere([n2]), ['n2:web running'], 'under its own name');
});

void t.test('removing a lost container that may move keeps it from moving', async (t) => {
  const cluster = await startRescheduleCluster(t, ['n1', 'n2']);
  const [n1, n2] = two(cluster);
  n1.addContainer({ name: 'web', labels });
  const manager = await cluster.startManager({ delayMs: 20_000 });
  await cluster.until('it is saved', () => manager.saved.list().length === 1);
  cutOff(n1);
  await cluster.until('the engine is unhealthy', () => manager.pool.engines()[0]?.state === 'unhealthy');
  t.match(await manager.call('DELETE', '/containers/web?force=1'), { status: 204 });
  await cluster.pass(60_000);
  t.same(
    everywhere(cluster.engines),
    ['n1:web running'],
    'nothing can be done there, and nothing is elsewhere',
  );
  bringBack(n1);
  await cluster.until('it is gone', () => n1.containers.size === 0);
  await cluster.until('it is forgotten', () => manager.saved.list().length === 0);
  t.equal(n2.containers.size, 0);
});

void t.test(
  'removing the copy during the grace period of a drained container removes both for good',
  async (t) => {
    const cluster = await startRescheduleCluster(t, ['n1', 'n2']);
    const [n1, n2] = two(cluster);
    n1.addContainer({ name: 'web', labels });
    const manager = await cluster.startManager();
    await cluster.until('it is saved', () => manager.saved.list().length === 1);
    let stops = 0;
    let endGrace = (): void => undefined;
    const grace = new Promise<void>((resolve) => (endGrace = resolve));
    n1.faults.hold = ({ path }) => {
      if (!path.endsWith('/stop')) return undefined;
      stops += 1;
      return grace;
    };
    const drained = manager.pool.engines().find(({ name }) => name === 'n1');
    if (drained === undefined) throw new Error('n1 is known');
    await manager.nodes.update(drained, { index: 1, availability: 'drain', nowMs: 0 });
    await cluster.until(
      'the old one is being stopped',
      () => stops > 0 && n2.find('web')?.status === 'running',
    );
    t.match(await manager.call('DELETE', '/containers/web?force=1'), { status: 204 });
    await cluster.until('both are gone', () => n1.containers.size + n2.containers.size === 0);
    endGrace();
    await cluster.pass(15_000);
    t.same(everywhere(cluster.engines), [], 'and stay so');
  },
);

void t.test(
  'removing the old container that is used again removes its lost copy when that is back',
  async (t) => {
    const cluster = await startRescheduleCluster(t, ['n1', 'n2']);
    const [n1, n2] = two(cluster);
    n1.addContainer({ name: 'web', labels });
    const manager = await cluster.startManager();
    await cluster.until('it is saved', () => manager.saved.list().length === 1);
    cutOff(n1);
    await cluster.until('it runs elsewhere', () => n2.find('web')?.status === 'running');
    cutOff(n2);
    await cluster.until('both are lost', () =>
      manager.pool.engines().every(({ state }) => state !== 'healthy'),
    );
    bringBack(n1);
    await cluster.until('the old one is used again', () => {
      const found = manager.pool.findContainer('web');
      return found.type === 'found' && found.container.engine.name === 'n1';
    });
    t.match(await manager.call('DELETE', '/containers/web?force=1'), { status: 204 });
    await cluster.until('it is gone', () => n1.containers.size === 0);
    t.equal(manager.pool.findContainer('web').type, 'missing', 'its copy does not show either');
    bringBack(n2);
    await cluster.until('the copy is gone', () => n2.containers.size === 0);
  },
);

void t.test('of two copies that a user sees, removing one leaves the other', async (t) => {
  const cluster = await startRescheduleCluster(t, ['n1', 'n2']);
  const [n1, n2] = two(cluster);
  n1.addContainer({ name: 'web', labels });
  const manager = await cluster.startManager();
  await cluster.until('it is saved', () => manager.saved.list().length === 1);
  cutOff(n1);
  await cluster.until('it runs elsewhere', () => n2.find('web')?.status === 'running');
  const copy = n2.find('web');
  if (copy === undefined) throw new Error('it runs');
  copy.status = 'exited';
  n2.announce(copy, 'die');
  bringBack(n1);
  await cluster.until('both are seen', () => manager.pool.findContainer('web').type === 'ambiguous');
  t.match(await manager.call('DELETE', '/containers/n2%2Fweb?force=1'), { status: 204 });
  await cluster.pass(10_000);
  t.same(everywhere(cluster.engines), ['n1:web running']);
  t.match(manager.pool.findContainer('web'), { type: 'found', container: { engine: { name: 'n1' } } });
});
