// The source while many files change at once: git checkouts, and any sequence of writes, renames and removals.
import { execFile } from 'node:child_process';
import { mkdir, rename, rm, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import fc from 'fast-check';
import { systemClock } from '../../../controller/base/clock.js';
import { readManifests } from '../../../controller/source/read-manifests.js';
import { nodeManifest } from '../../support/manifests.js';
import { until } from '../../support/until.js';
import { aSource, validator } from '../../support/watched-directories.js';

const run = promisify(execFile);
// The waits inside end by themselves; this is for a machine that is busy with other things.
t.setTimeout(120_000);

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

t.test('DirectorySource follows a rebase with its conflict, and deletes nothing on the way', async (t) => {
  const root = path.join(t.testdir(), 'repo');
  const git = (...all: string[]): Promise<unknown> =>
    run('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-C', root, ...all]);
  const commit = async (subject: string, files: Record<string, string>): Promise<void> => {
    for (const [name, text] of Object.entries(files)) await writeFile(`${root}/${name}`, text);
    await git('add', '.');
    await git('commit', '-q', '-m', subject);
  };
  await mkdir(root);
  await run('git', ['init', '-q', '-b', 'main', root]);
  const names = ['n0', 'n1', 'n2', 'n3', 'n4', 'n5'];
  await commit('base', Object.fromEntries(names.map((name) => [`${name}.yaml`, nodeManifest(name, 'one')])));
  await git('checkout', '-q', '-b', 'topic');
  await commit('topic of n0', { 'n0.yaml': nodeManifest('n0', 'topic') });
  await commit('topic of n1', { 'n1.yaml': nodeManifest('n1', 'topic') });
  await git('checkout', '-q', 'main');
  await commit('main of n0', { 'n0.yaml': nodeManifest('n0', 'main') });
  await git('checkout', '-q', 'topic');

  const { store, clusters, source } = await aSource(t, root, { pruneDelayMs: 100 });
  await until(() => clusters()['n1'] === 'topic', 'the topic branch');
  await t.rejects(git('rebase', 'main'), /CONFLICT|could not apply/i);
  await writeFile(`${root}/n0.yaml`, nodeManifest('n0', 'both'));
  await git('add', '.');
  await git('-c', 'core.editor=true', 'rebase', '--continue');
  const done = { n0: 'both', n1: 'topic', n2: 'one', n3: 'one', n4: 'one', n5: 'one' };
  await until(() => JSON.stringify(clusters()) === JSON.stringify(done), 'the end of the rebase');
  await until(() => source.state().condition === 'Ready', 'every file is good');
  t.equal(store.list('Node').filter(({ metadata }) => metadata.deletionTimestamp !== undefined).length, 0);
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
      // The store takes objects one after the other: that of the last change may be there before others.
      const isHeld = (): boolean => {
        const held = clusters();
        return full.objects.every(
          ({ resource }) =>
            resource.kind === 'Node' && held[resource.metadata.name] === resource.spec.cluster,
        );
      };
      await until(isHeld, 'every object as it is in the files');
    });
    await fc.assert(property, { numRuns: 8 });
    t.pass();
  },
);
