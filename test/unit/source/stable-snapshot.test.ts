// The directory is only used when it rests, and events are only a doorbell.
import t from 'tap';
import { Debounce } from '../../../controller/source/debounce.js';
import type { Snapshot } from '../../../controller/source/snapshot.js';
import { StableSnapshots } from '../../../controller/source/stable-snapshot.js';
import { FakeClock } from '../../support/fake-clock.js';

const look = (fingerprint: string): Snapshot => ({
  type: 'files',
  rootId: 'r',
  realRoot: '/r',
  device: 'disk',
  ignored: [],
  isUnfinished: false,
  files: [],
  fingerprint,
});
const never = new AbortController().signal;

function aDirectory(o: { looks: readonly Snapshot[]; git?: readonly (string | undefined)[] }) {
  const clock = new FakeClock(0);
  const looks = [...o.looks];
  const git = [...(o.git ?? [])];
  const holds: string[] = [];
  const times: number[] = [];
  const snapshots = new StableSnapshots({
    directory: '/r',
    clock,
    onHold: (marker) => holds.push(marker),
    ports: {
      takeSnapshot: async () => {
        times.push(clock.now());
        return (looks.length > 1 ? looks.shift() : looks[0]) ?? { type: 'moving' };
      },
      findGitActivity: async () => (git.length > 1 ? git.shift() : git[0]),
    },
  });
  return { clock, snapshots, holds, times };
}

t.test('StableSnapshots needs two equal looks, 100 ms apart', async (t) => {
  const { clock, snapshots, times } = aDirectory({
    looks: [look('a'), look('b'), { type: 'moving' }, look('b'), look('b')],
  });
  const taken = snapshots.take(never);
  await clock.advance(1000);
  t.match(await taken, { type: 'files', fingerprint: 'b' });
  t.same(times, [0, 100, 200, 300, 400]);
});

t.test(
  'StableSnapshots waits for the rest of a file that was written just now and has no last line end',
  async (t) => {
    const half = { ...look('a'), isUnfinished: true } as Snapshot;
    const { snapshots, times, clock } = aDirectory({ looks: [half, half, half, half, look('a')] });
    const taken = snapshots.take(never);
    await clock.advance(1000);
    t.match(await taken, { fingerprint: 'a', isUnfinished: false });
    t.same(times, [0, 100, 200, 300, 400]);
  },
);

t.test('StableSnapshots gives up on a directory that never rests', async (t) => {
  const { clock, snapshots } = aDirectory({ looks: [{ type: 'moving' }] });
  const taken = snapshots.take(never);
  await clock.advance(60_000);
  t.same(await taken, { type: 'unstable' });
});

t.test('StableSnapshots takes a missing directory for what it is', async (t) => {
  const missing = { type: 'missing', why: 'ENOENT', fingerprint: 'm' } as const;
  const { clock, snapshots } = aDirectory({ looks: [missing] });
  const taken = snapshots.take(never);
  await clock.advance(1000);
  t.match(await taken, { type: 'missing' });
});

t.test('StableSnapshots waits while git is at work, and looks anew afterwards', async (t) => {
  const lock = '/r/.git/index.lock';
  const { clock, snapshots, holds, times } = aDirectory({
    looks: [look('a')],
    git: [lock, lock, lock, undefined],
  });
  const taken = snapshots.take(never);
  await clock.advance(2000);
  t.match(await taken, { type: 'files' });
  t.same(holds, [lock]);
  t.equal(times[0], 750);
});

t.test('StableSnapshots does not compare a look after git was at work with one before', async (t) => {
  const lock = '/r/.git/index.lock';
  const { clock, snapshots, times } = aDirectory({
    looks: [look('a')],
    git: [undefined, lock, lock, undefined],
  });
  const taken = snapshots.take(never);
  await clock.advance(2000);
  t.match(await taken, { type: 'files' });
  t.same(times, [0, 600, 700], 'two equal ones after it');
});

t.test(
  'StableSnapshots does not wait longer than 30 s for git, and not again for the same marker',
  async (t) => {
    const lock = '/r/.git/MERGE_HEAD';
    const { clock, snapshots, times } = aDirectory({ looks: [look('a')], git: [lock] });
    const taken = snapshots.take(never);
    await clock.advance(40_000);
    await taken;
    t.equal(times[0], 30_000);
    const again = snapshots.take(never);
    await clock.advance(1000);
    await again;
    t.equal(times[2], 40_000, 'at once');
  },
);

t.test('StableSnapshots stops when it is told to', async (t) => {
  const { clock, snapshots } = aDirectory({ looks: [{ type: 'moving' }] });
  const controller = new AbortController();
  const taken = snapshots.take(controller.signal);
  await clock.advance(150);
  controller.abort(new Error('stop'));
  await t.rejects(taken, { message: 'stop' });
  t.equal(clock.pendingTimers, 0);
});

t.test('Debounce answers after 250 ms of quiet, under a storm after 5 s', async (t) => {
  const clock = new FakeClock(0);
  const calls: number[] = [];
  const bell = new Debounce({ clock, quietMs: 250, maxMs: 5000, callback: () => calls.push(clock.now()) });
  bell.ring();
  await clock.advance(200);
  bell.ring();
  await clock.advance(1000);
  t.same(calls, [450]);
  for (let index = 0; index < 100; index += 1) {
    bell.ring();
    await clock.advance(100);
  }
  t.same(calls.slice(1), [6200, 11_200], 'no later than 5 s after the first ring');
  bell.clear();
  await clock.advance(10_000);
  t.equal(calls.length, 3);
});
