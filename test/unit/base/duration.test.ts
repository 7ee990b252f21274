// Durations: Go syntax in, Go, Docker and kubectl spellings out.
import t from 'tap';
import {
  formatAge,
  formatDockerDuration,
  formatGoDuration,
  parseGoDuration,
} from '../../../controller/base/duration.js';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

t.test('parseGoDuration() reads what Go reads', (t) => {
  const rows: [string, number][] = [
    ['0', 0],
    ['300ms', 300],
    ['1h30m', 90 * minute],
    ['-10s', -10 * second],
    ['1.5h', 90 * minute],
    ['.5s', 500],
    ['+2s', 2000],
    ['1µs', 0.001],
  ];
  for (const [text, ms] of rows) t.same(parseGoDuration(text), { ms }, text);
  t.end();
});

t.test('parseGoDuration() explains refusals in Go wording', (t) => {
  const rows: [string, string][] = [
    ['', 'time: invalid duration ""'],
    ['abc', 'time: invalid duration "abc"'],
    ['10', 'time: missing unit in duration "10"'],
    ['10x', 'time: unknown unit "x" in duration "10x"'],
    ['-', 'time: invalid duration "-"'],
  ];
  for (const [text, error] of rows) t.same(parseGoDuration(text), { error }, text);
  t.end();
});

t.test('formatGoDuration() prints as Go does', (t) => {
  const rows: [number, string][] = [
    [0, '0s'],
    [300, '300ms'],
    [1500, '1.5s'],
    [minute, '1m0s'],
    [hour + 2 * second, '1h0m2s'],
    [-second, '-1s'],
  ];
  for (const [ms, text] of rows) t.equal(formatGoDuration(ms), text);
  t.end();
});

t.test('formatDockerDuration() uses the words of docker ps', (t) => {
  const rows: [number, string][] = [
    [0, 'Less than a second'],
    [second, '1 second'],
    [59 * second, '59 seconds'],
    [61 * second, 'About a minute'],
    [5 * minute, '5 minutes'],
    [70 * minute, 'About an hour'],
    [5 * hour, '5 hours'],
    [3 * day, '3 days'],
    [21 * day, '3 weeks'],
    [90 * day, '3 months'],
    [800 * day, '2 years'],
  ];
  for (const [ms, text] of rows) t.equal(formatDockerDuration(ms), text);
  t.end();
});

t.test('formatAge() uses the steps of kubectl', (t) => {
  const rows: [number, string][] = [
    [-5, '0s'],
    [45 * second, '45s'],
    [200 * second, '3m20s'],
    [90 * minute, '90m'],
    [5 * hour, '5h'],
    [12 * day, '12d'],
    [900 * day, '2y'],
  ];
  for (const [ms, text] of rows) t.equal(formatAge(ms), text);
  t.end();
});
