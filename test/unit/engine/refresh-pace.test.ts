// When an engine is read whole again: seldom while events tell all, often after they did not.
import t from 'tap';
import { RefreshPace } from '../../../controller/engine/refresh-pace.js';

const minutes = 60_000;

function aPace(o: { readonly random?: () => number; readonly minMs?: number; readonly maxMs?: number } = {}) {
  return new RefreshPace({ random: () => 0.999_999, minMs: 30_000, maxMs: 5 * minutes, ...o });
}

/** Seconds of the next rests, each followed by a read. */
function rests(pace: RefreshPace, news: readonly boolean[]): readonly number[] {
  return news.map((isNews) => {
    const seconds = Math.round(pace.nextMs() / 1000);
    pace.onRead(isNews);
    return seconds;
  });
}

t.test('RefreshPace reads seldom while nothing is news, and often after something was', (t) => {
  const pace = aPace();
  t.same(rests(pace, [false, false, true, false, false, false, false, true, false]), [
    ...[300, 300, 300],
    ...[60, 120, 240, 300, 300],
    60,
  ]);
  t.end();
});

t.test('RefreshPace spreads a fleet, most of all the first time', (t) => {
  const early = aPace({ random: () => 0 });
  t.same(rests(early, [false, false, true, false, false, false]), [30, 150, 150, 30, 60, 120]);
  t.end();
});

t.test('RefreshPace takes an engine with many events for doubtful until it has few', (t) => {
  const pace = aPace();
  t.equal(pace.onEvents(499), false);
  t.equal(pace.onEvents(1), true);
  t.equal(pace.onEvents(1_000), false, 'that was said');
  t.same(
    rests(pace, [false, false, false]),
    [60, 60, 120],
    'the read after many of them is followed by another one',
  );
  t.equal(pace.onEvents(100), false);
  pace.onRead(false);
  t.equal(pace.onEvents(450), false, 'counted from read to read');
  pace.onRead(true);
  t.equal(pace.onEvents(500), false, 'is read soon as it is');
  t.end();
});

t.test('RefreshPace keeps to the limits that are given', (t) => {
  for (const random of [() => 0, () => 0.5, () => 0.999_999]) {
    for (const [minMs, maxMs] of [
      [1_000, 1_000],
      [40_000, 60_000],
      [30_000, 600_000],
    ] as const) {
      const pace = aPace({ random, minMs, maxMs });
      for (let at = 0; at < 12; at += 1) {
        const restMs = pace.nextMs();
        t.ok(restMs >= minMs && restMs <= maxMs, `${restMs} is from ${minMs} to ${maxMs}`);
        if (at % 5 === 2) pace.onEvents(500);
        pace.onRead(at % 4 === 1);
      }
    }
  }
  t.end();
});
