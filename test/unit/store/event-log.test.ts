// The log of events: what it folds, in which order it tells, what it forgets, and what a restart brings back.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { EventLog, type NewEvent } from '../../../controller/store/event-log.js';
import { openIn } from '../../support/durable-stores.js';
import { FakeClock } from '../../support/fake-clock.js';

const start = Date.UTC(2026, 0, 1);
const dayMs = 24 * 3_600_000;
const node = (name: string) => ({ kind: 'Node', name }) as const;

function event(message: string, more: Partial<NewEvent> = {}): NewEvent {
  return { key: node('n1'), type: 'Normal', reason: 'Created', message, ...more };
}

const messages = (log: EventLog): readonly string[] => log.list().map(({ message }) => message);

t.test('record() counts what is repeated, and tells it as the latest', (t) => {
  const log = new EventLog();
  const first = log.record(event('a'), start);
  log.record(event('b'), start + 1);
  const again = log.record(event('a'), start + 2);
  t.match(again, { name: first.name, count: 2, firstTimeMs: start, lastTimeMs: start + 2 });
  t.same(messages(log), ['b', 'a'], 'oldest change first');
  t.end();
});

const others: readonly (readonly [string, Partial<NewEvent>])[] = [
  ['another object', { key: node('n2') }],
  ['an object of another kind', { key: { kind: 'Cluster', name: 'n1' } }],
  ['another type', { type: 'Warning' }],
  ['another reason', { reason: 'Started' }],
  ['another message', { message: 'b' }],
];

for (const [what, more] of others) {
  t.test(`record() keeps apart what is of ${what}`, (t) => {
    const log = new EventLog();
    const [one, two] = [log.record(event('a'), start), log.record(event('a', more), start)];
    t.same([one.count, two.count], [1, 1]);
    t.not(one.name, two.name, 'names are unique');
    t.equal(log.list().length, 2);
    t.end();
  });
}

t.test('list() gives the events of one object, or all', (t) => {
  const log = new EventLog();
  log.record(event('a'), start);
  log.record(event('b', { key: node('n2') }), start);
  t.same(
    log.list(node('n2')).map(({ message }) => message),
    ['b'],
  );
  t.same(log.list({ kind: 'Cluster', name: 'n2' }), []);
  t.equal(log.list().length, 2);
  t.end();
});

t.test('record() forgets the oldest of an object with more than 50, and of nobody else', (t) => {
  const log = new EventLog();
  log.record(event('other', { key: node('n2') }), start);
  for (let index = 0; index < 60; index += 1) log.record(event(`m${index}`), start + index);
  const kept = log.list(node('n1')).map(({ message }) => message);
  t.equal(kept.length, 50);
  t.same([kept[0], kept.at(-1)], ['m10', 'm59']);
  t.equal(log.list(node('n2')).length, 1);
  t.end();
});

t.test('record() keeps 2000 in all, and what is repeated longest', (t) => {
  const log = new EventLog();
  for (let index = 0; index < 2000; index += 1)
    log.record(event('m', { key: node(`n${index}`) }), start + index);
  log.record(event('m', { key: node('n0') }), start + 2000);
  log.record(event('new', { key: node('n0') }), start + 2001);
  t.equal(log.list().length, 2000);
  t.equal(log.list(node('n1')).length, 0, 'the one that is longest unchanged');
  t.same(
    log.list(node('n0')).map(({ message }) => message),
    ['m', 'new'],
  );
  t.end();
});

t.test('record() begins anew what was last told more than a day ago', (t) => {
  const log = new EventLog();
  const before = log.record(event('a'), start);
  log.record(event('b'), start + 1);
  const within = log.record(event('a'), start + dayMs);
  t.equal(within.count, 2, 'a day is not too long');
  t.same(messages(log), ['b', 'a']);
  log.record(event('c'), start + dayMs + 2);
  t.same(messages(log), ['a', 'c'], 'older ones are gone');
  const later = log.record(event('a'), start + 2 * dayMs + 1);
  t.match(later, { count: 1, firstTimeMs: start + 2 * dayMs + 1 });
  t.not(later.name, before.name);
  t.end();
});

t.test('record() cuts long messages, and counts them as one when they begin alike', (t) => {
  const log = new EventLog();
  t.equal(log.record(event('x'.repeat(2000)), start).message.length, 1024);
  t.equal(log.record(event(`${'x'.repeat(1024)}y`), start).count, 2);
  t.end();
});

t.test('restore() goes on where list() was, and leaves out what is no event', (t) => {
  const before = new EventLog();
  before.record(event('a'), start);
  before.record(event('b'), start + 1);
  before.record(event('a'), start + 2);
  const saved = JSON.parse(JSON.stringify(before.list())) as unknown[];
  const log = new EventLog();
  const [one] = saved;
  log.restore([
    ...saved,
    7,
    { ...(one as object), count: 'many' },
    { ...(one as object), key: { kind: 'Pod', name: 'x' } },
    { ...(one as object), type: 'Loud' },
  ]);
  t.same(log.list(), before.list(), 'in the same order');
  t.match(log.record(event('a'), start + 3), { count: 3, firstTimeMs: start });
  for (const damaged of [undefined, 'half', {}, null]) {
    const empty = new EventLog();
    empty.restore(damaged);
    t.same(empty.list(), []);
  }
  t.end();
});

t.test('Store brings events back after a restart, and goes on without them when they are torn', async (t) => {
  const directory = path.join(t.testdir(), 'state');
  const clock = new FakeClock();
  const store = await openIn(directory, { clock });
  for (const message of ['a', 'b', 'a']) store.recordEvent(event(message));
  await store.close();
  const file = path.join(directory, 'events', 'events.json');
  const again = await openIn(directory, { clock });
  t.same(again.events(), store.events());
  t.equal(again.events(node('n1')).find(({ message }) => message === 'a')?.count, 2);
  await again.close();

  const text = await readFile(file, 'utf8');
  await writeFile(file, text.slice(0, text.length / 2));
  const torn = await openIn(directory, { clock });
  t.same(torn.events(), []);
  torn.recordEvent(event('c'));
  await torn.close();
  const last = await openIn(directory, { clock });
  t.match(last.events(), [{ message: 'c', count: 1 }]);
  await last.close();
});
