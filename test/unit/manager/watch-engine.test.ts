// When a build's engine counts as gone.
import t from 'tap';
import { watchEngine } from '../../../controller/manager/build/watch-engine.js';
import type { PooledEngine } from '../../../controller/engine/cluster-view.js';
import { FakeClock } from '../../support/fake-clock.js';
import { anEngine } from './builders.js';

/** In steps, since each timer sets the next. */
async function pass(clock: FakeClock, milliseconds: number): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += 10_000) await clock.advance(10_000);
}

type Changeable = { -readonly [K in keyof PooledEngine]: PooledEngine[K] };

void t.test('watchEngine() gives an engine up after a minute without an answer, once', async (t) => {
  const clock = new FakeClock();
  const engine: Changeable = anEngine({ name: 'n1' });
  const lost: Error[] = [];
  watchEngine(engine, { clock, onLost: (error) => lost.push(error) });
  await pass(clock, 3_600_000);
  engine.state = 'unhealthy';
  engine.error = 'no route to host';
  await pass(clock, 50_000);
  engine.state = 'healthy';
  await pass(clock, 10_000);
  engine.state = 'unhealthy';
  await pass(clock, 50_000);
  t.same(lost, [], 'it answered in between');
  await pass(clock, 600_000);
  t.match(lost, [{ message: 'Cannot go on building: engine "n1" stopped answering (no route to host)' }]);
  t.equal(lost.length, 1);
});

void t.test('watchEngine() ends with its build', async (t) => {
  const clock = new FakeClock();
  const cancel = watchEngine(anEngine({ name: 'n1', state: 'disconnected' }), {
    clock,
    onLost: () => t.fail('nobody waits any more'),
  });
  await pass(clock, 30_000);
  cancel();
  await pass(clock, 600_000);
  t.pass();
});
