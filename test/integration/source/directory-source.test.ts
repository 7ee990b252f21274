// The source on real directories with real events: editors, git, links that are switched, directories that vanish.
import { execFile } from 'node:child_process';
import { mkdir, open, rename, rm, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import fc from 'fast-check';
import { systemClock } from '../../../controller/base/clock.js';
import { silentLogger } from '../../../controller/base/log.js';
import { loadCrds } from '../../../controller/schema/crd.js';
import { Validator } from '../../../controller/schema/validate.js';
import { DirectorySource } from '../../../controller/source/directory-source.js';
import { readManifests } from '../../../controller/source/read-manifests.js';
import { Store } from '../../../controller/store/store.js';
import { clusterManifest, nodeManifest } from '../../support/manifests.js';

const validator = new Validator(await loadCrds('schemas'));
const run = promisify(execFile);

/** A source that never looks by itself, so that what it finds it found by an event. */
async function aSource(t: Test, directory: string, o: { resyncMs?: number; pruneDelayMs?: number } = {}) {
  const store = await Store.open({
    directory: undefined,
    clock: systemClock,
    randomUuid: () => crypto.randomUUID(),
  });
  const source = new DirectorySource({
    directory,
    store,
    validator,
    clock: systemClock,
    logger: silentLogger,
    random: () => 0.5,
    pruneDelayMs: o.pruneDelayMs ?? 3_600_000,
    resyncMs: o.resyncMs ?? 3_600_000,
  });
  t.teardown(() => source.close());
  await source.start(new AbortController().signal);
  const clusters = (): Record<string, string> =>
    Object.fromEntries(store.list('Node').map((node) => [node.metadata.name, node.spec.cluster]));
  return { store, source, clusters };
}

/** Waits for a condition; the bound only decides how long a failure takes. */
async function until(condition: () => boolean, what: string): Promise<void> {
  for (let waitedMs = 0; !condition(); waitedMs += 20) {
    if (waitedMs > 20_000) throw new Error(`not within 20 s: ${what}`);
    await systemClock.sleep(20);
  }
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

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

t.test('DirectorySource follows git: checkouts of many files, and branches', async (t) => {
  const root = path.join(t.testdir(), 'repo');
  const git = (...all: string[]): Promise<unknown> =>
    run('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-C', root, ...all]);
  await mkdir(root);
  await run('git', ['init', '-q', '-b', 'main', root]);
  const names = Array.from({ length: 60 }, (_, index) => `n${index}`);
  for (const name of names) await writeFile(`${root}/${name}.yaml`, nodeManifest(name, 'one'));
  await git('add', '.');
  await git('commit', '-q', '-m', 'one');
  await git('checkout', '-q', '-b', 'two');
  for (const name of names) {
    await unlink(`${root}/${name}.yaml`);
    await mkdir(`${root}/${name}`);
    await writeFile(`${root}/${name}/node.yaml`, nodeManifest(name, 'two'));
  }
  await git('add', '.');
  await git('commit', '-q', '-m', 'two');

  const { store, clusters } = await aSource(t, root, { pruneDelayMs: 300 });
  const all = (cluster: string) => (): boolean => {
    const found = Object.values(clusters());
    return found.length === 60 && found.every((value) => value === cluster);
  };
  await until(all('two'), 'the branch that is checked out');
  for (const branch of ['main', 'two', 'main']) {
    await git('checkout', '-q', branch);
    await until(all(branch === 'main' ? 'one' : 'two'), branch);
  }
  t.equal(store.list('Node').filter(({ metadata }) => metadata.deletionTimestamp !== undefined).length, 0);
  t.equal(store.events().length, 0, 'nothing was held or pruned on the way');
});

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
    });
    const link = `${base}/current`;
    const point = async (target: string): Promise<void> => {
      await symlink(target, `${base}/next`);
      await rename(`${base}/next`, link);
    };
    await point('one');
    const { clusters } = await aSource(t, link);
    for (const target of ['two', 'one', 'two', 'one']) {
      await point(target);
      await until(() => isSame(clusters(), { n: target }), `switched to ${target}`);
    }
    await systemClock.sleep(600);
    await writeFile(`${base}/one/a.yaml`, nodeManifest('n', 'edited'));
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
      { file: `${root}/broken.yaml`, message: /Cannot read the file: ENOENT/ },
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

t.test(
  'DirectorySource property: after any changes of files it holds what one full read finds',
  async (t) => {
    const file = fc.constantFrom('a.yaml', 'b.yml', 'c.json', 'sub/d.yaml', 'sub/e.yaml');
    const step = fc.oneof(
      fc.record({ type: fc.constant('write' as const), file, value: fc.nat({ max: 99 }) }),
      fc.record({ type: fc.constant('replace' as const), file, value: fc.nat({ max: 99 }) }),
      fc.record({ type: fc.constant('remove' as const), file }),
      fc.record({ type: fc.constant('wait' as const), ms: fc.constantFrom(1, 60, 300) }),
    );
    const root = t.testdir({ sub: {} });
    const { clusters, source } = await aSource(t, root);
    const property = fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.nat(), async (steps, mark) => {
      const name = (target: string): string => target.replace(/\W/g, '-');
      for (const next of steps) {
        if (next.type === 'wait') await systemClock.sleep(next.ms);
        else if (next.type === 'remove') await rm(`${root}/${next.file}`, { force: true });
        else {
          const target = `${root}/${next.file}`;
          const place = next.type === 'replace' ? `${root}/.tmp` : target;
          await writeFile(place, nodeManifest(name(next.file), `c${next.value}`));
          if (next.type === 'replace') await rename(place, target);
        }
      }
      await writeFile(`${root}/mark.yaml`, nodeManifest('mark', `m${mark}`));
      const full = await readManifests({ path: root, recursive: true, validator });
      await until(() => clusters()['mark'] === `m${mark}`, 'the last change');
      await until(() => source.state().objects === full.objects.length, 'the same number');
      const held = clusters();
      return full.objects.every(
        ({ resource }) => resource.kind === 'Node' && held[resource.metadata.name] === resource.spec.cluster,
      );
    });
    await fc.assert(property, { numRuns: 12 });
    t.pass();
  },
);
