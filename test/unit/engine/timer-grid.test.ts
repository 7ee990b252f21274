// Timers that fire together.
import t from 'tap';
import { TimerGrid } from '../../../controller/engine/timer-grid.js';
import { FakeClock } from '../../support/fake-clock.js';

void t.test('TimerGrid.setTimer() fires early by less than a step, and never at once', async (t) => {
  const clock = new FakeClock(1_000_010);
  const grid = new TimerGrid({ clock, stepMs: 50 });
  const begun = clock.monotonic();
  const fired: [delayMs: number, afterMs: number][] = [];
  const delays = [0, 10, 40, 120, 139, 140, 2_000];
  for (const delayMs of delays)
    grid.setTimer(delayMs, () => fired.push([delayMs, clock.monotonic() - begun]));
  t.equal(clock.pendingTimers, 4, 'what falls due together is one timer');
  await clock.advance(3_000);
  t.same(fired, [
    [0, 40],
    [10, 40],
    [40, 40],
    [120, 90],
    [139, 90],
    [140, 140],
    [2_000, 1_990],
  ]);
  t.equal(clock.pendingTimers, 0);
});

void t.test(
  'TimerGrid.setTimer() calls what was cancelled no more, and waits for nothing else',
  async (t) => {
    const clock = new FakeClock();
    const grid = new TimerGrid({ clock, stepMs: 50 });
    let calls = 0;
    const call = (): void => void (calls += 1);
    const [first, second] = [grid.setTimer(100, call), grid.setTimer(100, call)];
    first();
    first();
    t.equal(clock.pendingTimers, 1);
    await clock.advance(200);
    t.equal(calls, 1);
    second();
    grid.setTimer(100, call)();
    t.equal(clock.pendingTimers, 0);
    await clock.advance(200);
    t.equal(calls, 1);
  },
);

void t.test('TimerGrid calls nothing that another callback of the same moment cancels', async (t) => {
  const clock = new FakeClock();
  const grid = new TimerGrid({ clock, stepMs: 50 });
  let isCalled = false;
  let cancel = (): void => undefined;
  grid.setTimer(100, () => cancel());
  cancel = grid.setTimer(100, () => (isCalled = true));
  await clock.advance(200);
  t.notOk(isCalled);
});
