// One operator per state directory; a dead one does not stand in the way.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { systemClock } from '../../../controller/base/clock.js';
import { lockState } from '../../../controller/store/state-lock.js';
import { Store } from '../../../controller/store/store.js';

const clock = systemClock;

t.test('lockState() refuses a second holder and names the first', async (t) => {
  const directory = t.testdir();
  const lock = await lockState({ directory, clock, holder: 'pid 4211' });
  await t.rejects(lockState({ directory, clock, holder: 'other' }), {
    code: 'STATE_LOCKED',
    message: `Cannot use state directory "${directory}": pid 4211 is using it`,
  });
  await Promise.all([lock.release(), lock.release()]);
  const again = await lockState({ directory, clock, holder: 'other' });
  await again.release();
  t.same(await readdir(directory), [], 'nothing is left');
});

t.test('lockState() works in a directory with a name longer than a socket path may be', async (t) => {
  const directory = path.join(t.testdir(), 'x'.repeat(120), 'y'.repeat(120));
  await mkdir(directory, { recursive: true });
  const lock = await lockState({ directory, clock, holder: 'first' });
  await t.rejects(lockState({ directory, clock, holder: 'other' }), {
    code: 'STATE_LOCKED',
    message: /first is using it/,
  });
  await lock.release();
  await (await lockState({ directory, clock, holder: 'other' })).release();
  t.same(await readdir(directory), []);
});

t.test('lockState() takes over from a holder that was killed', async (t) => {
  const directory = t.testdir();
  const script = `require('net').createServer().listen('lock', () => console.log('ready'))`;
  const holder = spawn(process.execPath, ['-e', script], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  await t.rejects(lockState({ directory, clock, holder: 'second' }), { code: 'STATE_LOCKED' });
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  t.same(await readdir(directory), ['lock'], 'the dead lock is still there');
  const lock = await lockState({ directory, clock, holder: 'second' });
  await t.rejects(lockState({ directory, clock, holder: 'third' }), { message: /second is using it/ });
  await lock.release();
});

t.test('lockState() gives the lock to exactly one of many that start at once over a dead lock', async (t) => {
  const directory = t.testdir();
  for (let round = 0; round < 5; round += 1) {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 12 }, (_, index) => lockState({ directory, clock, holder: `starter ${index}` })),
    );
    const winners = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    t.equal(winners.length, 1);
    for (const winner of winners) await winner.release();
    await writeFile(path.join(directory, 'lock'), 'a dead lock that is not even a socket');
  }
});

t.test('lockState() says when a directory cannot be locked', async (t) => {
  await t.rejects(lockState({ directory: path.join(t.testdir(), 'missing'), clock, holder: 'x' }), {
    code: 'STATE_UNWRITABLE',
  });
});

t.test('Store.open() refuses a directory in use and leaves it alone', async (t) => {
  const directory = path.join(t.testdir(), 'state');
  const options = { directory, clock, randomUuid: () => 'u' };
  const store = await Store.open(options);
  await t.rejects(Store.open(options), {
    code: 'STATE_LOCKED',
    message: new RegExp(`pid ${process.pid} on .* is using it`),
  });
  await store.close();
  await (await Store.open(options)).close();
});

const place = { host: 'host1', bootId: 'boot1', isShared: true };

/** A lock as a killed holder leaves it. */
async function deadLock(directory: string, holder: string): Promise<void> {
  const script = `require('net').createServer().listen('lock', () => process.kill(process.pid, 'SIGKILL'))`;
  const child = spawn(process.execPath, ['-e', script], { cwd: directory, stdio: 'ignore' });
  await once(child, 'exit');
  const { host, bootId } = place;
  await writeFile(path.join(directory, 'lock.json'), JSON.stringify({ holder, host, bootId }));
}

t.test(
  'lockState() takes over a dead lock of this system, or of this machine before a restart',
  async (t) => {
    for (const later of [place, { ...place, host: 'renamed' }, { ...place, bootId: 'boot2' }]) {
      const directory = t.testdir();
      await deadLock(directory, 'first');
      const lock = await lockState({ directory, clock, holder: 'second', place: later });
      t.same((await readdir(directory)).sort(), ['lock', 'lock.json']);
      await lock.release();
      t.same(await readdir(directory), []);
    }
  },
);

t.test('lockState() believes a lock of another machine only where no other can be', async (t) => {
  const directory = t.testdir();
  await deadLock(directory, 'pid 4211 on host1, since 2026-01-02T03:04:05Z');
  const elsewhere = { ...place, host: 'host2', bootId: 'boot2' };
  await t.rejects(lockState({ directory, clock, holder: 'second', place: elsewhere }), {
    code: 'STATE_LOCKED',
    message: `Cannot use state directory "${directory}": pid 4211 on host1, since 2026-01-02T03:04:05Z was using it, and cannot be asked from here`,
    hint: 'Stop it; if host1 is gone for good, remove the files lock and lock.json',
  });
  t.same((await readdir(directory)).sort(), ['lock', 'lock.json'], 'it is left as it was');
  const local = { ...elsewhere, isShared: false };
  await (await lockState({ directory, clock, holder: 'second', place: local })).release();
});

t.test('Store.open() tells who has the directory: process, host and since when', async (t) => {
  const directory = t.testdir();
  const open = () => Store.open({ directory, clock, randomUuid: () => 'x' });
  const store = await open();
  await t.rejects(open(), {
    code: 'STATE_LOCKED',
    message: new RegExp(`: pid ${process.pid} on \\S+, since \\d{4}-.*Z is using it$`),
  });
  await store.close();
});
