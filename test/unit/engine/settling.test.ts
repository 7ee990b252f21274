// How long lists wait for reads of what clients know already, and which of them.
import t from 'tap';
import { Settling } from '../../../controller/engine/settling.js';
import { FakeClock } from '../../support/fake-clock.js';

const aRead = (): { read: Promise<void>; end: () => void } => {
  let end = (): void => undefined;
  const read = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { read, end };
};

void t.test(
  'settled() resolves when the reads added so far are over, and is undefined without any',
  async (t) => {
    const clock = new FakeClock();
    const settling = new Settling(clock);
    t.equal(settling.settled(), undefined);
    const [first, second] = [aRead(), aRead()];
    settling.add(first.read);
    const waiting = settling.settled();
    settling.add(second.read);
    first.end();
    await waiting;
    t.not(settling.settled(), undefined, 'the second one is still open');
    second.end();
    await settling.settled();
    t.equal(settling.settled(), undefined);
    t.equal(clock.pendingTimers, 0);
  },
);

void t.test('settled() does not wait for a read that takes long', async (t) => {
  const clock = new FakeClock();
  const settling = new Settling(clock);
  settling.add(new Promise<void>(() => undefined));
  let isOver = false;
  void settling.settled()?.then(() => (isOver = true));
  await clock.advance(999);
  t.equal(isOver, false);
  await clock.advance(1);
  t.equal(isOver, true);
  t.equal(settling.settled(), undefined, 'nor does who comes later');
});

void t.test('settled() waits for reads of the containers that matter', async (t) => {
  const settling = new Settling(new FakeClock());
  let asked = 0;
  const among =
    (...ids: readonly string[]) =>
    (): ReadonlySet<string> => {
      asked += 1;
      return new Set(ids);
    };
  t.equal(settling.settled(among('a')), undefined);
  t.equal(asked, 0, 'nothing is looked up where nothing is open');
  const [a, any] = [aRead(), aRead()];
  settling.add(a.read, new Set(['a', 'b']));
  t.equal(settling.settled(among('c', 'd')), undefined);
  t.equal(asked, 1);
  const [ofA, ofAll] = [settling.settled(among('c', 'b')), settling.settled(() => undefined)];
  t.not(ofA, undefined);
  settling.add(any.read);
  const ofAny = settling.settled(among('c'));
  t.not(ofAny, undefined, 'what may be anything matters to everybody');
  a.end();
  await Promise.all([ofA, ofAll]);
  any.end();
  await ofAny;
  t.equal(settling.settled(among('a')), undefined);
});
