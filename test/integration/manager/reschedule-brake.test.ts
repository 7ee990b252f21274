// A manager that is cut off from most of its engines: fake engines, fake clock.
import t from 'tap';
import { bringBack, cutOff, movable, startRescheduleCluster } from '../../support/reschedule-cluster.js';

void t.test('a manager that loses most of its engines at once starts nothing on the others', async (t) => {
  const cluster = await startRescheduleCluster(t, ['n1', 'n2', 'n3', 'n4']);
  const [n1, n2, n3, n4] = cluster.engines;
  if (n1 === undefined || n2 === undefined || n3 === undefined || n4 === undefined)
    throw new Error('four engines were started');
  for (const engine of [n1, n2, n3]) engine.addContainer({ name: `web-${engine.name}`, labels: movable });
  const manager = await cluster.startManager();
  await cluster.until('all are saved', () => manager.saved.list().length === 3);
  for (const engine of [n1, n2, n3]) cutOff(engine);
  await cluster.until('it holds', () =>
    manager.told.some((text) => text.startsWith('Rescheduling is held: 3 of 4 engines')),
  );
  manager.pool.setAddresses([n4.address]);
  await cluster.pass(60_000);
  t.equal(n4.containers.size, 0, 'also not when discovery forgets the others');

  manager.pool.setAddresses(cluster.engines.map(({ address }) => address));
  bringBack(n3);
  await cluster.until('half of the engines are enough', () => n3.containers.size + n4.containers.size === 3);
  t.ok(n3.find('web-n3'), 'what answers again keeps its own');
  t.equal(manager.told.filter((text) => text.startsWith('Rescheduling ')).length, 2, 'told once each');
  t.same(
    manager.events
      .map(({ event }) => String(event['Action']))
      .filter((action) => action.startsWith('reschedule_')),
    ['reschedule_hold', 'reschedule_resume'],
  );
});
