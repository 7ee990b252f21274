// Fan-out of events: what subscribers share, what is gathered, and that each gets exactly its events in their order.
import t from 'tap';
import { EventFeed } from '../../../controller/manager/event-feed.js';
import type { FramedLines } from '../../../controller/manager/framed-lines.js';
import type { ClusterEvent } from '../../../controller/engine/cluster-view.js';
import { FakeClock } from '../../support/fake-clock.js';

function aCluster(): {
  readonly cluster: { onEvent: (listener: (event: ClusterEvent) => void) => () => void };
  readonly happen: (name: string) => void;
  readonly listeners: () => number;
} {
  const listeners = new Set<(event: ClusterEvent) => void>();
  return {
    cluster: {
      onEvent: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    happen: (name) => {
      for (const listener of listeners) listener({ event: { name }, text: name, timeNano: 0n });
    },
    listeners: () => listeners.size,
  };
}

const every = (): boolean => true;

void t.test('EventFeed passes on the first event at once, and those that follow together', async (t) => {
  const { cluster, happen } = aCluster();
  const clock = new FakeClock();
  const feed = new EventFeed({ cluster, clock });
  const pieces: string[] = [];
  feed.subscribe({ matches: every, take: ({ lines }) => pieces.push(lines.toString()) });
  happen('a');
  t.same(pieces, ['a\n']);
  for (const name of ['b', 'c', 'd']) happen(name);
  t.same(pieces, ['a\n'], 'a moment after a piece, events are gathered');
  await clock.advance(10);
  t.same(pieces, ['a\n', 'b\nc\nd\n']);
  t.equal(clock.pendingTimers, 0, 'silence costs no timer');
  await clock.advance(1_000);
  happen('e');
  t.equal(pieces.at(-1), 'e\n', 'after a silence at once again');
});

void t.test('EventFeed gives subscribers with one key the same bytes, and asks one predicate', (t) => {
  const { cluster, happen } = aCluster();
  const feed = new EventFeed({ cluster, clock: new FakeClock() });
  let asked = 0;
  const matches = (): boolean => {
    asked += 1;
    return true;
  };
  const taken: Buffer[] = [];
  for (let at = 0; at < 3; at += 1)
    feed.subscribe({ key: 'k', matches, take: ({ lines }) => taken.push(lines) });
  const others: string[] = [];
  feed.subscribe({
    key: 'b',
    matches: ({ text }) => text === 'b',
    take: ({ lines }) => others.push(lines.toString()),
  });
  happen('a');
  t.equal(asked, 1);
  t.equal(taken.length, 3);
  t.ok(taken.every((lines) => lines === taken[0]));
  t.same(others, [], 'another key has its own filter');
  t.end();
});

void t.test('EventFeed begins and ends with the subscription, to the event', async (t) => {
  const { cluster, happen, listeners } = aCluster();
  const clock = new FakeClock();
  const feed = new EventFeed({ cluster, clock });
  const first: string[] = [];
  const second: string[] = [];
  const take =
    (into: string[]) =>
    ({ lines }: FramedLines) =>
      void into.push(...lines.toString().trim().split('\n'));
  t.equal(listeners(), 0, 'without subscribers nobody listens');
  const leaveFirst = feed.subscribe({ key: 'k', matches: every, take: take(first) });
  happen('a');
  happen('b');
  const leaveSecond = feed.subscribe({ key: 'k', matches: every, take: take(second) });
  t.same(first, ['a', 'b'], 'what was gathered is passed on before another one joins');
  happen('c');
  leaveFirst();
  happen('d');
  leaveSecond();
  leaveSecond();
  happen('e');
  await clock.advance(1_000);
  t.same(first, ['a', 'b', 'c']);
  t.same(second, ['c', 'd'], 'nothing of before, all of after');
  t.equal(listeners(), 0);
  t.equal(clock.pendingTimers, 0);
});

void t.test('EventFeed does not gather more than is worth a write', (t) => {
  const { cluster, happen } = aCluster();
  const feed = new EventFeed({ cluster, clock: new FakeClock() });
  const sizes: number[] = [];
  feed.subscribe({ matches: every, take: ({ lines }) => sizes.push(lines.length) });
  for (let at = 0; at < 40; at += 1) happen('x'.repeat(10_000));
  t.ok(sizes.length >= 5, 'without the clock moving');
  t.ok(Math.max(...sizes) < 100_000);
  t.end();
});

void t.test('EventFeed lets a subscriber leave while it is given events', (t) => {
  const { cluster, happen } = aCluster();
  const feed = new EventFeed({ cluster, clock: new FakeClock() });
  const taken: string[] = [];
  const leave = feed.subscribe({
    key: 'k',
    matches: every,
    take: ({ lines }) => {
      taken.push(`leaving ${lines.toString().trim()}`);
      leave();
    },
  });
  feed.subscribe({
    key: 'k',
    matches: every,
    take: ({ lines }) => taken.push(`staying ${lines.toString().trim()}`),
  });
  happen('a');
  t.same(taken, ['leaving a', 'staying a']);
  t.end();
});
