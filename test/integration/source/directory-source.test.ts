// The source on real directories with real events: editors, links that are switched, directories that vanish.
import { execFile } from 'node:child_process';
import { mkdir, open, rename, rm, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { systemClock } from '../../../controller/base/clock.js';
import { clusterManifest, nodeManifest } from '../../support/manifests.js';
import { until } from '../../support/until.js';
import { aSource, isSame } from '../../support/watched-directories.js';

const run = promisify(execFile);
// The waits inside end by themselves; this is for a machine that is busy with other things.
t.setTimeout(120_000);

t.test(
  'DirectorySource sees how editors save: in place, by rename, with a backup, truncated first',
  async (t) => {
    const root = t.testdir({ 'a.yaml': nodeManifest('n', 'c0'), '.hidden.yaml': 'x: [', 'notes.txt': 'x' });
    const file = path.join(root, 'a.yaml');
    const { store, clusters, source } = await aSource(t, root);
    t.same(clusters(), { n: 'c0' });

    await writeFile(file, nodeManifest('n', 'c1'));
    await until(() => isSame(clusters(), { n: 'c1' }), 'a write in place');

    await writeFile(`${root}/.a.yaml.swp`, nodeManifest('n', 'c2'));
    await rename(`${root}/.a.yaml.swp`, file);
    await until(() => isSame(clusters(), { n: 'c2' }), 'a rename over the file');

    await rename(file, `${file}~`);
    await writeFile(file, nodeManifest('n', 'c3'));
    await unlink(`${file}~`);
    await until(() => isSame(clusters(), { n: 'c3' }), 'a backup by rename');

    const handle = await open(file, 'w');
    const text = nodeManifest('n', 'c4');
    await handle.write(text.slice(0, 40));
    await until(() => source.state().condition === 'Degraded', 'half a file is no manifest');
    t.same(clusters(), { n: 'c3' }, 'and changes nothing');
    await handle.write(text.slice(40));
    await handle.close();
    await until(() => isSame(clusters(), { n: 'c4' }), 'the other half');

    await unlink(file);
    await until(() => source.state().condition === 'Empty', 'the file is gone');
    await writeFile(file, nodeManifest('n', 'c5'));
    await until(() => isSame(clusters(), { n: 'c5' }), 'and back');
    t.equal(store.getNode('n')?.metadata.deletionTimestamp, undefined);
  },
);

t.test('DirectorySource sees new folders and files in them', async (t) => {
  const root = t.testdir();
  const { clusters } = await aSource(t, root);
  await mkdir(`${root}/deep/er`, { recursive: true });
  await writeFile(`${root}/deep/er/a.yml`, nodeManifest('n', 'a'));
  await mkdir(`${root}/.git/x`, { recursive: true });
  await writeFile(`${root}/.git/x/b.yaml`, nodeManifest('b'));
  await until(() => isSame(clusters(), { n: 'a' }), 'a file in a new folder');
  await writeFile(`${root}/deep/er/a.yml`, nodeManifest('n', 'b'));
  await until(() => isSame(clusters(), { n: 'b' }), 'an edit in it');
});

t.test(
  'DirectorySource finds changed content by its periodic look when time and size did not change',
  async (t) => {
    const root = t.testdir({ 'a.yaml': nodeManifest('n', 'aaa') });
    const file = `${root}/a.yaml`;
    await utimes(file, 1, 1);
    const { clusters } = await aSource(t, root, { resyncMs: 200 });
    await writeFile(file, nodeManifest('n', 'bbb'));
    await utimes(file, 1, 1);
    await until(() => isSame(clusters(), { n: 'bbb' }), 'other bytes');
  },
);

t.test('DirectorySource waits while git holds its lock', async (t) => {
  const root = t.testdir({ '.git': { HEAD: 'ref: refs/heads/main\n', 'index.lock': '' } });
  await unlink(`${root}/.git/index.lock`);
  const { clusters, source } = await aSource(t, root);
  await writeFile(`${root}/.git/index.lock`, '');
  await writeFile(`${root}/a.yaml`, nodeManifest('n', 'a'));
  await systemClock.sleep(700);
  t.same(clusters(), {}, 'not while git is at work');
  await unlink(`${root}/.git/index.lock`);
  await until(() => isSame(clusters(), { n: 'a' }), 'after it');
  t.equal(source.state().condition, 'Ready');
});

t.test(
  'DirectorySource follows a link that is switched, as git-sync does, and edits behind it',
  async (t) => {
    const base = t.testdir({
      one: { 'a.yaml': nodeManifest('n', 'one') },
      two: { 'a.yaml': nodeManifest('n', 'two') },
      three: { 'a.yaml': nodeManifest('n', 'three') },
    });
    const link = `${base}/current`;
    const point = async (target: string): Promise<void> => {
      await symlink(target, `${base}/next`);
      await rename(`${base}/next`, link);
    };
    await point('one');
    const { clusters } = await aSource(t, link);
    for (const target of ['two', 'one', 'two', 'three']) {
      await point(target);
      await until(() => isSame(clusters(), { n: target }), `switched to ${target}`);
    }
    await systemClock.sleep(600);
    // It was not there when the watch began.
    await writeFile(`${base}/three/a.yaml`, nodeManifest('n', 'edited'));
    await until(() => isSame(clusters(), { n: 'edited' }), 'an edit behind the link');
  },
);

t.test('DirectorySource reads a mounted ConfigMap once and follows its ..data link', async (t) => {
  const root = t.testdir({
    '..1': { 'a.yaml': nodeManifest('n', 'one') },
    '..2': { 'a.yaml': nodeManifest('n', 'two') },
  });
  await symlink('..1', `${root}/..data`);
  await symlink('..data/a.yaml', `${root}/a.yaml`);
  const { clusters, source } = await aSource(t, root);
  t.match(source.state(), { condition: 'Ready', files: 1, objects: 1 });
  await symlink('..2', `${root}/..data_tmp`);
  await rename(`${root}/..data_tmp`, `${root}/..data`);
  await rm(`${root}/..1`, { recursive: true });
  await until(() => isSame(clusters(), { n: 'two' }), 'the switched link');
});

t.test(
  'DirectorySource survives that its directory is missing, appears, is removed and made again',
  async (t) => {
    const root = path.join(t.testdir(), 'manifests');
    const { store, clusters, source } = await aSource(t, root, { pruneDelayMs: 100 });
    t.equal(source.state().condition, 'Missing');
    for (const cluster of ['one', 'two', 'three']) {
      await mkdir(root);
      await writeFile(`${root}/a.yaml`, nodeManifest('n', cluster));
      await until(() => clusters()['n'] === cluster, `made with ${cluster}`);
      await systemClock.sleep(600);
      await writeFile(`${root}/a.yaml`, nodeManifest('n', `${cluster}-edited`));
      await until(() => clusters()['n'] === `${cluster}-edited`, 'an edit in the new directory');
      await rm(root, { recursive: true });
      await until(() => source.state().condition === 'Missing', 'gone');
    }
    t.equal(store.list('Node').filter(({ metadata }) => metadata.deletionTimestamp !== undefined).length, 0);
  },
);

t.test(
  'DirectorySource is not led astray by links in circles, pipes, folders with file names and broken links',
  async (t) => {
    const root = t.testdir({
      'a.yaml': nodeManifest('n', 'a'),
      'folder.yaml': { 'b.yaml': nodeManifest('m', 'a') },
    });
    await symlink('.', `${root}/self`);
    await symlink('a.yaml', `${root}/same.yaml`);
    const { clusters, source } = await aSource(t, root);
    t.same(clusters(), { m: 'a', n: 'a' });
    t.match(source.state(), { condition: 'Ready', files: 2 });
    await run('mkfifo', [`${root}/pipe.yaml`]);
    await symlink('nowhere', `${root}/broken.yaml`);
    await until(() => source.state().problems.length === 2, 'both are reported');
    t.match(source.state().problems, [
      { file: `${root}/broken.yaml`, message: /Cannot read the file: no such file or directory$/ },
      { file: `${root}/pipe.yaml`, message: /Cannot read the file: it is not a regular file/ },
    ]);
  },
);

t.test('DirectorySource prunes for real, one node of several', async (t) => {
  const root = t.testdir({
    'c.yaml': clusterManifest('demo'),
    'a.yaml': nodeManifest('a'),
    'b.yaml': nodeManifest('b'),
  });
  const { store, source } = await aSource(t, root, { pruneDelayMs: 300 });
  await unlink(`${root}/a.yaml`);
  await unlink(`${root}/c.yaml`);
  await until(() => store.getNode('a')?.metadata.deletionTimestamp !== undefined, 'the node is deleted');
  await until(() => source.state().held.length === 1, 'the cluster is held');
  t.equal(store.getNode('b')?.metadata.deletionTimestamp, undefined);
});
