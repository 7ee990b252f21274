// The one door to state files: whatever kind they are, a failed sync or a full disk stops writes, loses nothing that was
// acknowledged, and all is written anew once the disk is well.
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test as Tap } from 'tap';
import { isSwarmError } from '../../../controller/base/errors.js';
import type { Store } from '../../../controller/store/store.js';
import { openIn } from '../../support/durable-stores.js';
import { FakeClock } from '../../support/fake-clock.js';
import { killedFileSystem, type KilledFileSystem } from '../../support/killed-file-system.js';
import { aCluster } from '../../support/resource-builders.js';
import { memoryDirectory } from '../../support/memory-directory.js';
import { filesOf, stateKinds, type StateKind } from '../../support/state-kinds.js';

const api = { origin: { type: 'api' } } as const;

/** Syncs in memory take no time. */
function aRoot(t: Pick<Tap, 'teardown'>): string {
  const root = mkdtempSync(path.join(memoryDirectory(), 'swtest-state-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

interface Lived {
  /** Steps after the directory was opened. */
  readonly first: number;
  readonly syncs: number;
  readonly failures: number;
}

async function recover(store: Store, clock: FakeClock): Promise<void> {
  while (store.failure !== undefined) {
    await clock.advance(1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Lives the life of a kind; what fails is tried again once the disk is well, as the loops do. */
async function live(
  kind: StateKind,
  o: {
    readonly directory: string;
    readonly disk: KilledFileSystem;
    /** Which of its syncs fails. */
    readonly failing?: number;
    readonly onFailure?: (store: Store) => Promise<void>;
  },
): Promise<Lived> {
  const clock = new FakeClock();
  const store = await openIn(o.directory, { clock, fileSystem: o.disk.fileSystem });
  const first = o.disk.steps.length;
  let failures = 0;
  const life = await kind.open(o.directory, store);
  if (o.failing !== undefined) o.disk.failSync(o.failing);
  for (const step of life) {
    for (let isDone = false; !isDone;) {
      try {
        await step();
        isDone = true;
      } catch (error) {
        if (!isSwarmError(error, 'STATE_UNWRITABLE')) throw error;
        failures += 1;
        await o.onFailure?.(store);
        await recover(store, clock);
      }
    }
  }
  const syncs = o.disk.steps.slice(first).filter((name) => name === 'fsync').length;
  return { first, syncs, failures };
}

for (const kind of stateKinds) {
  t.test(`StateDisk loses nothing of ${kind.name} when any one sync fails`, async (t) => {
    const root = aRoot(t);
    const whole = killedFileSystem({ killAt: -1, kind: 'power' });
    const { syncs } = await live(kind, { directory: path.join(root, 'whole'), disk: whole });
    t.ok(syncs >= 2, `${syncs} syncs`);
    let refused = 0;
    let tried = 0;
    // Those of a file and of its directory take turns: every third one meets both.
    for (let failing = 0; failing < syncs; failing += syncs > 20 ? 3 : 1) {
      const directory = path.join(root, String(failing));
      const disk = killedFileSystem({ killAt: -1, kind: 'power' });
      tried += 1;
      const { failures } = await live(kind, {
        ...{ directory, disk, failing },
        onFailure: async (store) => {
          const other = store.create(aCluster({ name: 'other-kind' }), api);
          await t.rejects(other, { code: 'STATE_UNWRITABLE', httpStatus: 507 }, 'nothing else is written');
          refused += 1;
        },
      });
      if (failures !== 1) t.fail(`sync ${failing} was told ${failures} times`);
      const acknowledged = filesOf(directory, kind);
      disk.cutPower();
      t.same(filesOf(directory, kind), acknowledged, `sync ${failing}`);
      t.notOk((await readdir(directory)).includes('unsynced'), 'the doubt is over');
    }
    t.equal(refused, tried);
  });

  t.test(`StateDisk keeps ${kind.name} that were acknowledged when power is cut at any step`, async (t) => {
    const root = aRoot(t);
    const whole = killedFileSystem({ killAt: -1, kind: 'power' });
    const { first } = await live(kind, { directory: path.join(root, 'whole'), disk: whole });
    const { length } = whole.steps;
    const end = filesOf(path.join(root, 'whole'), kind);
    for (let killAt = first; killAt < length; killAt += length > 100 ? 5 : 1) {
      const directory = path.join(root, String(killAt));
      const { fileSystem } = killedFileSystem({ killAt, kind: 'power' });
      const store = await openIn(directory, { fileSystem });
      let acknowledged: ReadonlyMap<string, string> = new Map();
      let done = 0;
      try {
        for (const step of await kind.open(directory, store)) {
          await step();
          done += 1;
          acknowledged = filesOf(directory, kind);
        }
      } catch {
        // this is where the power goes
      }
      const found = filesOf(directory, kind);
      const torn = [...found].filter(([name, text]) => text === '' && acknowledged.get(name) !== '');
      t.same(torn, [], `cut at ${killAt}, after ${done} steps: nothing is torn`);
      const lost = [...acknowledged.keys()].filter((name) => !found.has(name) && end.has(name));
      t.same(lost, [], 'and nothing is lost, but for what the life removes');
      for (const name of ['lock', 'lock.json']) await rm(path.join(directory, name), { force: true });
      const next = await openIn(directory);
      for (const step of (await kind.open(directory, next)).slice(done)) await step();
      await next.close();
    }
    t.end();
  });
}

t.test('StateDisk tells the next process of a doubt, which writes all anew first', async (t) => {
  const directory = path.join(aRoot(t), 'state');
  const disk = killedFileSystem({ killAt: -1, kind: 'power' });
  let store = await openIn(directory, { fileSystem: disk.fileSystem });
  await store.create(aCluster(), api);
  disk.failSync(5);
  for (let index = 0; store.failure === undefined; index += 1)
    await store.create(aCluster({ name: `c${index}` }), api).catch(() => undefined);
  const acknowledged = store.list('Cluster').map(({ metadata }) => metadata.name);
  await store.close();
  t.ok((await readdir(directory)).includes('unsynced'));

  const clock = new FakeClock();
  store = await openIn(directory, { clock, fileSystem: disk.fileSystem });
  await t.rejects(store.create(aCluster({ name: 'later' }), api), {
    message: /a sync failed before the restart, and all is written again first$/,
  });
  await recover(store, clock);
  t.notOk((await readdir(directory)).includes('unsynced'));
  await store.create(aCluster({ name: 'later' }), api);
  const names = store.list('Cluster').map(({ metadata }) => metadata.name);
  t.same(
    acknowledged.filter((name) => !names.includes(name)),
    [],
    'what the first one acknowledged',
  );
  const files = filesOf(directory, { entry: 'objects' });
  disk.cutPower();
  t.same(filesOf(directory, { entry: 'objects' }), files);
});

/** What begins with `name` does not fit any more, nor what is written to see whether it would. */
function fullIn(name: string): { readonly disk: KilledFileSystem; isFull: boolean } {
  const disk = killedFileSystem({ killAt: -1, kind: 'process' });
  const { open } = disk.fileSystem;
  const full = {
    isFull: false,
    disk: {
      ...disk,
      fileSystem: {
        ...disk.fileSystem,
        open: (...all: Parameters<typeof open>) =>
          full.isFull && [name, '/probe.'].some((part) => String(all[0]).includes(part)) && all[1] !== 0
            ? Promise.reject(
                Object.assign(new Error('ENOSPC: no space left on device, open'), {
                  code: 'ENOSPC',
                  syscall: 'open',
                }),
              )
            : open(...all),
      },
    },
  };
  return full;
}

for (const kind of stateKinds) {
  t.test(`StateDisk says that ${kind.name} do not fit, until they do`, async (t) => {
    const directory = path.join(aRoot(t), 'state');
    const full = fullIn(path.join(directory, kind.entry));
    const clock = new FakeClock();
    const told: (string | undefined)[] = [];
    const store = await openIn(directory, {
      ...{ clock, fileSystem: full.disk.fileSystem },
      onFailure: (failure) => told.push(failure?.code),
    });
    const [step = () => Promise.resolve()] = await kind.open(directory, store);
    full.isFull = true;
    await t.rejects(step(), { code: 'STATE_UNWRITABLE', message: /ENOSPC: no space left on device/ });
    if (kind.entry !== 'objects') {
      await store.create(aCluster({ name: 'elsewhere' }), api);
      t.ok(store.failure, 'that something else fits does not end it');
    }
    for (let second = 0; second < 12; second += 1) {
      await clock.advance(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    t.ok(store.failure, 'nor does time');
    full.isFull = false;
    await recover(store, clock);
    t.same(told, ['STATE_UNWRITABLE', undefined]);
    await step();
    t.ok(filesOf(directory, kind).size > 0);
    await store.close();
  });
}
