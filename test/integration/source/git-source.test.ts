// The git source on real repositories: what comes into force, what does not, and what a restart or a lost remote changes.
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../../../controller/base/clock.js';
import { silentLogger } from '../../../controller/base/log.js';
import { DirectorySource } from '../../../controller/source/directory-source.js';
import { GitRepository } from '../../../controller/source/git-repository.js';
import { GitSource } from '../../../controller/source/git-source.js';
import { createGitRunner } from '../../../controller/source/run-git.js';
import { Store } from '../../../controller/store/store.js';
import { aGitRemote, aSigningKey, type GitRemote } from '../../support/git-remote.js';
import { clusterManifest, nodeManifest } from '../../support/manifests.js';
import { until } from '../../support/until.js';
import { isSame, validator } from '../../support/watched-directories.js';

// The waits inside end by themselves; this is for a machine that is busy with other things.
t.setTimeout(120_000);

const never = 3_600_000;

interface SourceOptions {
  readonly store?: Store;
  readonly path?: string;
  readonly allowedSigners?: string;
  readonly pruneDelayMs?: number;
}

/** A source that fetches only when it is rung. */
async function follow(t: Test, remote: Pick<GitRemote, 'url'>, state: string, o: SourceOptions = {}) {
  const store =
    o.store ??
    (await Store.open({ directory: undefined, clock: systemClock, randomUuid: () => crypto.randomUUID() }));
  const where = { url: remote.url, branch: 'main', path: o.path ?? '.' };
  const parts = { store, validator, clock: systemClock, logger: silentLogger, random: () => 0.5 };
  const source = new GitSource({
    ...where,
    ...parts,
    repository: new GitRepository({
      ...where,
      directory: path.join(state, 'git'),
      git: createGitRunner(process.env, systemClock),
      allowedSigners: o.allowedSigners,
    }),
    intervalMs: never,
    requireSigned: o.allowedSigners !== undefined,
    follow: (directory, shownAs) =>
      new DirectorySource({
        ...parts,
        ...{ directory, shownAs, resyncMs: never, pruneDelayMs: o.pruneDelayMs ?? 0 },
      }),
  });
  t.teardown(() => source.close());
  await source.start();
  const nodes = (): readonly string[] =>
    store
      .list('Node')
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata }) => metadata.name);
  return { source, store, nodes };
}

const fleet = { 'fleet/cluster.yaml': clusterManifest('demo'), 'fleet/n1.yaml': nodeManifest('n1') };

t.test('GitSource follows pushes, and shows where in the repository an object is from', async (t) => {
  const directory = t.testdir();
  const remote = await aGitRemote(directory);
  const first = await remote.push('Add n1', {
    ...fleet,
    'README.md': 'x',
    'other/n9.yaml': nodeManifest('n9'),
  });
  const { source, store, nodes } = await follow(t, remote, directory, { path: 'fleet' });
  t.same(nodes(), ['n1'], 'only what is below the path');
  t.match(source.state(), {
    inForce: { id: first, author: 'Ann Lee <ann@example.org>', subject: 'Add n1', time: /^\d{4}-\d\d-\d\dT/ },
    refused: undefined,
    error: undefined,
  });
  const second = await remote.push('Add n2', { 'fleet/n2.yaml': nodeManifest('n2') });
  source.ring();
  await until(() => isSame(nodes(), ['n1', 'n2']), 'the second commit');
  t.equal(source.state().inForce?.id, second);
  t.same(store.originOf({ kind: 'Node', name: 'n2' }), { type: 'directory', position: 'fleet/n2.yaml:1:1' });
  const events = store
    .events({ kind: 'Cluster', name: 'demo' })
    .map(({ reason, message }) => `${reason}: ${message}`);
  t.ok(
    events.some(
      (event) =>
        event ===
        `CommitInForce: Commit ${second.slice(0, 12)} "Add n2" of Ann Lee <ann@example.org> is in force`,
    ),
    events.join('\n'),
  );
});

t.test('GitSource keeps the last good commit in force when a file of the next one is bad', async (t) => {
  const directory = t.testdir();
  const remote = await aGitRemote(directory);
  const good = await remote.push('Add n1', fleet);
  const { source, store, nodes } = await follow(t, remote, directory);
  const bad = await remote.push('Break n2', {
    'fleet/n2.yaml': nodeManifest('n2').replace('cluster: demo', 'clutser: demo'),
    'fleet/n3.yaml': nodeManifest('n3'),
  });
  source.ring();
  await until(() => source.state().refused !== undefined, 'the bad commit');
  t.same(nodes(), ['n1'], 'nothing of it is used, not even what is right');
  t.equal(source.state().inForce?.id, good);
  t.match(source.state().refused, {
    commit: { id: bad },
    why: /^fleet\/n2\.yaml:\d+:\d+: Cannot use node "n2": /,
  });
  const told = store
    .events({ kind: 'Cluster', name: 'demo' })
    .find(({ reason }) => reason === 'CommitRefused');
  t.match(told?.message, new RegExp(`${bad.slice(0, 12)} "Break n2" .* stays in force$`));

  await remote.git('revert', '--no-edit', 'HEAD');
  const reverted = await remote.push('Nothing more');
  source.ring();
  await until(() => source.state().inForce?.id === reverted, 'the revert');
  t.equal(source.state().refused, undefined);
});

t.test('GitSource follows a branch whose history was written anew', async (t) => {
  const directory = t.testdir();
  const remote = await aGitRemote(directory);
  await remote.push('Add n1', fleet);
  await remote.push('Add n2', { 'fleet/n2.yaml': nodeManifest('n2') });
  const { source, nodes } = await follow(t, remote, directory);
  t.same(nodes(), ['n1', 'n2']);
  await remote.git('reset', '--quiet', '--hard', 'HEAD~1');
  const other = await remote.push('Add n3 instead', { 'fleet/n3.yaml': nodeManifest('n3') });
  source.ring();
  await until(() => isSame(nodes(), ['n1', 'n3']), 'the new history');
  t.equal(source.state().inForce?.id, other);
});

t.test('GitSource holds back what would delete most of the fleet, though the commit is valid', async (t) => {
  const directory = t.testdir();
  const remote = await aGitRemote(directory);
  const names = ['n1', 'n2', 'n3', 'n4', 'n5'];
  await remote.push('Add five', {
    'cluster.yaml': clusterManifest('demo'),
    ...Object.fromEntries(names.map((name) => [`${name}.yaml`, nodeManifest(name)])),
  });
  const { source, nodes } = await follow(t, remote, directory);
  const gone = Object.fromEntries(names.slice(1).map((name) => [`${name}.yaml`, undefined]));
  await remote.push('Remove four', gone);
  source.ring();
  await until(() => source.directory?.state().held.length === 4, 'four are held back');
  t.same(nodes(), names);
  t.match(source.directory?.state().held[0]?.why, /4 of 5 nodes would be deleted at once/);
});

t.test(
  'GitSource goes on with the commit in force when the remote is away, also after a restart',
  async (t) => {
    const directory = t.testdir();
    const remote = await aGitRemote(directory);
    const commit = await remote.push('Add n1', fleet);
    const { source: before, store } = await follow(t, remote, directory);
    await before.close();
    await rename(remote.bare, `${remote.bare}.away`);
    const { source, nodes } = await follow(t, remote, directory, { store });
    t.same(nodes(), ['n1']);
    t.equal(source.state().inForce?.id, commit);
    t.match(
      source.state().error,
      /^Cannot fetch "main" of "file:\/\/.*": .*does not appear to be a git repository/,
    );
    await rename(`${remote.bare}.away`, remote.bare);
    source.ring();
    await until(() => source.state().error === undefined, 'the remote is back');
  },
);

t.test('GitSource never trusts a checkout that an earlier process left', async (t) => {
  const directory = t.testdir();
  const remote = await aGitRemote(directory);
  const commit = await remote.push('Add n1', fleet);
  const { source: before, store } = await follow(t, remote, directory);
  await before.close();
  const checkout = path.join(directory, 'git/checkouts', commit);
  await writeFile(path.join(checkout, 'fleet/n1.yaml'), '');
  await writeFile(path.join(directory, 'git/repository/shallow.lock'), '');
  const { nodes, source } = await follow(t, remote, directory, { store });
  t.same(nodes(), ['n1']);
  t.equal(source.state().error, undefined, 'a lock of a killed git holds nothing up');
  t.match(await readFile(path.join(checkout, 'fleet/n1.yaml'), 'utf8'), /name: n1/);
});

t.test('GitSource makes its copy anew when it is damaged', async (t) => {
  const directory = t.testdir();
  const remote = await aGitRemote(directory);
  await remote.push('Add n1', fleet);
  const { source: before, store } = await follow(t, remote, directory);
  await before.close();
  await rm(path.join(directory, 'git/repository/objects'), { recursive: true });
  await mkdir(path.join(directory, 'git/repository/objects'));
  const next = await remote.push('Add n2', { 'fleet/n2.yaml': nodeManifest('n2') });
  const { source, nodes } = await follow(t, remote, directory, { store });
  await until(() => isSame(nodes(), ['n1', 'n2']), 'the fetch into a new copy');
  t.equal(source.state().inForce?.id, next);
});

t.test('GitSource refuses commits without a good signature when it must', async (t) => {
  const directory = t.testdir();
  const remote = await aGitRemote(directory);
  const { key, allowedSigners } = await aSigningKey(directory);
  const file = path.join(directory, 'signers');
  await writeFile(file, allowedSigners);
  await remote.push('Add n1', fleet);
  const { source, nodes } = await follow(t, remote, directory, { allowedSigners: file });
  t.same(nodes(), []);
  t.match(source.state().refused?.why, /it is not signed/);
  for (const [name, value] of [
    ['gpg.format', 'ssh'],
    ['user.signingkey', key],
    ['commit.gpgsign', 'true'],
  ] as const) {
    await remote.git('config', name, value);
  }
  const signed = await remote.push('Sign it');
  source.ring();
  await until(() => isSame(nodes(), ['n1']), 'the signed commit');
  t.equal(source.state().inForce?.id, signed);

  await writeFile(file, '');
  await remote.push('Signed by somebody else');
  source.ring();
  await until(() => source.state().refused !== undefined, 'a key that may not sign');
  t.match(source.state().refused?.why, /its signature is not good/);
  t.equal(source.state().inForce?.id, signed);
});

t.test('GitSource asks for the signature of the commit in force, too, once it must', async (t) => {
  const directory = t.testdir({ signers: '' });
  const remote = await aGitRemote(directory);
  await remote.push('Add n1', fleet);
  const { source: before, store } = await follow(t, remote, directory);
  await before.close();
  const allowedSigners = path.join(directory, 'signers');
  const { source, nodes } = await follow(t, remote, directory, { store, allowedSigners });
  t.equal(source.state().inForce, undefined);
  t.match(source.state().refused?.why, /it is not signed/);
  t.same(nodes(), ['n1'], 'what it made before stays');
});

t.test(
  'GitSource refuses links that leave the manifests, submodules, and a commit without the path',
  async (t) => {
    const directory = t.testdir();
    const remote = await aGitRemote(directory);
    const good = await remote.push('Add n1', fleet);
    const { source } = await follow(t, remote, directory, { path: 'fleet' });
    const refusal = async (push: () => Promise<unknown>, why: RegExp): Promise<void> => {
      await push();
      source.ring();
      await until(() => why.test(source.state().refused?.why ?? ''), String(why));
      t.equal(source.state().inForce?.id, good, String(why));
    };
    await refusal(async () => {
      await symlink('/etc/hostname', path.join(remote.workTree, 'fleet/secret.yaml'));
      await remote.push('Link out');
    }, /^fleet\/secret\.yaml:1:1: .*it is a link that leads out of the manifests/);
    await refusal(async () => {
      await rm(path.join(remote.workTree, 'fleet/secret.yaml'));
      await symlink('n1.yaml', path.join(remote.workTree, 'fleet/same.yaml'));
      const head = await remote.git('rev-parse', 'HEAD');
      await remote.git('update-index', '--add', '--cacheinfo', `160000,${head},fleet/sub`);
      await remote.git('add', 'fleet/same.yaml', 'fleet/secret.yaml');
      await remote.git('commit', '--quiet', '-m', 'A submodule');
      await remote.git('push', '--quiet', '--force', remote.bare, 'HEAD:refs/heads/main');
    }, /^fleet\/sub:1:1: .*submodule/);
    await refusal(async () => {
      await remote.git('rm', '-r', '--quiet', '--cached', 'fleet');
      await remote.git('commit', '--quiet', '-m', 'Without the path');
      await remote.git('push', '--quiet', '--force', remote.bare, 'HEAD:refs/heads/main');
    }, /it has no directory "fleet", which --path names; it has none at its top\. Nothing is deleted/);
  },
);

t.test('GitSource says so when the branch or the remote is not there', async (t) => {
  const directory = t.testdir();
  const remote = await aGitRemote(directory, 'trunk');
  await remote.push('Add n1', fleet);
  const { source, nodes } = await follow(t, remote, directory);
  t.match(source.state(), { inForce: undefined, error: /couldn't find remote ref refs\/heads\/main/ });
  t.same(nodes(), []);
});
