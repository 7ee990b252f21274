// Tests of served time: gaps in which the process stood still do not count.
import t from 'tap';
import type { Clock } from '../../../controller/base/clock.js';
import { ServedTime } from '../../../controller/discovery/served-time.js';
import { FakeClock } from '../../support/fake-clock.js';

t.test('ServedTime follows the clock while the process runs', async (t) => {
  const clock = new FakeClock();
  let ticks = 0;
  const time = new ServedTime({ clock, onTick: () => (ticks += 1) });
  await clock.advance(90_500);
  t.equal(time.now(), 90_500);
  t.equal(ticks, 90);
  time.close();
  t.equal(clock.pendingTimers, 0);
});

t.test('ServedTime counts a long standstill as two seconds', async (t) => {
  let nowMs = 0;
  const clock: Clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    setTimer: () => () => undefined,
    sleep: () => Promise.resolve(),
  };
  const time = new ServedTime({ clock, onTick: () => undefined });
  nowMs = 1000;
  t.equal(time.now(), 1000);
  nowMs = 3_601_000;
  t.equal(time.now(), 3000);
  nowMs = 3_601_500;
  t.equal(time.now(), 3500);
});
