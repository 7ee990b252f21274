// What happens to a directory of manifests in the field: other users' rights, other file systems, tools that copy and edit,
// a kernel without watches. Each ends with what the files say, and with nothing deleted.
import { spawn } from 'node:child_process';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import t, { type Test } from 'tap';
import { FSWatcher } from 'chokidar';
import { systemClock } from '../../../controller/base/clock.js';
import { takeSnapshot } from '../../../controller/source/snapshot.js';
import { watchDirectory } from '../../../controller/source/watch-directory.js';
import { nodeManifest } from '../../support/manifests.js';
import { until } from '../../support/until.js';
import { aSource, isSame } from '../../support/watched-directories.js';

// The waits inside end by themselves; this is for a machine that is busy with other things.
t.setTimeout(180_000);

const closeWatcher = Object.getOwnPropertyDescriptor(FSWatcher.prototype, 'close')
  ?.value as () => Promise<void>; // it has one

const deleted = ({ store }: Awaited<ReturnType<typeof aSource>>): readonly string[] =>
  store
    .list('Node')
    .filter(({ metadata }) => metadata.deletionTimestamp !== undefined)
    .map(({ metadata }) => metadata.name);

/** A directory that every user reaches; those of tap may be below a home. */
async function anOpenDirectory(t: Test, parent = os.tmpdir()): Promise<string> {
  const directory = await mkdtemp(path.join(parent, 'swtest-source-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Root may read everything: gives that up for the rest of the test. */
function asOrdinaryUser(t: Test): void {
  if (process.getuid?.() !== 0) return;
  process.seteuid?.(65_534);
  t.teardown(() => process.seteuid?.(0));
}

t.test('DirectorySource keeps the objects of files and roots that it may not read any more', async (t) => {
  const base = await anOpenDirectory(t);
  const root = `${base}/manifests`;
  await mkdir(root);
  for (const name of ['a', 'b', 'c']) await writeFile(`${root}/${name}.yaml`, nodeManifest(name));
  if (process.getuid?.() === 0) await chmod(base, 0o777);
  const all = { a: 'demo', b: 'demo', c: 'demo' };
  const setMode = async (file: string, mode: number): Promise<void> => {
    const before = process.geteuid?.();
    if (process.getuid?.() === 0) process.seteuid?.(0);
    await chmod(file, mode);
    if (before !== undefined && process.getuid?.() === 0) process.seteuid?.(before);
  };
  asOrdinaryUser(t);
  const followed = await aSource(t, root, { pruneDelayMs: 100, resyncMs: 200 });
  const { source, clusters } = followed;
  t.same(clusters(), all);

  await setMode(`${root}/a.yaml`, 0o000);
  await until(() => source.state().condition === 'Degraded', 'a file without rights');
  t.match(source.state().problems, [
    { file: `${root}/a.yaml`, message: /Cannot read the file: permission denied$/ },
  ]);
  await setMode(root, 0o000);
  await until(() => source.state().condition === 'Unreadable', 'a root without rights');
  const looks = source.state().lastScanMs ?? 0;
  await until(
    () => (source.state().lastScanMs ?? 0) > looks + 400,
    'more looks, longer than the delay of deletions',
  );
  t.match(source.state().message, /^Cannot read ".*": permission denied; its objects stay as they are$/);
  await setMode(root, 0o755);
  await setMode(`${root}/a.yaml`, 0o644);
  await until(() => source.state().condition === 'Ready', 'rights again');
  t.same(clusters(), all);
  t.same(deleted(followed), []);
});

t.test(
  'DirectorySource deletes nothing when another file system is in the place of the directory',
  async (t) => {
    const disk = await anOpenDirectory(t);
    const memory = await anOpenDirectory(t, '/dev/shm');
    t.not((await stat(disk)).dev, (await stat(memory)).dev, 'there are two file systems');
    for (const name of ['a', 'b', 'c', 'd']) await writeFile(`${disk}/${name}.yaml`, nodeManifest(name));
    for (const name of ['a', 'b', 'c']) await writeFile(`${memory}/${name}.yaml`, nodeManifest(name));
    const base = await anOpenDirectory(t);
    const point = async (target: string): Promise<void> => {
      await symlink(target, `${base}/next`);
      await rename(`${base}/next`, `${base}/current`);
    };
    await point(disk);
    const followed = await aSource(t, `${base}/current`, { pruneDelayMs: 100 });
    await point(memory);
    await until(() => followed.source.state().held.length === 1, 'one object is held');
    t.match(followed.source.state().held, [
      { key: { name: 'd' }, why: 'the directory is on another file system than before' },
    ]);
    await point(disk);
    await until(() => followed.source.state().held.length === 0, 'the first one is back');
    t.same(deleted(followed), []);
  },
);

t.test(
  'DirectorySource is not disturbed by what vim, emacs, nano and rsync leave beside a file',
  async (t) => {
    const root = t.testdir({ 'a.yaml': nodeManifest('n', 'c0') });
    const file = `${root}/a.yaml`;
    const followed = await aSource(t, root, { pruneDelayMs: 100 });
    const { clusters, source } = followed;
    const saves: Record<string, (text: string) => Promise<void>> = {
      // a probe file, a swap file, the old one moved to a backup, the new one written, the backup removed
      vim: async (text) => {
        await writeFile(`${root}/4913`, '');
        await unlink(`${root}/4913`);
        await writeFile(`${root}/.a.yaml.swp`, 'b0VIM');
        await rename(file, `${file}~`);
        await writeFile(file, text);
        await unlink(`${file}~`);
        await unlink(`${root}/.a.yaml.swp`);
      },
      // a lock that is a link to nowhere, an autosave, a backup that stays
      emacs: async (text) => {
        await symlink('ann@host.4711:1700000000', `${root}/.#a.yaml`);
        await writeFile(`${root}/#a.yaml#`, 'kind: [');
        await rename(file, `${file}~`);
        await writeFile(file, text);
        // The user goes on typing: both are there when the change is seen.
      },
      nano: async (text) => {
        await writeFile(`${root}/.a.yaml.swp`, 'nano');
        await writeFile(file, text);
        await unlink(`${root}/.a.yaml.swp`);
      },
      // a temporary file beside it, with the times of the source, and a rename
      rsync: async (text) => {
        await writeFile(`${root}/.a.yaml.Xy3k9Q`, text);
        await utimes(`${root}/.a.yaml.Xy3k9Q`, 1_000_000, 1_000_000);
        await rename(`${root}/.a.yaml.Xy3k9Q`, file);
      },
      'rsync --inplace': (text) => writeFile(file, text, { flag: 'r+' }),
    };
    for (const [index, [tool, save]] of Object.entries(saves).entries()) {
      await save(nodeManifest('n', `c${index + 1}`));
      await until(() => isSame(clusters(), { n: `c${index + 1}` }), tool);
      t.match(source.state(), { condition: 'Ready', files: 1, problems: [] }, tool);
    }
    t.same(deleted(followed), []);
  },
);

t.test(
  'takeSnapshot() tells a file that was written just now without a last line end from an older one',
  async (t) => {
    const root = t.testdir({ 'a.yaml': 'kind: Node\nspec: { engine: { address: "tcp://10.0.0.1:23' });
    const writtenMs = 1_700_000_000_000;
    await utimes(`${root}/a.yaml`, writtenMs / 1000, writtenMs / 1000);
    const rows = [
      [0, true],
      [1900, true],
      [2000, false],
      [-5000, false],
    ] as const;
    for (const [ageMs, isUnfinished] of rows) {
      t.match(await takeSnapshot(root, { nowMs: writtenMs + ageMs }), { isUnfinished }, `${ageMs} ms old`);
    }
    await writeFile(`${root}/a.yaml`, nodeManifest('n'));
    await utimes(`${root}/a.yaml`, writtenMs / 1000, writtenMs / 1000);
    t.match(await takeSnapshot(root, { nowMs: writtenMs }), { isUnfinished: false }, 'with a line end');
  },
);

t.test('DirectorySource goes on by looking when the kernel gives no more watches', async (t) => {
  const root = await anOpenDirectory(t);
  await writeFile(`${root}/a.yaml`, nodeManifest('a'));
  const program = path.resolve(
    import.meta.dirname,
    `../../support/watch-limit-program${path.extname(import.meta.filename)}`,
  );
  const limited = 'echo 1 > /proc/sys/user/max_inotify_watches && exec "$@"';
  const node = [process.execPath, ...process.execArgv, program, root];
  const child = spawn('unshare', ['--user', '--map-root-user', 'sh', '-c', limited, 'sh', ...node], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  await until(() => said.includes('nodes a\n'), 'the first look');
  t.match(said, /warn Cannot watch manifests; changes are found by the periodic look/);
  await writeFile(`${root}/b.yaml`, nodeManifest('b'));
  await until(() => said.includes('saw b\n'), 'a change found by looking');
  child.stdin.end();
  await ended;
});

t.test(
  'watchDirectory() says that changes made elsewhere are not told, and rings for the others',
  async (t) => {
    const root = t.testdir({ 'a.yaml': nodeManifest('a') });
    const errors: string[] = [];
    let rings = 0;
    const watch = await watchDirectory({
      directory: root,
      onChange: () => (rings += 1),
      onError: (why) => errors.push(why),
      findSilent: async (directory) => (directory === root ? 'NFS' : undefined),
    });
    t.teardown(() => watch.close());
    t.same(errors, ['it is on NFS, which does not tell of changes made elsewhere']);
    await writeFile(`${root}/b.yaml`, nodeManifest('b'));
    await until(() => rings > 0, 'a change made here');
  },
);

t.test('watchDirectory() stays closed when its directory is removed meanwhile', async (t) => {
  const root = await anOpenDirectory(t);
  const before = await countWatches();
  const watch = await watchDirectory({
    directory: root,
    onChange: () => undefined,
    onError: () => undefined,
  });
  // What is still being done about a removed directory ends in adding it, which opens a closed watcher again.
  t.intercept(FSWatcher.prototype, 'close', {
    configurable: true,
    value: function (this: FSWatcher): Promise<void> {
      const closing = closeWatcher.call(this);
      this.add(root);
      return closing;
    },
  });
  await watch.close();
  await systemClock.sleep(200);
  const after = await countWatches();
  t.ok(after <= before, `${after} watches, ${before} before`);
});

t.test('DirectorySource watches manifests and folders, and nothing else of a large tree', async (t) => {
  const root = t.testdir();
  for (let folder = 0; folder < 10; folder += 1) {
    await mkdir(`${root}/d${folder}`);
    await mkdir(`${root}/d${folder}/node_modules/x`, { recursive: true });
    await mkdir(`${root}/d${folder}/.git/objects`, { recursive: true });
    for (let file = 0; file < 20; file += 1) await writeFile(`${root}/d${folder}/f${file}.txt`, 'x');
    await writeFile(`${root}/d${folder}/n.yaml`, nodeManifest(`n${folder}`));
  }
  const before = await countWatches();
  const { clusters } = await aSource(t, root);
  t.equal(Object.keys(clusters()).length, 10);
  // the parent, the root, ten folders, ten files
  t.equal((await countWatches()) - before, 22);
});

t.test('DirectorySource ends with the last of many quick writes', async (t) => {
  const root = t.testdir({ 'a.yaml': nodeManifest('n', 'c0') });
  const { clusters, store } = await aSource(t, root);
  for (let round = 1; round <= 20; round += 1) {
    await writeFile(`${root}/a.yaml`, nodeManifest('n', `c${round}`));
    await systemClock.sleep(5);
  }
  await until(() => isSame(clusters(), { n: 'c20' }), 'the last one');
  t.equal(store.events().length, 0);
});

t.test('DirectorySource never writes into the directory', async (t) => {
  const root = t.testdir({
    'a.yaml': nodeManifest('a'),
    'b.yaml': 'kind: [',
    sub: { 'c.yaml': nodeManifest('c') },
  });
  const { source } = await aSource(t, root, { pruneDelayMs: 50 });
  await unlink(`${root}/sub/c.yaml`);
  await until(() => source.state().files === 2, 'a look after the change');
  t.same((await readdir(root, { recursive: true })).sort(), ['a.yaml', 'b.yaml', 'sub']);
  t.equal(await readFile(`${root}/a.yaml`, 'utf8'), nodeManifest('a'));
});

async function countWatches(): Promise<number> {
  let count = 0;
  for (const fd of await readdir('/proc/self/fdinfo')) {
    const text = await readFile(`/proc/self/fdinfo/${fd}`, 'utf8').catch(() => '');
    count += text.split('\n').filter((line) => line.startsWith('inotify ')).length;
  }
  return count;
}
