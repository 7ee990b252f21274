// What a clock that is off means: a table of amounts, what is blamed on it, and that jitter is no news.
import t from 'tap';
import type { EngineDescription } from '../../../controller/engine/engine-description.js';
import {
  blameClock,
  clockCondition,
  judgeClock,
  steadyClock,
} from '../../../controller/reconcile/engine-clock.js';
import type { Summary } from '../../../controller/reconcile/status-conditions.js';

const second = 1000;
const rows: readonly (readonly [number, string, string])[] = [
  [0, 'ok', 'its clock agrees'],
  [-5 * second, 'ok', 'its clock agrees'],
  [6 * second, 'warn', 'its clock is 6 s ahead of this one'],
  [-60 * second, 'warn', 'its clock is 60 s behind this one'],
  [-61 * second, 'fail', 'its clock is 61 s behind this one'],
  [3600 * second, 'fail', 'its clock is 60 min ahead of this one'],
  [-86_400 * second, 'fail', 'its clock is 24 h behind this one'],
  [365 * 86_400 * second, 'fail', 'its clock is 365 days ahead of this one'],
];
for (const [aheadMs, level, message] of rows) {
  t.test(`judgeClock() of ${aheadMs} ms is ${level}`, async (t) => {
    t.same(judgeClock(aheadMs), { level, message });
  });
}

t.test('clockCondition() is there while the clocks differ, and says how much and what to do', async (t) => {
  t.equal(clockCondition(undefined), undefined);
  t.equal(clockCondition(4000), undefined);
  t.match(clockCondition(-12_000), { status: 'True', reason: 'ClockDiffers', message: /12 s behind .*→ / });
  t.match(clockCondition(600_000), { status: 'True', reason: 'ClockWrong', message: /10 min ahead .*→ / });
});

const summary = (reason: string): Summary => ({
  ready: reason === 'Ready' ? 'True' : 'False',
  reason,
  message: 'so it is',
  progress: 'working',
});

t.test('blameClock() explains with a wrong clock what may come from it, and nothing else', async (t) => {
  for (const reason of ['Ready', 'NotJoined', 'NotHealthy', 'AgentNotRunning', 'ManagerNotServing']) {
    const { ready } = summary(reason);
    const blamed = blameClock(summary(reason), 120_000);
    t.match(blamed, { ready, reason: 'ClockWrong', message: /^so it is; its clock is 120 s ahead.* → / });
    t.same(blameClock(summary(reason), 12_000), summary(reason), 'seconds are to blame for nothing');
  }
  for (const reason of ['EngineDiskFull', 'Progressing', 'Suspended', 'ForeignContainer'])
    t.same(blameClock(summary(reason), 120_000), summary(reason));
});

const engine = (aheadMs?: number): EngineDescription => ({
  ...{ id: 'A', name: 'h', version: '1', apiVersion: '1.45', minApiVersion: '1.24', os: 'linux', arch: 'x' },
  ...{ cpus: 1, memoryBytes: 1, labels: {} },
  ...(aheadMs === undefined ? {} : { clockAheadMs: aheadMs }),
});

t.test('steadyClock() keeps the offset while it only trembles', async (t) => {
  const kept = (before: number | undefined, now: number | undefined): number | undefined =>
    steadyClock(before === undefined ? undefined : engine(before), engine(now)).clockAheadMs;
  t.equal(kept(undefined, 7000), 7000);
  t.equal(kept(7000, undefined), undefined);
  t.equal(kept(7000, 8900), 7000);
  t.equal(kept(7000, 9000), 9000);
  t.equal(kept(-600_000, -650_000), -600_000);
  t.equal(kept(-600_000, 0), 0);
});
