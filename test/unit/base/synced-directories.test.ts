// Shared syncs of directories on handles that only note what happens to them.
import type { FileHandle } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import t from 'tap';
import { SyncedDirectories } from '../../../controller/base/synced-directories.js';
import type { DurableFileSystem } from '../../../controller/base/write-file-atomically.js';

interface Notes {
  readonly directories: SyncedDirectories;
  readonly log: string[];
  /** Syncs that are under way, each ended by a call. */
  readonly syncs: ((error?: Error) => void)[];
}

function noting(): Notes {
  const log: string[] = [];
  const syncs: ((error?: Error) => void)[] = [];
  let opened = 0;
  const open = (directory: unknown): Promise<FileHandle> => {
    opened += 1;
    const name = `${String(directory)}#${opened}`;
    log.push(`open ${name}`);
    const handle = {
      sync: () => {
        log.push(`sync ${name}`);
        return new Promise<void>((resolve, reject) =>
          syncs.push((error) => (error === undefined ? resolve() : reject(error))),
        );
      },
      close: () => {
        log.push(`close ${name}`);
        return Promise.resolve();
      },
    };
    return Promise.resolve(handle as unknown as FileHandle); // the two calls that changes of names make
  };
  const directories = new SyncedDirectories({ open });
  return { directories, log, syncs };
}

t.test('SyncedDirectories.change() shares the sync that begins after a change', async (t) => {
  const { directories, log, syncs } = noting();
  const work = (name: string) => async (): Promise<void> => void log.push(name);
  const first = directories.change('a', work('first'));
  await setImmediate();
  const others = ['second', 'third'].map((name) => directories.change('a', work(name)));
  await setImmediate();
  t.same(log, ['open a#1', 'first', 'sync a#1', 'second', 'third'], 'the others wait for another sync');
  syncs[0]?.();
  await first;
  await setImmediate();
  t.same(log.slice(5), ['sync a#1'], 'which is one for both');
  syncs[1]?.();
  await Promise.all(others);
  t.same(log.slice(6), ['close a#1']);
});

t.test(
  'SyncedDirectories.change() fails all that wait when a sync fails, and nobody who comes later',
  async (t) => {
    const { directories, log, syncs } = noting();
    const nothing = (): Promise<void> => Promise.resolve();
    const first = directories.change('a', nothing);
    await setImmediate();
    const second = directories.change('a', nothing);
    await setImmediate();
    syncs[0]?.(new Error('EIO'));
    await t.rejects(first, { message: 'EIO' });
    const later = directories.change('a', nothing);
    await t.rejects(second, { message: 'EIO' });
    await setImmediate();
    t.same([...log].sort(), ['close a#1', 'open a#1', 'open a#2', 'sync a#1', 'sync a#2']);
    syncs[1]?.();
    await later;
    t.equal(log.at(-1), 'close a#2');
  },
);

t.test('SyncedDirectories.change() fails alone when its own work fails', async (t) => {
  const { directories, log, syncs } = noting();
  const good = directories.change('a', () => Promise.resolve());
  const bad = directories.change('a', () => Promise.reject(new Error('ENOSPC')));
  await t.rejects(bad, { message: 'ENOSPC' });
  await setImmediate();
  syncs[0]?.();
  await good;
  t.equal(log.filter((line) => line.startsWith('sync')).length, 1);
  t.equal(log.at(-1), 'close a#1');
});

t.test('SyncedDirectories.forget() opens a directory anew that was removed meanwhile', async (t) => {
  const { directories, log, syncs } = noting();
  const nothing = (): Promise<void> => Promise.resolve();
  const before = directories.change('a/b', nothing);
  directories.forget('a');
  const after = directories.change('a/b', nothing);
  await setImmediate();
  for (const end of syncs) end();
  await Promise.all([before, after]);
  t.same(
    log.filter((line) => line.startsWith('sync')),
    ['sync a/b#1', 'sync a/b#2'],
  );
});

t.test(
  'SyncedDirectories.change() resolves after a sync that began after its work, in any order',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ directory: fc.constantFrom('a', 'b'), turns: fc.nat(3) }), { maxLength: 12 }),
        fc.scheduler(),
        async (changes, scheduler) => {
          const begun = new Map<string, number>();
          const ended = new Map<string, number>();
          const open = (name: string): Promise<unknown> =>
            scheduler.schedule(
              Promise.resolve({
                sync: async () => {
                  const number = (begun.get(name) ?? 0) + 1;
                  begun.set(name, number);
                  await scheduler.schedule(Promise.resolve());
                  ended.set(name, number);
                },
                close: () => Promise.resolve(),
              }),
            );
          const directories = new SyncedDirectories({ open: open as unknown as DurableFileSystem['open'] });
          const all = changes.map(async ({ directory, turns }) => {
            let seen = 0;
            await directories.change(directory, async () => {
              for (let turn = 0; turn < turns; turn += 1) await scheduler.schedule(Promise.resolve());
              seen = begun.get(directory) ?? 0;
            });
            if ((ended.get(directory) ?? 0) <= seen) throw new Error('its sync began before the change');
          });
          await scheduler.waitFor(Promise.all(all));
        },
      ),
      { numRuns: 300 },
    );
  },
);
