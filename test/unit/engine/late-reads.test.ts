// Reads beside the events that caused them: how many, of what, and when an engine counts as slow.
import t from 'tap';
import { LateReads } from '../../../controller/engine/late-reads.js';
import { FakeClock } from '../../support/fake-clock.js';

function aReader(): {
  readonly clock: FakeClock;
  readonly late: LateReads;
  /** IDs of each read so far. */
  readonly reads: (readonly string[])[];
  /** Ends the read under way. */
  readonly end: () => Promise<void>;
} {
  const clock = new FakeClock();
  const reads: (readonly string[])[] = [];
  let end = (): void => undefined;
  const late = new LateReads({
    clock,
    read: (ids) => {
      reads.push(ids);
      return new Promise((resolve) => (end = resolve));
    },
  });
  return {
    clock,
    late,
    reads,
    end: async () => {
      end();
      await clock.advance(0);
    },
  };
}

void t.test('add() reads one after the other, and together what came meanwhile', async (t) => {
  const { late, reads, end } = aReader();
  const over: string[] = [];
  void late.add(['a']).then(() => over.push('a'));
  void late.add(['b', 'c']).then(() => over.push('b'));
  void late.add(['a', 'c']).then(() => over.push('a again'));
  t.same(reads, [['a']]);
  await end();
  t.same([reads, over], [[['a'], ['b', 'c', 'a']], ['a']]);
  await end();
  t.same(over, ['a', 'b', 'a again']);
  t.equal(reads.length, 2);
  void late.add(['d']);
  t.same(reads[2], ['d'], 'and begins again when nothing is under way');
});

void t.test('forget() leaves out of the next read what is gone', async (t) => {
  const { late, reads, end } = aReader();
  void late.add(['a']);
  void late.add(['b', 'c']);
  late.forget('b');
  await end();
  t.same(reads[1], ['c']);
  const last = late.add(['d']);
  late.forget('d');
  await end();
  await last;
  t.equal(reads.length, 2, 'a read of nothing is none');
});

void t.test('areSlow while a read takes long, and until one did not', async (t) => {
  const { clock, late, end } = aReader();
  t.equal(late.areSlow, false);
  void late.add(['a']);
  await clock.advance(250);
  t.equal(late.areSlow, false);
  await clock.advance(1);
  t.equal(late.areSlow, true, 'before anybody knows how long it takes');
  late.took(251);
  await end();
  t.equal(late.areSlow, true);
  late.took(250);
  t.equal(late.areSlow, false);
});
