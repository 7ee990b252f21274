// The promises of the work queue, on a clock that only the test moves.
import t from 'tap';
import fc from 'fast-check';
import type { ObjectKey } from '../../../controller/api/object-key.js';
import { SwarmError } from '../../../controller/base/errors.js';
import { silentLogger } from '../../../controller/base/log.js';
import { aGate, aQueue } from '../../support/work-queues.js';

const a: ObjectKey = { kind: 'Node', name: 'a' };
const b: ObjectKey = { kind: 'Node', name: 'b' };
const transient = new SwarmError('ENGINE_UNREACHABLE', 'Cannot connect to engine "a": refused');
const waiting = new SwarmError('CLUSTER_NOT_FOUND', 'Cannot use node "a": no cluster');
const terminal = new SwarmError('MANIFEST_INVALID', 'Cannot use node "a": wrong');

t.test('WorkQueue runs a key that was added many times once', async (t) => {
  const { clock, runs, queue } = aQueue();
  for (let index = 0; index < 10; index += 1) queue.add(a);
  await clock.advance(0);
  t.same(runs, ['a@0']);
  await queue.close();
});

t.test('WorkQueue runs a key exactly once more when it changes during its run', async (t) => {
  const gate = aGate();
  const { clock, runs, queue } = aQueue(async ({ number }) => {
    if (number === 1) await gate.promise;
    return {};
  });
  queue.add(a);
  await clock.advance(5);
  queue.add(a);
  queue.add(a);
  queue.add(a);
  await clock.advance(5);
  t.same(runs, ['a@0'], 'not while the first run is on');
  gate.open();
  await clock.advance(100);
  t.same(runs, ['a@0', 'a@10']);
  await queue.close();
});

t.test('WorkQueue keeps the earliest of several delays', async (t) => {
  const { clock, runs, queue } = aQueue();
  queue.add(a, { delayMs: 500 });
  queue.add(a, { delayMs: 100 });
  queue.add(a, { delayMs: 900 });
  await clock.advance(2000);
  t.same(runs, ['a@100']);
  await queue.close();
});

t.test('WorkQueue drops a waiting delay when the key runs earlier', async (t) => {
  const { clock, runs, queue } = aQueue();
  queue.add(a, { delayMs: 500 });
  queue.add(a);
  await clock.advance(2000);
  t.same(runs, ['a@0']);
  await queue.close();
});

t.test('WorkQueue runs a key again after requeueAfterMs, with jitter', async (t) => {
  const { clock, runs, queue } = aQueue(() => ({ requeueAfterMs: 1000 }), { random: () => 0.5 });
  queue.add(a);
  await clock.advance(3200);
  t.same(runs, ['a@0', 'a@1050', 'a@2100', 'a@3150']);
  await queue.close();
});

t.test('WorkQueue backs off after failures and starts over after success', async (t) => {
  const { clock, runs, queue } = aQueue(({ number }) => {
    if (number <= 3 || number === 5) throw transient;
    return {};
  });
  queue.add(a);
  await clock.advance(10_000);
  // half of 1 s, 2 s, 4 s
  t.same(runs, ['a@0', 'a@500', 'a@1500', 'a@3500']);
  queue.add(a);
  await clock.advance(10_000);
  t.same(runs.slice(4), ['a@10000', 'a@10500'], 'the first delay again');
  await queue.close();
});

t.test('WorkQueue starts the backoff over for a new spec', async (t) => {
  const { clock, runs, queue } = aQueue(() => {
    throw waiting;
  });
  queue.add(a);
  await clock.advance(1600);
  t.same(runs, ['a@0', 'a@500', 'a@1500']);
  queue.add(a, { resetBackoff: true });
  await clock.advance(600);
  t.same(runs.slice(3), ['a@1600', 'a@2100']);
  await queue.close();
});

t.test('WorkQueue never waits longer than the cap between tries', async (t) => {
  const { clock, runs, queue } = aQueue(() => {
    throw new Error('any error is tried again');
  });
  queue.add(a);
  await clock.advance(3_600_000);
  const times = runs.map((run) => Number(run.split('@')[1]));
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  t.ok(gaps.every((gap) => gap <= 300_000));
  t.equal(gaps.at(-1), 150_000, 'half of five minutes');
  await queue.close();
});

t.test('WorkQueue does not run a key after a terminal error until it is added', async (t) => {
  const errors: string[] = [];
  const { clock, runs, queue } = aQueue(
    () => {
      throw terminal;
    },
    { onError: (key, error) => errors.push(`${key.name} ${error.code}`) },
  );
  queue.add(a);
  await clock.advance(3_600_000);
  t.same(runs, ['a@0']);
  t.same(errors, ['a MANIFEST_INVALID']);
  queue.add(a);
  await clock.advance(1);
  t.equal(runs.length, 2);
  t.same(queue.load(), { ready: 0, running: 0, delayed: 0, runningMs: [] }, 'nothing is kept of it');
  await queue.close();
});

t.test('WorkQueue runs a key again that changed during a run with a terminal error', async (t) => {
  const gate = aGate();
  const { clock, runs, queue } = aQueue(async ({ number }) => {
    if (number > 1) return {};
    await gate.promise;
    throw terminal;
  });
  queue.add(a);
  await clock.advance(1);
  queue.add(a);
  gate.open();
  await clock.advance(1);
  t.equal(runs.length, 2);
  await queue.close();
});

t.test('WorkQueue never runs a key twice at once, even when a run outlives its deadline', async (t) => {
  const gate = aGate();
  const reasons: unknown[] = [];
  const { clock, runs, queue } = aQueue(
    async ({ number, signal }) => {
      signal.addEventListener('abort', () => reasons.push(signal.reason));
      if (number === 1) await gate.promise; // deaf to its signal
      return {};
    },
    { deadlineMs: 1000 },
  );
  queue.add(a);
  await clock.advance(500);
  queue.add(a);
  queue.add(b);
  await clock.advance(60_000);
  t.same(runs, ['a@0', 'b@500'], 'the key waits, others do not');
  t.match(reasons, [{ code: 'TIMEOUT' }]);
  gate.open();
  await clock.advance(1);
  t.equal(runs.at(-1), 'a@60500');
  await queue.close();
});

t.test('WorkQueue serves keys in the order they were added, however dirty one of them is', async (t) => {
  const order: string[] = [];
  const { clock, queue } = aQueue(
    ({ key, number }) => {
      order.push(key.name);
      if (key.name === 'a' && number < 10) queue.add(a);
      return {};
    },
    { concurrency: 1 },
  );
  queue.add(a);
  queue.add(b);
  queue.add({ kind: 'Node', name: 'c' });
  await clock.advance(1);
  t.same(order.slice(0, 4), ['a', 'b', 'c', 'a']);
  await queue.close();
});

t.test('WorkQueue runs no more keys at once than its concurrency', async (t) => {
  let running = 0;
  let most = 0;
  const { clock, queue } = aQueue(
    async () => {
      running += 1;
      most = Math.max(most, running);
      await clock.sleep(10);
      running -= 1;
      return {};
    },
    { concurrency: 3 },
  );
  for (let index = 0; index < 20; index += 1) queue.add({ kind: 'Node', name: `n${index}` });
  await clock.advance(1000);
  t.equal(most, 3);
  t.equal(running, 0);
  await queue.idle();
  await queue.close();
});

t.test('WorkQueue.close() leaves no timer of a run that ends meanwhile', async (t) => {
  const gate = aGate();
  const { clock, queue } = aQueue(async () => {
    await gate.promise;
    return { requeueAfterMs: 60_000 };
  });
  queue.add(a);
  await clock.advance(0);
  const closed = queue.close();
  gate.open();
  await closed;
  t.equal(clock.pendingTimers, 0);
});

t.test('WorkQueue lets others have the places of runs that take long, within a bound', async (t) => {
  const ends: (() => void)[] = [];
  const node = (name: string): ObjectKey => ({ kind: 'Node', name });
  const names = (all: readonly string[]): readonly string[] => all.map((run) => run.replace(/@.*/, ''));
  const { clock, runs, queue } = aQueue(
    async ({ key }) => {
      if (key.name.startsWith('hung')) await new Promise<void>((resolve) => ends.push(resolve));
      return {};
    },
    { concurrency: 2, overtime: { afterMs: 2000, most: 2 } },
  );
  for (const name of ['hung1', 'hung2', 'good1', 'hung3', 'hung4', 'good2']) queue.add(node(name));
  await clock.advance(1999);
  t.same(names(runs), ['hung1', 'hung2'], 'a run has its place for a while');
  await clock.advance(1);
  t.same(names(runs), ['hung1', 'hung2', 'good1', 'hung3', 'hung4']);
  queue.add(node('hung1'));
  await clock.advance(10_000);
  t.same(names(runs).length, 5, 'late ones are not more than allowed, and no key runs twice');
  t.match(queue.load(), { running: 4, ready: 1 });
  ends[0]?.();
  ends[2]?.();
  await clock.advance(0);
  t.same(names(runs).slice(5), ['good2', 'hung1'], 'who was late gives others a place by ending');
  let isClosed = false;
  const closing = queue.close().then(() => (isClosed = true));
  await clock.advance(0);
  t.equal(isClosed, false, 'late runs are waited for');
  for (const end of ends) end();
  await closing;
  t.match(queue.load(), { running: 0, ready: 0 });
});

t.test('WorkQueue.close() aborts what runs, waits for it, and starts nothing more', async (t) => {
  const events: string[] = [];
  const { clock, runs, queue } = aQueue(
    async ({ signal }) => {
      await clock.sleep(10_000, signal).catch((error: unknown) => {
        events.push(error instanceof SwarmError ? error.code : 'other');
      });
      await clock.sleep(100);
      events.push('cleaned up');
      return { requeueAfterMs: 1 };
    },
    { concurrency: 1 },
  );
  queue.add(a);
  queue.add(b);
  queue.add({ kind: 'Node', name: 'c' }, { delayMs: 50 });
  await clock.advance(1);
  const closing = queue.close().then(() => events.push('closed'));
  t.equal(queue.close(), queue.close(), 'idempotent');
  queue.add(a);
  await clock.advance(1000);
  await closing;
  t.same(runs, ['a@0']);
  t.same(events, ['ABORTED', 'cleaned up', 'closed']);
  t.equal(clock.pendingTimers, 0);
});

t.test('WorkQueue logs one line when a key starts to fail and one when it works again', async (t) => {
  const lines: string[] = [];
  const logger = {
    ...silentLogger,
    warn: (message: string) => lines.push(`warn ${message}`),
    info: (message: string) => lines.push(`info ${message}`),
  };
  const { clock, queue } = aQueue(
    ({ number }) => {
      if (number < 5) throw transient;
      return {};
    },
    { logger },
  );
  queue.add(a);
  await clock.advance(60_000);
  t.same(lines, ['warn Cannot reconcile', 'info Reconciled again']);
  await queue.close();
});

t.test(
  'WorkQueue property: every change is followed by a run that started after it, and runs never overlap',
  async (t) => {
    const step = fc.record({
      key: fc.constantFrom(a, b),
      afterMs: fc.integer({ min: 0, max: 30 }),
      delayMs: fc.constantFrom(0, 0, 7),
    });
    const property = fc.asyncProperty(
      fc.array(step, { maxLength: 30 }),
      fc.integer({ min: 0, max: 20 }),
      async (steps, runMs) => {
        const busy = new Set<string>();
        const lastStart = new Map<string, number>();
        let overlapped = false;
        const { clock, queue } = aQueue(async ({ key, number }) => {
          overlapped ||= busy.has(key.name);
          busy.add(key.name);
          lastStart.set(key.name, clock.now());
          await clock.sleep(runMs);
          busy.delete(key.name);
          if (number % 3 === 0) throw transient;
          return {};
        });
        const lastAdd = new Map<string, number>();
        for (const { key, afterMs, delayMs } of steps) {
          await clock.advance(afterMs);
          queue.add(key, { delayMs });
          lastAdd.set(key.name, clock.now());
        }
        await clock.advance(100_000);
        await queue.close();
        if (overlapped) return false;
        return [...lastAdd].every(([name, addedMs]) => (lastStart.get(name) ?? -1) >= addedMs);
      },
    );
    await fc.assert(property, { numRuns: 100 });
    t.pass();
  },
);

t.test('WorkQueue warns of no listeners, however many keys run, and ends them all', async (t) => {
  const warnings: string[] = [];
  const onWarning = ({ message }: Error): number => warnings.push(message);
  process.on('warning', onWarning);
  t.teardown(() => process.off('warning', onWarning));
  const count = 40;
  let ended = 0;
  const { clock, runs, queue } = aQueue(
    async ({ signal }) => {
      await clock.sleep(1000, signal).finally(() => (ended += 1));
      return {};
    },
    { concurrency: count },
  );
  for (let index = 0; index < count; index += 1) queue.add({ kind: 'Node', name: `n${index}` });
  await clock.advance(1);
  t.equal(runs.length, count);
  await queue.close();
  t.equal(ended, count);
  await new Promise((resolve) => setImmediate(resolve));
  t.same(warnings, []);
});
