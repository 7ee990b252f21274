// Waiting: deadlines, aborts, backoff and the clock contract that the fake clock shares with the real one.
import t from 'tap';
import { backoffDelayMs } from '../../../controller/base/backoff.js';
import { systemClock } from '../../../controller/base/clock.js';
import { startDeadline, waitAtMost, withDeadline } from '../../../controller/base/deadline.js';
import { FakeClock } from '../../support/fake-clock.js';

t.test('backoffDelayMs() grows, is jittered and capped', (t) => {
  t.equal(
    backoffDelayMs(1, () => 1),
    1000,
  );
  t.equal(
    backoffDelayMs(3, () => 1),
    4000,
  );
  t.equal(
    backoffDelayMs(3, () => 0),
    2000,
  );
  t.equal(
    backoffDelayMs(100, () => 1),
    300_000,
  );
  t.equal(
    backoffDelayMs(5000, () => 1),
    300_000,
    'does not overflow',
  );
  t.equal(
    backoffDelayMs(2, () => 1, { baseMs: 10, factor: 3, capMs: 25 }),
    25,
  );
  t.end();
});

t.test('withDeadline() rejects with the given reason when time runs out', async (t) => {
  const clock = new FakeClock();
  const work = withDeadline(
    clock,
    { delayMs: 100, reason: () => new Error('too late') },
    () => new Promise(() => undefined),
  );
  const outcome = t.rejects(work, { message: 'too late' });
  await clock.advance(100);
  await outcome;
  t.equal(clock.pendingTimers, 0);
});

t.test('withDeadline() clears its timer when the work ends first', async (t) => {
  const clock = new FakeClock();
  t.equal(await withDeadline(clock, { delayMs: 100, reason: () => new Error('late') }, async () => 7), 7);
  t.equal(clock.pendingTimers, 0);
});

t.test('waitAtMost() resolves with the work or at its limit, and leaves no timer', async (t) => {
  const clock = new FakeClock();
  await waitAtMost(clock, { work: Promise.resolve(7), limitMs: 100 });
  t.equal(clock.pendingTimers, 0);
  let isOver = false;
  const waiting = waitAtMost(clock, { work: new Promise(() => undefined), limitMs: 100 }).then(() => {
    isOver = true;
  });
  await clock.advance(99);
  t.equal(isOver, false);
  await clock.advance(1);
  await waiting;
  await t.rejects(waitAtMost(clock, { work: Promise.reject(new Error('no')), limitMs: 100 }), {
    message: 'no',
  });
  t.equal(clock.pendingTimers, 0);
});

t.test('startDeadline() follows the abort of its parent', (t) => {
  const clock = new FakeClock();
  const parent = new AbortController();
  const deadline = startDeadline(clock, {
    delayMs: 100,
    parent: parent.signal,
    reason: () => new Error('late'),
  });
  parent.abort(new Error('stopped'));
  t.ok(deadline.signal.aborted);
  t.match(deadline.signal.reason, { message: 'stopped' });
  deadline.clear();
  t.end();
});

for (const [name, makeClock] of [
  ['systemClock', () => systemClock],
  ['FakeClock', () => new FakeClock()],
] as const) {
  t.test(`${name}.sleep() rejects at once when its signal is aborted`, async (t) => {
    const clock = makeClock();
    const aborted = AbortSignal.abort(new Error('stop'));
    await t.rejects(clock.sleep(60_000, aborted), { message: 'stop' });
    const controller = new AbortController();
    const sleeping = clock.sleep(60_000, controller.signal);
    controller.abort(new Error('later'));
    await t.rejects(sleeping, { message: 'later' });
  });
}

t.test('systemClock.setTimer() does not fire early for delays beyond the timer range', async (t) => {
  let fired = false;
  const cancel = systemClock.setTimer(2 ** 40, () => (fired = true));
  await systemClock.sleep(5);
  t.notOk(fired);
  cancel();
});
