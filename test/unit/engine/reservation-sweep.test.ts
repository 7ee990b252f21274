// The pace of confirming reservations.
import t from 'tap';
import { ReservationSweep } from '../../../controller/engine/reservation-sweep.js';
import { FakeClock } from '../../support/fake-clock.js';

void t.test('ReservationSweep begins late, keeps its pace and bounds what is under way', async (t) => {
  const clock = new FakeClock();
  const sweep = new ReservationSweep(clock);
  t.teardown(() => sweep.close());
  const begun: number[] = [];
  const finish: (() => void)[] = [];
  for (let index = 0; index < 10; index += 1)
    sweep.add(() => {
      begun.push(index);
      return new Promise((resolve) => finish.push(resolve));
    });
  await clock.advance(4_999);
  t.same(begun, [], 'first contacts come first');
  await clock.advance(1);
  await clock.advance(200);
  await clock.advance(200);
  t.same(begun, [0, 1, 2]);
  await clock.advance(1_000);
  t.same(begun, [0, 1, 2, 3], 'slow engines hold it up');
  finish[0]?.();
  await clock.advance(200);
  t.same(begun, [0, 1, 2, 3, 4]);
});

void t.test('ReservationSweep waits until engines are met no more, but not for ever', async (t) => {
  const clock = new FakeClock();
  const sweep = new ReservationSweep(clock);
  t.teardown(() => sweep.close());
  let begun = 0;
  const work = async (): Promise<void> => {
    begun += 1;
  };
  for (let seconds = 0; seconds < 60; seconds += 3) {
    sweep.add(work);
    await clock.advance(3_000);
  }
  t.equal(begun, 0, 'a large fleet takes a minute to be met');
  await clock.advance(10_000);
  t.ok(begun > 0);
  const other = new ReservationSweep(clock);
  t.teardown(() => other.close());
  begun = 0;
  for (let seconds = 0; seconds < 310; seconds += 2) {
    other.add(work);
    await clock.advance(2_000);
  }
  t.ok(begun > 0, 'an engine that comes and goes holds nobody up');
});

void t.test('ReservationSweep.close() drops what waits', async (t) => {
  const clock = new FakeClock();
  const sweep = new ReservationSweep(clock);
  let begun = 0;
  const work = async (): Promise<void> => {
    begun += 1;
  };
  sweep.add(work);
  sweep.close();
  sweep.add(work);
  await clock.advance(10_000);
  t.equal(begun, 0);
});
