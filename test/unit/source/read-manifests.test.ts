// Which files are read, in which order, and what is said of those that cannot be.
import { mkdir, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { loadCrds } from '../../../controller/schema/crd.js';
import { Validator } from '../../../controller/schema/validate.js';
import { formatPosition, formatProblem } from '../../../controller/source/manifest-problem.js';
import { readManifests } from '../../../controller/source/read-manifests.js';
import { KnownFiles } from '../../../controller/source/known-files.js';
import { takeSnapshot, type FileRead } from '../../../controller/source/snapshot.js';
import { clusterManifest, nodeManifest } from '../../support/manifests.js';

const validator = new Validator(await loadCrds('schemas'));

async function read(
  root: string,
  target: string,
  recursive = false,
): Promise<{ objects: string[]; problems: string[] }> {
  const { objects, problems } = await readManifests({ path: path.join(root, target), recursive, validator });
  const short = (text: string): string => text.replaceAll(`${root}/`, '');
  return {
    objects: objects.map(
      ({ resource, position }) => `${resource.metadata.name} ${short(formatPosition(position))}`,
    ),
    problems: problems.map((problem) => short(formatProblem(problem))),
  };
}

t.test('readManifests() reads a file that is named, whatever its name', async (t) => {
  const root = t.testdir({ _draft: nodeManifest('n') });
  t.same(await read(root, '_draft'), { objects: ['n _draft:1:1'], problems: [] });
  await t.rejects(read(root, 'missing'), {
    code: 'MANIFEST_UNREADABLE',
    message: /missing": no such file or directory$/,
  });
});

t.test('readManifests() reads the manifests of a directory in the order of their names', async (t) => {
  const root = t.testdir({
    m: {
      'b.yml': nodeManifest('b'),
      'a.yaml': clusterManifest('a'),
      'c.json': JSON.stringify({
        apiVersion: 'swarmctl.io/v1alpha1',
        kind: 'Cluster',
        metadata: { name: 'c' },
      }),
      'notes.txt': 'x',
      '.hidden.yaml': 'x: [',
      '_draft.yaml': 'x: [',
      '#a.yaml#': 'x: [',
      'a.yaml~': 'x: [',
      'kustomization.yaml': 'resources: []',
      'empty.yaml': '',
      sub: { 'd.yaml': nodeManifest('d') },
      node_modules: { 'e.yaml': nodeManifest('e') },
      '.git': { 'f.yaml': nodeManifest('f') },
    },
  });
  const flat = ['a m/a.yaml:1:1', 'b m/b.yml:1:1', 'c m/c.json:1:1'];
  t.same(await read(root, 'm'), { objects: flat, problems: [] });
  t.same(await read(root, 'm', true), { objects: [...flat, 'd m/sub/d.yaml:1:1'], problems: [] });
});

t.test('readManifests() uses the good files and names the problems of the others', async (t) => {
  const root = t.testdir({
    m: {
      'a.yaml': nodeManifest('a'),
      'b.yaml': 'kind: [',
      'c.yaml': nodeManifest('x'),
      'd.yaml': `${nodeManifest('d')}---\n${nodeManifest('x')}`,
    },
  });
  await writeFile(`${root}/m/e.yaml`, Buffer.from([0x61, 0xff, 0xfe]));
  await writeFile(`${root}/m/f.yaml`, `# ${'x'.repeat(1024 * 1024)}`);
  const found = await read(root, 'm');
  t.same(found.objects, ['a m/a.yaml:1:1']);
  t.match(found.problems, [
    /^m\/b\.yaml:1:\d+: Cannot parse the file/,
    'm/c.yaml:1:1: Cannot use node "x": it is also defined at m/d.yaml:10:1',
    'm/d.yaml:10:1: Cannot use node "x": it is also defined at m/c.yaml:1:1',
    'm/e.yaml:1:1: Cannot read the file: it is not text in UTF-8',
    /^m\/f\.yaml:1:1: Cannot read the file: it must be at most 1048576 bytes, got 1048578; split it$/,
  ]);
});

t.test('readManifests() reads each real file once, and ends in circles of links', async (t) => {
  const root = t.testdir({ m: { 'a.yaml': nodeManifest('a'), sub: {} } });
  await symlink('a.yaml', `${root}/m/b.yaml`);
  await symlink('..', `${root}/m/sub/up`);
  await symlink('.', `${root}/m/self`);
  t.same(await read(root, 'm', true), { objects: ['a m/a.yaml:1:1'], problems: [] });
});

t.test('takeSnapshot() says that a directory is missing, is none, or was replaced', async (t) => {
  const root = t.testdir({ file: 'x', m: { 'a.yaml': nodeManifest('a') } });
  t.match(await takeSnapshot(`${root}/missing`, { nowMs: 0 }), { type: 'missing' });
  t.match(await takeSnapshot(`${root}/file`, { nowMs: 0 }), { type: 'unreadable' });
  const before = await takeSnapshot(`${root}/m`, { nowMs: 0 });
  t.same(await takeSnapshot(`${root}/m`, { nowMs: 0 }), before, 'nothing changed, nothing differs');
  await writeFile(`${root}/m/a.yaml`, nodeManifest('b'));
  const edited = await takeSnapshot(`${root}/m`, { nowMs: 0 });
  t.equal('rootId' in edited && 'rootId' in before && edited.rootId === before.rootId, true);
  t.not('fingerprint' in edited && edited.fingerprint, 'fingerprint' in before && before.fingerprint);
  await mkdir(`${root}/other`);
  const other = await takeSnapshot(`${root}/other`, { nowMs: 0 });
  t.not('rootId' in other && other.rootId, 'rootId' in before && before.rootId);
});

t.test('takeSnapshot() sees every change of a file that it has read before', async (t) => {
  const root = t.testdir({ 'a.yaml': nodeManifest('a'), 'b.yaml': nodeManifest('b') });
  await symlink('b.yaml', `${root}/c.yaml`);
  for (const name of ['a', 'b']) await utimes(`${root}/${name}.yaml`, 1, 1);
  const known = new KnownFiles<FileRead>();
  // Files of this moment are not remembered, so the clock is ahead.
  const nowMs = (await stat(`${root}/a.yaml`)).ctimeMs + 60_000;
  const textsOf = async (o: { readonly known?: KnownFiles<FileRead> }): Promise<unknown> => {
    const snapshot = await takeSnapshot(root, { nowMs, ...o });
    return 'files' in snapshot ? snapshot.files : snapshot;
  };
  const changes: readonly (readonly [string, () => Promise<void>])[] = [
    ['nothing', () => Promise.resolve()],
    ['other text of the same length and time', () => rewrite(`${root}/a.yaml`, nodeManifest('x'))],
    ['another file in its place', () => rename(`${root}/b.yaml`, `${root}/a.yaml`)],
    ['a link that leads nowhere now', () => rm(`${root}/c.yaml`)],
    ['no file', () => rm(`${root}/a.yaml`)],
    [
      'a directory',
      async () => {
        await mkdir(`${root}/a.yaml`);
      },
    ],
    ['a new file', () => writeFile(`${root}/d.yaml`, nodeManifest('d'))],
  ];
  for (const [what, change] of changes) {
    await change();
    for (const round of [1, 2]) t.same(await textsOf({ known }), await textsOf({}), `${what}, look ${round}`);
  }
});

/** Changes the text and nothing else that a user can set. */
async function rewrite(file: string, text: string): Promise<void> {
  const before = await stat(file, { bigint: true });
  await writeFile(file, text);
  // Whole seconds: other times cannot be set back exactly.
  await utimes(file, 1, 1);
  const { size, mtimeNs } = await stat(file, { bigint: true });
  if (size !== before.size || mtimeNs !== before.mtimeNs) throw new Error('size and time must stay');
}
