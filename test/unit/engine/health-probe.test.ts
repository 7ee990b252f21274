// When an engine is asked for a sign of life.
import t from 'tap';
import { HealthProbe } from '../../../controller/engine/health-probe.js';
import { TimerGrid, probeGridMs, probeStartGridMs } from '../../../controller/engine/timer-grid.js';
import { FakeClock } from '../../support/fake-clock.js';

/** A probe of an engine that answers a ping after `answerMs`, and never with undefined. */
function someProbe(
  answerMs: () => number | undefined,
  { random = 1, startMs = 1_000_000 }: { random?: number | (() => number); startMs?: number } = {},
): {
  readonly clock: FakeClock;
  readonly probe: HealthProbe;
  readonly log: [what: string, afterMs: number][];
  readonly touch: () => void;
} {
  const clock = new FakeClock(startMs);
  const log: [string, number][] = [];
  const since = clock.monotonic();
  let lastContactMs = since;
  const note = (what: string): void => void log.push([what, clock.monotonic() - since]);
  const probe = new HealthProbe({
    clock,
    random: typeof random === 'number' ? () => random : random,
    timers: new TimerGrid({ clock, stepMs: probeGridMs }),
    starts: new TimerGrid({ clock, stepMs: probeStartGridMs }),
    isHealthy: () => log.filter(([what]) => what === 'failure').length < 3,
    lastContactMs: () => lastContactMs,
    ping: (setTimer, onEnd) => {
      note('ping');
      let isOver = false;
      const end = (failure?: Error): void => {
        if (!isOver) onEnd(failure);
        isOver = true;
      };
      const delayMs = answerMs();
      if (delayMs !== undefined) clock.setTimer(delayMs, () => end());
      setTimer(2_000, () => end(new Error('no answer')));
    },
    onContact: () => {
      lastContactMs = clock.monotonic();
      note('contact');
    },
    onFailure: () => note('failure'),
  });
  return { clock, probe, log, touch: () => (lastContactMs = clock.monotonic()) };
}

void t.test('HealthProbe.run() finds a hung engine within 9.9 s of the last contact', async (t) => {
  for (const random of [0, 0.3, 0.999]) {
    // At any time between two moments of the grids.
    for (let startMs = 0; startMs < 200; startMs += 13) {
      const { clock, probe, log } = someProbe(() => undefined, { random, startMs: 1_000_000 + startMs });
      const running = probe.run();
      await clock.advance(60_000);
      const failures = log.filter(([what]) => what === 'failure');
      t.equal(failures.length, 3, 'one that is not healthy is not asked');
      t.ok((failures[2]?.[1] ?? Infinity) <= 9_900, `after ${failures[2]?.[1]} ms`);
      probe.close();
      await running;
    }
  }
});

void t.test('HealthProbe.run() pings no more often than it must, and wakes up once for each', async (t) => {
  let draws = 0;
  const { clock, probe, log } = someProbe(() => 1, {
    random: () => {
      draws += 1;
      return (draws * 0.618) % 1;
    },
  });
  const running = probe.run();
  await clock.advance(380_000);
  const pings = log.filter(([what]) => what === 'ping').length;
  t.ok(pings >= 100 && pings <= 112, `${pings} pings in 380 s`);
  t.equal(draws, pings + 1);
  probe.close();
  await running;
});

void t.test(
  'HealthProbe.run() asks again at least 1.5 s after a failure, which may come at once',
  async (t) => {
    const clock = new FakeClock(1_000_020);
    const pings: number[] = [];
    const probe = new HealthProbe({
      clock,
      random: () => 0.5,
      timers: new TimerGrid({ clock, stepMs: probeGridMs }),
      starts: new TimerGrid({ clock, stepMs: probeStartGridMs }),
      isHealthy: () => true,
      lastContactMs: () => 0,
      ping: (_setTimer, onEnd) => {
        pings.push(clock.monotonic());
        onEnd(new Error('refused'));
      },
      onContact: () => t.fail('there is no contact'),
      onFailure: () => undefined,
    });
    const running = probe.run();
    await clock.advance(10_000);
    t.ok(pings.length > 5);
    pings.slice(1).forEach((at, i) => t.ok(at - (pings[i] ?? 0) >= 1_500));
    probe.close();
    await running;
  },
);

void t.test('HealthProbe.run() does not ask an engine that is heard of otherwise', async (t) => {
  const { clock, probe, log, touch } = someProbe(() => 10);
  const running = probe.run();
  for (let second = 0; second < 30; second += 1) {
    await clock.advance(1_000);
    touch();
  }
  t.same(log, []);
  await clock.advance(4_000);
  t.same(
    log.map(([what]) => what),
    ['ping', 'contact'],
  );
  probe.close();
  await running;
  t.equal(clock.pendingTimers, 1, 'only the deadline that the stand-in never cancels is left');
});
