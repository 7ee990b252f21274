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
    ping: ({ setTimer, timeoutMs, late, onEnd }) => {
      note('ping');
      let isOver = false;
      const end = (failure?: Error): void => {
        if (!isOver) onEnd(failure);
        isOver = true;
      };
      const delayMs = answerMs();
      if (delayMs !== undefined) clock.setTimer(delayMs, () => end());
      setTimer(late.afterMs, () => {
        if (!isOver) late.onLate(new Error('late'));
      });
      setTimer(timeoutMs, () => end(new Error('no answer')));
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
  await clock.advance(520_000);
  const pings = log.filter(([what]) => what === 'ping').length;
  t.ok(pings >= 100 && pings <= 109, `${pings} pings in 520 s`);
  t.equal(draws, pings + 1);
  probe.close();
  await running;
});

void t.test('HealthProbe.run() keeps an engine that answers within 4.5 s, however late', async (t) => {
  for (const delayMs of [1_600, 2_900, 4_300]) {
    const { clock, probe, log } = someProbe(() => delayMs);
    const running = probe.run();
    let failures = 0;
    let contacts = 0;
    for (let step = 0; step < 600; step += 1) {
      await clock.advance(100);
      const last = log.at(-1)?.[0];
      if (last === 'contact') log.length = 0;
      contacts += last === 'contact' ? 1 : 0;
      failures = Math.max(failures, log.filter(([what]) => what === 'failure').length);
    }
    t.ok(contacts >= 5, `${contacts} contacts with answers after ${delayMs} ms`);
    t.ok(failures >= 1 && failures < 3, `${failures} failures in a row at most`);
    probe.close();
    await clock.advance(10_000);
    await running;
  }
});

void t.test('HealthProbe.run() counts a ping that was late and then failed once', async (t) => {
  const clock = new FakeClock(1_000_000);
  let failures = 0;
  const probe = new HealthProbe({
    clock,
    random: () => 0.5,
    timers: new TimerGrid({ clock, stepMs: probeGridMs }),
    starts: new TimerGrid({ clock, stepMs: probeStartGridMs }),
    isHealthy: () => failures === 0,
    lastContactMs: () => 0,
    ping: ({ late, onEnd }) => {
      clock.setTimer(late.afterMs, () => late.onLate(new Error('late')));
      clock.setTimer(late.afterMs + 100, () => onEnd(new Error('reset')));
    },
    onContact: () => t.fail('there is no contact'),
    onFailure: () => (failures += 1),
  });
  const running = probe.run();
  await clock.advance(30_000);
  t.equal(failures, 1);
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
      ping: ({ onEnd }) => {
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
  await clock.advance(5_400);
  t.same(
    log.map(([what]) => what),
    ['ping', 'contact'],
  );
  probe.close();
  await running;
  t.equal(clock.pendingTimers, 2, 'only the deadlines that the stand-in never cancels are left');
});
