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
  await clock.advance(50);
  await clock.advance(50);
  t.same(begun, [0, 1, 2]);
  await clock.advance(1_000);
  t.same(begun, [0, 1, 2, 3], 'slow engines hold it up');
  finish[0]?.();
  await clock.advance(50);
  t.same(begun, [0, 1, 2, 3, 4]);
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
