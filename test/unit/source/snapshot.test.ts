// A look during which the directory changes is no look, and git's own files say whether it does.
import { mkdirSync, mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { findGitActivity } from '../../../controller/source/git-activity.js';
import { KnownFiles } from '../../../controller/source/known-files.js';
import { readFileWhole } from '../../../controller/source/read-file-whole.js';
import { takeSnapshot, type FileRead } from '../../../controller/source/snapshot.js';
import { nodeManifest } from '../../support/manifests.js';

/** Does something when the first file is about to be read: after the start of a look, before its end. */
class Meddler extends KnownFiles<FileRead> {
  readonly #meddle: () => void;
  #isDone = false;

  constructor(meddle: () => void) {
    super();
    this.#meddle = meddle;
  }

  override get(...o: Parameters<KnownFiles<FileRead>['get']>): FileRead | undefined {
    if (!this.#isDone) this.#meddle();
    this.#isDone = true;
    return super.get(...o);
  }
}

/** A work tree with the manifests in `m`, and one of its linked work trees. */
function aWorkTree(t: Test): { readonly base: string; readonly main: string; readonly linked: string } {
  // Not below the repository that the tests are in.
  const base = mkdtempSync('/tmp/swtest-snapshot-');
  t.teardown(() => rmSync(base, { recursive: true, force: true }));
  const main = `${base}/repo/m`;
  const linked = `${base}/linked`;
  const git = `${base}/repo/.git`;
  for (const directory of [main, linked, `${git}/refs/heads`, `${git}/worktrees/linked`])
    mkdirSync(directory, { recursive: true });
  writeFileSync(`${git}/HEAD`, 'ref: refs/heads/main\n');
  writeFileSync(`${git}/refs/heads/main`, '1111\n');
  writeFileSync(`${git}/refs/heads/topic`, '1111\n');
  writeFileSync(`${git}/worktrees/linked/HEAD`, 'ref: refs/heads/topic\n');
  writeFileSync(`${git}/worktrees/linked/commondir`, '../..\n');
  writeFileSync(`${linked}/.git`, `gitdir: ${git}/worktrees/linked\n`);
  for (const directory of [main, linked]) {
    writeFileSync(`${directory}/a.yaml`, nodeManifest('a'));
    writeFileSync(`${directory}/b.yaml`, nodeManifest('b'));
  }
  return { base, main, linked };
}

t.test('takeSnapshot() does not believe a look during which something changed', async (t) => {
  const { base, main, linked } = aWorkTree(t);
  const git = `${base}/repo/.git`;
  const replace = (): void => {
    renameSync(main, `${base}/before`);
    mkdirSync(main);
    for (const name of ['a', 'b']) renameSync(`${base}/before/${name}.yaml`, `${main}/${name}.yaml`);
  };
  const rows: readonly (readonly [string, string, () => void, 'files' | 'moving'])[] = [
    ['nothing', main, () => undefined, 'files'],
    [
      'another branch in another work tree',
      linked,
      () => writeFileSync(`${git}/HEAD`, 'ref: refs/heads/topic\n'),
      'files',
    ],
    [
      'another branch is checked out',
      main,
      () => writeFileSync(`${git}/HEAD`, 'ref: refs/heads/main\n'),
      'moving',
    ],
    [
      'the branch has another commit',
      main,
      () => writeFileSync(`${git}/refs/heads/main`, '2222\n'),
      'moving',
    ],
    [
      'a branch that is not checked out',
      main,
      () => writeFileSync(`${git}/refs/heads/topic`, '2222\n'),
      'files',
    ],
    [
      'the branch of a linked work tree',
      linked,
      () => writeFileSync(`${git}/refs/heads/topic`, '3333\n'),
      'moving',
    ],
    ['a commit without a branch', main, () => writeFileSync(`${git}/HEAD`, '4444\n'), 'moving'],
    ['another directory with the same files', main, replace, 'moving'],
    ['a file that was listed is gone', main, () => unlinkSync(`${main}/b.yaml`), 'moving'],
  ];
  for (const [what, root, meddle, type] of rows) {
    const snapshot = await takeSnapshot(root, { nowMs: 0, known: new Meddler(meddle) });
    t.equal(snapshot.type, type, what);
  }
});

t.test('takeSnapshot() tells looks apart between which only git moved', async (t) => {
  const { base, main } = aWorkTree(t);
  const print = async (): Promise<string> => {
    const snapshot = await takeSnapshot(main, { nowMs: 0 });
    return snapshot.type === 'moving' ? 'moving' : snapshot.fingerprint;
  };
  const before = await print();
  t.equal(await print(), before);
  writeFileSync(`${base}/repo/.git/refs/heads/main`, '2222\n');
  t.not(await print(), before);
});

t.test('readFileWhole() does not believe a file that changed while it was read', async (t) => {
  // Of these the kernel says that they are empty, and then gives what they say at the moment.
  t.same(await readFileWhole('/proc/self/status'), { type: 'moving' }, 'more bytes than its size');

  const file = path.join(t.testdir(), 'a.yaml');
  await writeFile(file, nodeManifest('a'));
  t.match(await readFileWhole(file), { type: 'text', text: nodeManifest('a') });
  let isOver = false;
  const touching = (async () => {
    for (let second = 1; !isOver; second += 1) await utimes(file, second, second);
  })();
  let isNoticed = false;
  for (let attempt = 0; attempt < 10_000 && !isNoticed; attempt += 1)
    isNoticed = (await readFileWhole(file)).type === 'moving';
  isOver = true;
  await touching;
  t.ok(isNoticed, 'the same size at another time');
});

t.test('findGitActivity() knows the marker of everything that git does to a work tree', async (t) => {
  const { base, main, linked } = aWorkTree(t);
  const git = `${base}/repo/.git`;
  t.equal(await findGitActivity(main), undefined);
  t.equal(await findGitActivity(linked), undefined);
  t.equal(await findGitActivity(base), undefined, 'no work tree');
  const markers = [
    'index.lock',
    'HEAD.lock',
    'MERGE_HEAD',
    'CHERRY_PICK_HEAD',
    'rebase-merge',
    'rebase-apply',
  ];
  for (const marker of markers) {
    for (const [root, directory] of [
      [main, git],
      [linked, `${git}/worktrees/linked`],
    ] as const) {
      if (marker.startsWith('rebase')) mkdirSync(`${directory}/${marker}`);
      else writeFileSync(`${directory}/${marker}`, '');
      t.equal(await findGitActivity(root), `${directory}/${marker}`);
      t.equal(
        await findGitActivity(root === main ? linked : main),
        undefined,
        `${marker} of another work tree`,
      );
      rmSync(`${directory}/${marker}`, { recursive: true });
    }
  }
});
