// Who reads a container that was just made.
import t from 'tap';
import { MadeReads } from '../../../controller/engine/made-reads.js';

const aRead = (): { read: Promise<void>; end: () => void } => {
  let end = (): void => undefined;
  const read = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { read, end };
};

void t.test('take() gives the read of the other side, once', async (t) => {
  const reads = new MadeReads();
  const { read } = aRead();
  reads.beganByMaker('x', read);
  t.equal(reads.take('x'), read);
  t.equal(reads.take('x'), undefined);
});

void t.test('take() knows a read begun by events while it lasts', async (t) => {
  const reads = new MadeReads();
  const first = aRead();
  reads.beganByEvents(['x', 'y'], first.read);
  t.equal(reads.take('x'), first.read);
  const second = aRead();
  reads.beganByMaker('x', second.read);
  first.end();
  await first.read;
  await Promise.resolve();
  t.equal(reads.take('y'), undefined, 'over');
  t.equal(reads.take('x'), second.read, 'a later one stays');
});

void t.test('forget() makes the other side read again; so do too many', async (t) => {
  const reads = new MadeReads();
  const { read } = aRead();
  reads.beganByMaker('x', read);
  reads.forget(['x']);
  t.equal(reads.take('x'), undefined);
  for (let at = 0; at <= 64; at += 1) reads.beganByMaker(`c${at}`, read);
  t.equal(reads.take('c0'), undefined);
  t.equal(reads.take('c1'), read);
});
