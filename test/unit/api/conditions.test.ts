// Conditions: transition times move only on a flip, and nothing changed means the same array.
import t from 'tap';
import {
  findCondition,
  formatTime,
  removeCondition,
  setCondition,
} from '../../../controller/api/conditions.js';

const ready = {
  type: 'Ready',
  status: 'True',
  reason: 'Ready',
  message: 'fine',
  observedGeneration: 1,
} as const;
const t0 = Date.UTC(2026, 0, 1);

t.test('setCondition() adds a condition with the time of now', (t) => {
  t.same(setCondition([], ready, t0), [{ ...ready, lastTransitionTime: '2026-01-01T00:00:00Z' }]);
  t.end();
});

t.test('setCondition() returns the same array when nothing changed', (t) => {
  const first = setCondition([], ready, t0);
  t.equal(setCondition(first, ready, t0 + 5000), first);
  t.end();
});

t.test('setCondition() keeps the transition time while the status stays', (t) => {
  const first = setCondition([], ready, t0);
  const second = setCondition(first, { ...ready, message: 'still fine', observedGeneration: 2 }, t0 + 5000);
  t.equal(second[0]?.lastTransitionTime, '2026-01-01T00:00:00Z');
  t.equal(second[0]?.message, 'still fine');
  const third = setCondition(second, { ...ready, status: 'False', reason: 'Down' }, t0 + 9000);
  t.equal(third[0]?.lastTransitionTime, '2026-01-01T00:00:09Z');
  t.end();
});

t.test('removeCondition() and findCondition() work by type', (t) => {
  const list = setCondition(setCondition([], ready, t0), { ...ready, type: 'Stalled' }, t0);
  t.equal(findCondition(list, 'Stalled')?.type, 'Stalled');
  t.equal(findCondition(undefined, 'Stalled'), undefined);
  t.equal(removeCondition(list, 'Stalled').length, 1);
  t.equal(removeCondition(list, 'Absent'), list);
  t.end();
});

t.test('formatTime() is RFC 3339 without fractions', (t) => {
  t.equal(formatTime(t0 + 1), '2026-01-01T00:00:00Z');
  t.end();
});
