// Tests of the per-client token bucket.
import t from 'tap';
import { RateLimit } from '../../../controller/discovery/rate-limit.js';
import { FakeClock } from '../../support/fake-clock.js';

t.test('RateLimit allows a burst, then the rate, for each client apart', async (t) => {
  const clock = new FakeClock();
  const limit = new RateLimit({ clock, burst: 2, perSecond: 1, clients: 10 });
  t.same([limit.take('a'), limit.take('a'), limit.take('a'), limit.take('b')], [true, true, false, true]);
  await clock.advance(1000);
  t.same([limit.take('a'), limit.take('a')], [true, false]);
  await clock.advance(60_000);
  t.same([limit.take('a'), limit.take('a'), limit.take('a')], [true, true, false]);
});

t.test('RateLimit forgets the client not seen for longest', async (t) => {
  const limit = new RateLimit({ clock: new FakeClock(), burst: 1, perSecond: 1, clients: 2 });
  limit.take('a');
  limit.take('b');
  t.equal(limit.take('a'), false);
  limit.take('c');
  t.equal(limit.take('a'), false, 'a was seen after b');
  t.equal(limit.take('b'), true);
});
