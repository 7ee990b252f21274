// One upload to several engines: exact copies, and who is cut when.
import { PassThrough, Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import { TooSlowError, teeUpload } from '../../../controller/manager/tee-upload.js';
import { FakeClock } from '../../support/fake-clock.js';

const megabyte = Buffer.alloc(1024 * 1024, 7);

async function settle(): Promise<void> {
  for (let index = 0; index < 50; index += 1) await turn();
}

function branchesOf(source: Readable, count: number): { clock: FakeClock; branches: readonly Readable[] } {
  const clock = new FakeClock();
  return { clock, branches: teeUpload(source, { count, clock }) };
}

/** Reads a branch to its end. */
function drain(branch: Readable): { bytes: number } {
  const read = { bytes: 0 };
  branch.on('data', (chunk: Buffer) => (read.bytes += chunk.length));
  return read;
}

void t.test('teeUpload() gives every engine the same bytes', async (t) => {
  const { branches } = branchesOf(Readable.from(Array.from({ length: 30 }, () => megabyte)), 3);
  const reads = branches.map(drain);
  await Promise.all(branches.map((branch) => new Promise((resolve) => branch.once('end', resolve))));
  t.same(
    reads.map(({ bytes }) => bytes),
    [30, 30, 30].map((count) => count * megabyte.length),
  );
});

void t.test('teeUpload() reads no further than the slowest engine lets it', async (t) => {
  let taken = 0;
  const source = Readable.from(
    (function* () {
      for (; taken < 100; taken += 1) yield megabyte;
    })(),
  );
  const { branches } = branchesOf(source, 2);
  const [fast] = branches;
  if (fast === undefined) throw new Error('two branches were asked for');
  drain(fast);
  await settle();
  // Both buffers of a PassThrough, and what is on the way.
  t.ok(taken <= 12, `${taken} MiB were read while one engine took nothing`);
  for (const branch of branches) branch.destroy();
});

void t.test('teeUpload() cuts an engine that holds the others up, and they get all', async (t) => {
  const { clock, branches } = branchesOf(Readable.from(Array.from({ length: 40 }, () => megabyte)), 3);
  const [first, second, stuck] = branches;
  if (first === undefined || second === undefined || stuck === undefined) throw new Error('three branches');
  const reads = [drain(first), drain(second)];
  await settle();
  await clock.advance(9_000);
  await settle();
  t.equal(stuck.destroyed, false, 'nine seconds are no reason');
  for (let second = 0; second < 3; second += 1) {
    await clock.advance(1_000);
    await settle();
  }
  t.ok(stuck.errored instanceof TooSlowError);
  t.match(stuck.errored, { message: /^Cannot send data: the other engines waited 1\d s for it$/ });
  await settle();
  t.same(
    reads.map(({ bytes }) => bytes),
    [40, 40].map((count) => count * megabyte.length),
  );
});

void t.test('teeUpload() cuts the only engine when it takes nothing for half a minute', async (t) => {
  const { clock, branches } = branchesOf(Readable.from(Array.from({ length: 40 }, () => megabyte)), 1);
  const [stuck] = branches;
  await settle();
  for (let second = 0; second < 29; second += 1) await clock.advance(1_000);
  await settle();
  t.equal(stuck?.destroyed, false);
  await clock.advance(1_500);
  await settle();
  t.match(stuck?.errored, { message: 'Cannot send data: nothing was taken for 30 s' });
});

void t.test('teeUpload() ends every engine when the client breaks off', async (t) => {
  const source = new PassThrough();
  const { branches } = branchesOf(source, 2);
  for (const branch of branches) branch.resume();
  source.write(megabyte);
  await settle();
  source.destroy(new Error('the client broke off its request'));
  await settle();
  for (const branch of branches) t.match(branch.errored, { message: 'the client broke off its request' });
});

void t.test('teeUpload() stops reading when every engine has broken off', async (t) => {
  const source = Readable.from(Array.from({ length: 40 }, () => megabyte));
  const { branches } = branchesOf(source, 2);
  await settle();
  for (const branch of branches) branch.destroy();
  await settle();
  t.equal(source.destroyed, true);
});
