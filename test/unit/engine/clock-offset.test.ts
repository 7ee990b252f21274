// clockAheadMs(): only what the time to answer does not explain counts.
import t from 'tap';
import { clockAheadMs } from '../../../controller/engine/clock-offset.js';

const sentMs = Date.UTC(2026, 0, 1);
const request = { sentMs, receivedMs: sentMs + 4000 };
const at = (ms: number): string => new Date(sentMs + ms).toISOString();

const rows: readonly (readonly [string, string | undefined, number | undefined])[] = [
  ['it tells no time', undefined, undefined],
  ['it tells nonsense', 'noon', undefined],
  ['it says the moment of the question', at(0), 0],
  ['it says a moment in between', at(2500), 0],
  ['it says the moment of the answer', at(4000), 0],
  ['it is ahead of the answer', at(11_500), 7500],
  ['it is behind the question', at(-60_000), -60_000],
  ['its zone is another one', '2026-01-01T05:30:02.5+05:30', 0],
  ['it counts nanoseconds', '2026-01-01T00:00:12.123456789Z', 8123],
];
for (const [name, time, expected] of rows) {
  t.test(`clockAheadMs() is ${expected ?? 'not known'} when ${name}`, async (t) => {
    t.equal(clockAheadMs(time, request), expected);
  });
}
