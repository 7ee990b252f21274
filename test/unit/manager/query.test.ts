// Query values and filters in both their shapes.
import t from 'tap';
import { aRefusal } from './builders.js';
import {
  formatFilters,
  isTrue,
  parseFilters,
  readFilters,
  readInstant,
  readInteger,
} from '../../../controller/manager/query.js';

void t.test('isTrue() follows the rule of the engine', async (t) => {
  for (const text of ['', '0', 'no', 'false', 'none', ' False ', 'NONE']) t.notOk(isTrue(text), text);
  for (const text of ['1', 'true', 'yes', 'x']) t.ok(isTrue(text), text);
  t.notOk(isTrue(null));
});

void t.test('parseFilters() reads both shapes', async (t) => {
  const rows: readonly [string, Record<string, string[]>][] = [
    ['{"label":["a=b","c"]}', { label: ['a=b', 'c'] }],
    ['{"label":{"a=b":true,"c":true}}', { label: ['a=b', 'c'] }],
    ['{"label":{"a":true,"b":false}}', { label: ['a'] }],
    ['{"label":[]}', {}],
    ['{}', {}],
    ['', {}],
  ];
  for (const [text, expected] of rows) t.same(Object.fromEntries(parseFilters(text)), expected, text);
});

void t.test('readFilters() refuses what would silently not be applied', async (t) => {
  const read = (text: string) => (): unknown =>
    readFilters(new URLSearchParams({ filters: text }), ['label']);
  t.throws(read('{"labl":["a"]}'), { status: 400, message: "invalid filter 'labl'" });
  for (const text of ['{', '[]', '"x"', '{"label":1}', '{"label":[1]}']) {
    t.throws(read(text), aRefusal(400), text);
  }
});

void t.test('formatFilters() leaves our own keys out', async (t) => {
  const filters = parseFilters('{"label":["a"],"node":["n1"]}');
  t.equal(formatFilters(filters, ['node']), '{"label":{"a":true}}');
  t.equal(formatFilters(parseFilters('{"node":["n1"]}'), ['node']), undefined);
});

void t.test('readInteger() refuses what is no integer', async (t) => {
  t.equal(readInteger(new URLSearchParams('limit=5'), 'limit'), 5);
  t.equal(readInteger(new URLSearchParams(''), 'limit'), undefined);
  t.throws(() => readInteger(new URLSearchParams('limit=x'), 'limit'), aRefusal(400));
});

void t.test('readInstant() takes seconds, durations back from now, and RFC 3339', async (t) => {
  const options = { nowMs: 1_000_000 };
  t.equal(readInstant('12.5', options), 12_500);
  t.equal(readInstant('10s', options), 990_000);
  t.equal(readInstant('2026-01-01T00:00:00Z', options), Date.UTC(2026, 0, 1));
  t.throws(() => readInstant('yesterday', options), aRefusal(400));
});
