// Full refreshes of an engine: what they heal, and when they come.
import t from 'tap';
import { FakeClock } from '../../support/fake-clock.js';
import { aFakeEngine, aPool, advanceUntil } from '../../support/pooled-engines.js';
import { until } from '../../support/until.js';

void t.test('a change whose event the engine dropped is healed by the next full refresh', async (t) => {
  const clock = new FakeClock();
  const engine = await aFakeEngine(t);
  const stays = engine.addContainer({ name: 'stays', silently: true });
  const goes = engine.addContainer({ name: 'goes', silently: true });
  const { pool, at } = aPool(t, { clock, refreshMinMs: 30_000, refreshMaxMs: 60_000 });
  pool.setAddresses([engine.address]);
  await until(() => at(engine.address).state === 'healthy');
  engine.faults.dropEvent = () => true;
  stays.status = 'exited';
  engine.containers.delete(goes.Id);
  engine.addContainer({ name: 'comes' });
  const tookMs = await advanceUntil(clock, () => pool.findContainer('comes').type === 'found', 250);
  t.ok(tookMs >= 40_000 && tookMs <= 50_000, 'half way between the two at random() = 0.5');
  t.same(
    pool
      .containers()
      .map(({ names, state }) => [names[0], state])
      .sort(),
    [
      ['comes', 'running'],
      ['stays', 'exited'],
    ],
  );
});

void t.test('an engine that drops events is refreshed more often than one that does not', async (t) => {
  const clock = new FakeClock();
  const engine = await aFakeEngine(t);
  const { pool, at } = aPool(t, { clock, refreshMinMs: 10_000, refreshMaxMs: 100_000 });
  pool.setAddresses([engine.address]);
  await until(() => at(engine.address).state === 'healthy');
  const lists = (): number =>
    engine.requests.filter(({ path, query }) => path === '/containers/json' && !query.has('filters')).length;
  const untilNext = async (): Promise<number> => {
    const before = lists();
    const tookMs = await advanceUntil(clock, () => lists() > before, 1_000);
    return Math.round(tookMs / 5_000) * 5;
  };
  const found = (name: string): Promise<void> => until(() => pool.findContainer(name).type === 'found');
  t.same([await untilNext(), await untilNext()], [55, 75], 'at random() = 0.5');
  engine.addContainer({ name: 'told' });
  await found('told');
  t.equal(await untilNext(), 75, 'its event told of it');
  engine.faults.dropEvent = () => true;
  engine.addContainer({ name: 'untold' });
  t.equal(await untilNext(), 75);
  await found('untold');
  t.same([await untilNext(), await untilNext(), await untilNext()], [15, 30, 60]);
  engine.faults.dropEvent = () => false;
  // Fewer at a time than are read by a list.
  for (let i = 0; i < 500; i += 50) {
    for (let k = i; k < i + 50; k += 1) engine.addContainer({ name: `many${k}` });
    await found(`many${i + 49}`);
  }
  t.same(
    [await untilNext(), await untilNext(), await untilNext()],
    [15, 15, 30],
    'of many events some may be lost',
  );
});
