// Tests of the heartbeat: registration at once, at every beat, and sooner after a failure.
import t from 'tap';
import { SwarmError } from '../../../controller/base/errors.js';
import type { Logger } from '../../../controller/base/log.js';
import type { DiscoveryBackend } from '../../../controller/discovery/backend.js';
import { Heartbeat } from '../../../controller/discovery/heartbeat.js';
import { FakeClock } from '../../support/fake-clock.js';

function aHeartbeat(fail: (call: number) => Error | undefined = () => undefined): {
  clock: FakeClock;
  calls: number[];
  lines: string[];
  heartbeat: Heartbeat;
  stopping: AbortController;
} {
  const clock = new FakeClock(0);
  const calls: number[] = [];
  const lines: string[] = [];
  const stopping = new AbortController();
  const backend: Pick<DiscoveryBackend, 'register'> = {
    register: async (entry, ttlSeconds) => {
      t.same([entry, ttlSeconds], ['10.0.0.1:2375', 180]);
      calls.push(clock.now());
      const error = fail(calls.length);
      if (error !== undefined) throw error;
    },
  };
  const log =
    (level: string) =>
    (message: string): void =>
      void lines.push(`${level} ${message}`);
  const logger: Logger = {
    debug: () => undefined,
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    with: () => logger,
  };
  const heartbeat = new Heartbeat({
    // Only register() is ever called.
    backend: backend as DiscoveryBackend,
    entry: '10.0.0.1:2375',
    heartbeatMs: 60_000,
    ttlSeconds: 180,
    clock,
    random: () => 0,
    logger,
    signal: stopping.signal,
  });
  return { clock, calls, lines, heartbeat, stopping };
}

t.test('Heartbeat registers at once and at every beat, and says so once', async (t) => {
  const { clock, calls, lines, heartbeat, stopping } = aHeartbeat();
  const done = heartbeat.run();
  await clock.advance(120_000);
  t.same(calls, [0, 60_000, 120_000]);
  t.same(lines, ['info Registering on the discovery service every 1m0s...']);
  stopping.abort();
  await done;
  t.equal(clock.pendingTimers, 0);
});

t.test('Heartbeat retries a failure sooner, growing to the beat, and tells of the recovery', async (t) => {
  const { clock, calls, lines, heartbeat, stopping } = aHeartbeat((call) =>
    call <= 3 ? new SwarmError('DISCOVERY_FAILED', 'down') : undefined,
  );
  const done = heartbeat.run();
  await clock.advance(63_500);
  t.same(calls, [0, 500, 1500, 3500, 63_500]);
  t.same(lines.slice(1), [
    'error down',
    'error down',
    'error down',
    'info Registered again on the discovery service',
  ]);
  stopping.abort();
  await done;
});

t.test('Heartbeat wake() registers now', async (t) => {
  const { clock, calls, heartbeat, stopping } = aHeartbeat();
  const done = heartbeat.run();
  await clock.advance(1000);
  heartbeat.wake();
  await clock.advance(0);
  t.same(calls, [0, 1000]);
  stopping.abort();
  await done;
});

t.test('Heartbeat ends with an error when the backend cannot register', async (t) => {
  const { heartbeat } = aHeartbeat(() => new SwarmError('DISCOVERY_UNSUPPORTED', 'not implemented'));
  await t.rejects(heartbeat.run(), { code: 'DISCOVERY_UNSUPPORTED' });
});
