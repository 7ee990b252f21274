// Work in slices: what is done in one turn of the event loop, in which order, and what becomes of failures.
import { setImmediate as nextTurn } from 'node:timers/promises';
import t from 'tap';
import { WorkSlices, type Steps } from '../../../controller/engine/work-slices.js';

/** A clock on which each step takes a millisecond, and what was done in order. */
function someWork(): {
  readonly slices: WorkSlices;
  readonly done: string[];
  readonly steps: (name: string, count: number) => Steps<string>;
} {
  let nowMs = 0;
  const done: string[] = [];
  return {
    slices: new WorkSlices({ monotonic: () => nowMs }),
    done,
    steps: function* (name, count) {
      for (let step = 0; step < count; step += 1) {
        nowMs += 1;
        done.push(name);
        yield;
      }
      return name;
    },
  };
}

void t.test('WorkSlices.run() does short work at once', async (t) => {
  const { slices, done, steps } = someWork();
  const outcome = slices.run(steps('a', 2));
  t.same(done, ['a', 'a']);
  t.equal(await outcome, 'a');
});

void t.test('WorkSlices.run() leaves the rest to later turns, and lets others go first', async (t) => {
  const { slices, done, steps } = someWork();
  const long = slices.run(steps('long', 10));
  const short = slices.run(steps('short', 1));
  t.same(done.length, 4, 'a turn has no more time than its slice');
  await nextTurn();
  t.equal(done[4], 'short');
  t.ok(done.length <= 8);
  t.same(await Promise.all([long, short]), ['long', 'short']);
  t.equal(done.length, 11);
});

void t.test('WorkSlices.run() rejects with what the work throws, and goes on with the next', async (t) => {
  const { slices, steps } = someWork();
  const failing = (function* (): Steps<string> {
    yield;
    throw new SyntaxError('no JSON');
  })();
  const outcomes = await Promise.allSettled([slices.run(failing), slices.run(steps('a', 9))]);
  t.match(outcomes, [
    { status: 'rejected', reason: new SyntaxError('no JSON') },
    { status: 'fulfilled', value: 'a' },
  ]);
});
