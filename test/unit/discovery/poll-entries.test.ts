// Tests of polling: changes only, last list kept across failures, failures retried sooner.
import t from 'tap';
import { pollEntries } from '../../../controller/discovery/poll-entries.js';
import { FakeClock } from '../../support/fake-clock.js';

type Look = readonly string[] | Error;

function aPoll(looks: readonly Look[]): {
  clock: FakeClock;
  seen: unknown[];
  looksAt: number[];
  stop: () => Promise<void>;
} {
  const clock = new FakeClock(0);
  const seen: unknown[] = [];
  const looksAt: number[] = [];
  const stopping = new AbortController();
  const done = pollEntries({
    clock,
    random: () => 0,
    intervalMs: 60_000,
    signal: stopping.signal,
    onEntries: (entries) => void seen.push(entries),
    onError: (error) => void seen.push(error.message),
    look: async () => {
      const look = looks[looksAt.length] ?? looks.at(-1) ?? [];
      looksAt.push(clock.now());
      if (look instanceof Error) throw look;
      return look;
    },
  });
  const stop = async (): Promise<void> => {
    stopping.abort();
    await done;
    t.equal(clock.pendingTimers, 0);
  };
  return { clock, seen, looksAt, stop };
}

t.test('pollEntries() looks at once and reports only changes', async (t) => {
  const { clock, seen, stop } = aPoll([['a:1'], ['a:1'], ['a:1', 'b:1'], []]);
  await clock.advance(180_000);
  t.same(seen, [['a:1'], ['a:1', 'b:1'], []], 'an empty list is a valid list');
  await stop();
});

t.test('pollEntries() reports a failure once, and looks again sooner than the interval', async (t) => {
  const down = new Error('down');
  const { clock, seen, looksAt, stop } = aPoll([['a:1'], down, down, down, ['a:1'], ['b:1']]);
  await clock.advance(60_000);
  await clock.advance(10_000);
  // Half of 1, 2 and 4 s, since the jitter is at its shortest.
  t.same(looksAt, [0, 60_000, 60_500, 61_500, 63_500]);
  t.same(seen, [['a:1'], 'down'], 'coming back with the same list is no change');
  await clock.advance(60_000);
  t.same(seen, [['a:1'], 'down', ['b:1']]);
  await stop();
});

t.test('pollEntries() reports another failure, and the same one again after a success', async (t) => {
  const { clock, seen, stop } = aPoll([new Error('x'), new Error('y'), [], new Error('y'), []]);
  await clock.advance(130_000);
  t.same(seen, ['x', 'y', [], 'y']);
  await stop();
});

t.test('pollEntries() never waits longer than the interval after failures', async (t) => {
  const { clock, looksAt, stop } = aPoll([new Error('x')]);
  await clock.advance(600_000);
  const gaps = looksAt.slice(1).map((at, index) => at - (looksAt[index] ?? 0));
  t.ok(Math.max(...gaps) <= 60_000);
  await stop();
});
