// Backups: consistent while an operator writes, checked before anything is replaced, all or nothing.
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import * as nodeFileSystem from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { systemClock as clock } from '../../../controller/base/clock.js';
import {
  decodeBackup,
  encodeBackup,
  withoutSecrets,
  type Backup,
} from '../../../controller/store/backup-file.js';
import { restoreState } from '../../../controller/store/restore-state.js';
import { readStateFiles, type StateFile } from '../../../controller/store/state-files.js';
import { migrateState, migrations } from '../../../controller/store/state-version.js';
import { finishStaged, replaceStateFiles } from '../../../controller/store/staged-state.js';
import { killedFileSystem } from '../../support/killed-file-system.js';
import { contentOf, openIn } from '../../support/durable-stores.js';
import { aCluster, aNode } from '../../support/resource-builders.js';

const { signal } = new AbortController();
const api = { origin: { type: 'api' } } as const;

async function stateWith(directory: string, names: readonly string[]): Promise<string> {
  const state = path.join(directory, 'state');
  const store = await openIn(state);
  await store.create(aCluster(), api);
  for (const name of names) await store.create(aNode({ name }), api);
  await store.close();
  await mkdir(path.join(state, 'clusters', 'demo'), { recursive: true });
  await writeFile(path.join(state, 'clusters', 'demo', 'token'), 'secret\n', { mode: 0o600 });
  await writeFile(path.join(state, 'installation'), 'abc\n');
  await writeFile(path.join(state, 'delivered.json'), '{"a":"old"}');
  return state;
}

const backupOf = (files: readonly StateFile[], changes: Partial<Backup> = {}): Backup => ({
  createdTime: '2026-01-01T00:00:00Z',
  program: '1.0.0',
  stateVersion: migrations.current,
  hasSecrets: true,
  files,
  ...changes,
});

const restoreInto = (directory: string, backup: Backup, changes = {}) =>
  restoreState(backup, { directory, clock, name: 'b', mayReplace: false, dryRun: false, ...changes });

t.test('restoreState() brings back what readStateFiles() read, with its permissions', async (t) => {
  const state = await stateWith(t.testdir(), ['node1', 'node2']);
  await chmod(path.join(state, 'installation'), 0o640);
  const files = await readStateFiles(state, { clock, signal });
  const target = path.join(t.testdirName, 'target');
  const backup = decodeBackup(encodeBackup(backupOf(files)), 'b');
  const restored = await restoreInto(target, backup);
  t.equal(restored.kept, undefined);
  t.same(await readStateFiles(target, { clock, signal }), files);
  t.equal((await stat(path.join(target, 'installation'))).mode & 0o777, 0o640);
  t.equal((await stat(path.join(target, 'clusters', 'demo', 'token'))).mode & 0o777, 0o600);
  t.notOk((await readdir(target)).includes('delivered.json'), 'what may be out of date stays away');
  const [old, next] = [await openIn(state), await openIn(target)];
  t.same(contentOf(next), contentOf(old));
  t.ok(next.resourceVersion > old.resourceVersion, 'no version is handed out twice');
  await Promise.all([old.close(), next.close()]);
});

t.test('readStateFiles() gives one moment while an operator writes', async (t) => {
  const state = path.join(t.testdir(), 'state');
  const store = await openIn(state);
  await store.create(aNode({ name: 'first' }), api);
  await store.create(aNode({ name: 'second' }), api);
  let isOver = false;
  const writing = (async () => {
    // The first is always one ahead of the second, or as far.
    for (let count = 1; !isOver; count += 1) {
      for (const name of ['first', 'second']) {
        await store.update(aNode({ name, metadata: { labels: { count: String(count) } } }), api);
      }
      // A quiet moment now and then, as every operator has them.
      if (count % 20 === 0) await clock.sleep(200, signal);
    }
  })();
  const counts: [number, number][] = [];
  for (let round = 0; round < 10; round += 1) {
    const files = await readStateFiles(state, { clock, signal });
    const [first = 0, second = 0] = ['first', 'second'].map((name) => {
      const text = files.find((file) => file.path === `objects/node.${name}.json`)?.text ?? '';
      return Number(/"count": "(\d+)"/.exec(text)?.[1] ?? 0);
    });
    counts.push([first, second]);
  }
  isOver = true;
  await writing;
  await store.close();
  t.ok(
    counts.every(([first, second]) => first === second || first === second + 1),
    JSON.stringify(counts),
  );
});

t.test(
  'decodeBackup() refuses what is damaged, cut off, from a newer version, or leads elsewhere',
  async (t) => {
    const file = (name: string): StateFile => ({ path: name, mode: 0o600, text: 'x' });
    const good = encodeBackup(backupOf([file('objects/a.json')]));
    const message = (text: string): string => {
      try {
        decodeBackup(text, 'b');
        return 'accepted';
      } catch (error) {
        return (error as Error).message; // only errors are thrown
      }
    };
    t.equal(message(good), 'accepted');
    t.match(message(good.replace('"text": "x"', '"text": "y"')), /its digest does not match/);
    t.match(message(good.slice(0, -20)), /it is not a whole backup/);
    t.match(message('{}'), /it is not a whole backup/);
    t.match(message(good.replace('"format": 1', '"format": 9')), /a newer swarmctl wrote it \(format 9\)/);
    for (const name of ['../evil', 'objects/../../evil', '/etc/passwd', 'objects//a', 'lock']) {
      t.match(message(encodeBackup(backupOf([file(name)]))), /parts of it are missing/, name);
    }
  },
);

t.test('withoutSecrets() leaves out every token and key', async (t) => {
  const state = await stateWith(t.testdir(), ['node1']);
  const files = withoutSecrets(await readStateFiles(state, { clock, signal }));
  t.notOk(files.some(({ text }) => text.includes('secret')));
  t.ok(files.some((file) => file.path === 'installation'));
});

t.test('restoreState() refuses state that is there, a running operator and a newer version', async (t) => {
  const state = await stateWith(t.testdir(), ['node1']);
  const backup = backupOf(await readStateFiles(state, { clock, signal }));
  const before = await readdir(state);
  await t.rejects(restoreInto(state, backup), {
    code: 'STATE_EXISTS',
    message: /it has state already \(installation/,
  });
  t.same(await readdir(state), before, 'nothing is changed');
  const store = await openIn(state);
  await t.rejects(restoreInto(state, backup, { mayReplace: true }), {
    code: 'STATE_LOCKED',
    message: /pid \d+ on /,
  });
  await store.close();
  const newer = { ...backup, stateVersion: migrations.current + 1 };
  await t.rejects(restoreInto(path.join(t.testdirName, 'empty'), newer), {
    code: 'STATE_CORRUPT',
    message: /a newer swarmctl wrote it/,
  });
});

t.test('restoreState() with mayReplace keeps what was there aside; a dry run changes nothing', async (t) => {
  const state = await stateWith(t.testdir(), ['node1']);
  const backup = backupOf(await readStateFiles(state, { clock, signal }));
  const store = await openIn(state);
  await store.create(aNode({ name: 'later' }), api);
  await store.close();
  const names = async () => (await readStateFiles(state, { clock, signal })).map((file) => file.path);
  const before = await names();
  const dry = await restoreInto(state, backup, { mayReplace: true, dryRun: true });
  t.match(dry.kept, /before-restore-\d+$/);
  t.same(await names(), before);
  const { kept = '' } = await restoreInto(state, backup, { mayReplace: true });
  t.notOk((await names()).includes('objects/node.later.json'));
  t.ok((await readdir(path.join(kept, 'objects'))).includes('node.later.json'));
  t.ok((await readdir(kept)).includes('delivered.json'));
});

async function textsIn(directory: string): Promise<readonly string[]> {
  const files = await readStateFiles(directory, { clock, signal });
  return files.map(({ path: name, text }) => `${name}: ${text}`);
}

t.test('replaceStateFiles() killed after any step is carried through, or has not happened', async (t) => {
  const next: StateFile[] = [
    { path: 'installation', mode: 0o600, text: 'new\n' },
    { path: 'objects/a.json', mode: 0o600, text: 'new' },
  ];
  // The states between two renames, made by hand: which entries are still old, moved away, or new.
  const entries = ['installation', 'objects', 'debts', 'delivered.json'];
  let states = 0;
  for (let done = 0; done <= entries.length; done += 1) {
    for (const isHalf of [false, true]) {
      const directory = path.join(t.testdir(), 'state');
      await mkdir(path.join(directory, 'objects'), { recursive: true });
      await mkdir(path.join(directory, 'debts'));
      await writeFile(path.join(directory, 'installation'), 'old\n');
      await writeFile(path.join(directory, 'objects', 'b.json'), 'old');
      await writeFile(path.join(directory, 'delivered.json'), 'old');
      const reference = path.join(t.testdirName, 'reference');
      await mkdir(reference);
      await replaceStateFiles(reference, { files: next, kept: 'kept' });
      // Committed, but nothing moved yet:
      await mkdir(path.join(directory, 'staged.new', 'objects'), { recursive: true });
      await writeFile(path.join(directory, 'staged.new', 'installation'), 'new\n');
      await writeFile(path.join(directory, 'staged.new', 'objects', 'a.json'), 'new');
      await writeFile(
        path.join(directory, 'staged'),
        JSON.stringify({ kept: 'kept', entries: ['installation', 'objects'] }),
      );
      await mkdir(path.join(directory, 'kept'));
      for (const [index, name] of entries.entries()) {
        const isNew = index < 2;
        if (index < done || (index === done && isHalf))
          await rename(path.join(directory, name), path.join(directory, 'kept', name));
        if (index < done && isNew)
          await rename(path.join(directory, 'staged.new', name), path.join(directory, name));
      }
      t.equal(await finishStaged(directory), true);
      t.equal(await finishStaged(directory), false, 'once');
      t.same((await readdir(directory)).sort(), ['installation', 'kept', 'objects']);
      t.same(await textsIn(directory), await textsIn(reference));
      t.same((await readdir(path.join(directory, 'kept'))).sort(), [...entries].sort());
      t.equal(await readFile(path.join(directory, 'kept', 'installation'), 'utf8'), 'old\n');
      states += 1;
    }
  }
  t.equal(states, 10);
  const half = path.join(t.testdir(), 'half');
  await mkdir(path.join(half, 'staged.new'), { recursive: true });
  t.equal(await finishStaged(half), false, 'not committed');
  t.same(await readdir(half), [], 'nothing is left of it');
});

const oldFiles: Readonly<Record<string, string>> = {
  installation: 'old\n',
  'objects/b.json': 'old',
  'debts/d.json': 'old',
  'delivered.json': 'old',
};
const newFiles: readonly StateFile[] = [
  { path: 'installation', mode: 0o600, text: 'new\n' },
  { path: 'objects/a.json', mode: 0o600, text: 'new' },
  { path: 'clusters/demo/token', mode: 0o600, text: 'new' },
];

async function oldState(directory: string): Promise<void> {
  for (const [name, text] of Object.entries(oldFiles)) {
    await mkdir(path.join(directory, path.dirname(name)), { recursive: true });
    await writeFile(path.join(directory, name), text);
  }
}

/** Of files, by their paths below `directory`. */
async function contents(directory: string): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  const texts = await Promise.all(
    files.map(async (file) => [path.relative(directory, file), await readFile(file, 'utf8')] as const),
  );
  return Object.fromEntries(texts);
}

for (const kind of ['process', 'power'] as const) {
  t.test(`replaceStateFiles() loses nothing when the ${kind} ends at any step`, async (t) => {
    const wanted = Object.fromEntries(newFiles.map(({ path: name, text }) => [name, text]));
    const ends = { old: 0, new: 0 };
    for (let killAt = 0; ; killAt += 1) {
      const directory = path.join(t.testdir(), 'state');
      await oldState(directory);
      const { fileSystem, steps } = killedFileSystem({ killAt, kind });
      const isKilled = await replaceStateFiles(directory, { files: newFiles, kept: 'kept', fileSystem }).then(
        () => false,
        () => steps.length === killAt,
      );
      await finishStaged(directory);
      const { kept, rest } = await split(directory);
      const isNew = rest['installation'] === 'new\n';
      ends[isNew ? 'new' : 'old'] += 1;
      const where = `killed before step ${killAt}`;
      t.same([rest, kept], isNew ? [wanted, oldFiles] : [oldFiles, {}], where);
      if (!isKilled) break;
    }
    t.comment(`${ends.old} ends before, ${ends.new} after`);
    t.ok(ends.old > 10 && ends.new > 5);
  });
}

async function split(directory: string) {
  const all = Object.entries(await contents(directory)).filter(([name]) => !name.endsWith('.tmp'));
  const isKept = ([name]: readonly [string, string]): boolean => name.startsWith('kept/');
  return {
    kept: Object.fromEntries(all.filter(isKept).map(([name, text]) => [name.slice('kept/'.length), text])),
    rest: Object.fromEntries(all.filter((entry) => !isKept(entry))),
  };
}

t.test('replaceStateFiles() on a full disk changes nothing and leaves nothing behind', async (t) => {
  for (let full = 0; full <= newFiles.length; full += 1) {
    const directory = path.join(t.testdir(), 'state');
    await oldState(directory);
    let writes = 0;
    const fileSystem = {
      ...nodeFileSystem,
      open: async (...all: Parameters<typeof nodeFileSystem.open>) => {
        const handle = await nodeFileSystem.open(...all);
        const writeFile = async (data: string | Uint8Array): Promise<void> => {
          if ((writes += 1) > full)
            throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
          await handle.writeFile(data);
        };
        return {
          ...handle,
          writeFile,
          sync: () => handle.sync(),
          close: () => handle.close(),
        }; // all that is called
      },
    };
    await t.rejects(replaceStateFiles(directory, { files: newFiles, kept: 'kept', fileSystem }), {
      code: 'STATE_UNWRITABLE',
      message: /^Cannot write state in ".*": .*ENOSPC.*; it is as it was before$/,
    });
    t.same(await contents(directory), oldFiles, `full at write ${full + 1}`);
    t.same((await readdir(directory)).sort(), ['debts', 'delivered.json', 'installation', 'objects']);
  }
});

t.test(
  'migrateState() applies every step in order, keeps the old files, and refuses newer ones',
  async (t) => {
    const state = await stateWith(t.testdir(), ['node1']);
    await rm(path.join(state, 'version'));
    const replace = (from: string, to: string) => (files: readonly StateFile[]) =>
      files.map((file) => (file.text === from ? { ...file, text: to } : file));
    const steps = [
      { from: 0, what: 'a', migrate: replace('abc\n', 'one\n') },
      { from: 1, what: 'b', migrate: replace('one\n', 'two\n') },
    ];
    const kept = await migrateState(state, { clock, signal, migrations: { current: 2, steps } });
    t.equal(await readFile(path.join(state, 'installation'), 'utf8'), 'two\n');
    t.equal(await readFile(path.join(state, 'version'), 'utf8'), '2\n');
    t.equal(await readFile(path.join(kept ?? '', 'installation'), 'utf8'), 'abc\n');
    const again = await migrateState(state, { clock, signal, migrations: { current: 2, steps } });
    t.equal(again, undefined, 'once');
    await t.rejects(openIn(state), {
      code: 'STATE_CORRUPT',
      message: `Cannot use "${state}": a newer swarmctl wrote it (state version 2, this one knows ${migrations.current})`,
      hint: /Use the newer swarmctl, or restore a backup/,
    });
    await writeFile(path.join(state, 'version'), 'two');
    await t.rejects(openIn(state), {
      code: 'STATE_CORRUPT',
      message: /it must hold the version of the state/,
    });
  },
);

t.test('migrations has one step for each version, in order', async (t) => {
  t.same(
    migrations.steps.map(({ from }) => from),
    Array.from({ length: migrations.current }, (_, index) => index),
  );
});
