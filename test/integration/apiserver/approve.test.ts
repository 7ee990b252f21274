// swarmctl approve on a directory that lost most of its manifests: what waits is shown, and goes when it is approved.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { annotations } from '../../../controller/api/labels.js';
import { systemClock } from '../../../controller/base/clock.js';
import { startApi, shortDirectory } from '../../support/api-server.js';
import { clusterManifest, nodeManifest } from '../../support/manifests.js';
import { runSwarmctl } from '../../support/run-swarmctl.js';
import { until } from '../../support/until.js';
import { aSource } from '../../support/watched-directories.js';

t.setTimeout(60_000);

const files = {
  'cluster.yaml': clusterManifest('demo'),
  ...Object.fromEntries(['n1', 'n2', 'n3', 'n4'].map((name) => [`${name}.yaml`, nodeManifest(name)])),
};

async function aFleet(t: Test, o: { readonly mayPrune?: boolean } = {}) {
  const stateDirectory = await shortDirectory(t);
  const api = await startApi(stateDirectory, { clock: systemClock });
  t.teardown(() => api.close());
  const manifests = t.testdir(files);
  const { source } = await aSource(t, manifests, { ...o, pruneDelayMs: 0, store: api.store });
  const remove = async (...names: readonly string[]): Promise<void> => {
    // In one step, as git does it: the source waits while this file is there.
    const lock = path.join(manifests, '.git/index.lock');
    await mkdir(path.dirname(lock), { recursive: true });
    await writeFile(lock, '');
    for (const name of names) await rm(path.join(manifests, name));
    await rm(lock);
    await until(() => source.state().held.length === names.length, `${names.length} are held back`);
  };
  const run = (...args: string[]) => runSwarmctl(args, { stateDirectory, clock: systemClock });
  const deleted = (): readonly string[] =>
    [...api.store.list('Cluster'), ...api.store.list('Node')]
      .filter(({ metadata }) => metadata.deletionTimestamp !== undefined)
      .map(({ metadata }) => metadata.name);
  return { run, remove, deleted, manifests, store: api.store };
}

t.test('approve shows what waits and why, and lets go what is named', async (t) => {
  const { run, remove, deleted, manifests } = await aFleet(t);
  t.match(await run('approve'), { code: 0, stdout: '', stderr: 'No deletion waits\n' });
  await remove('n1.yaml', 'n2.yaml', 'cluster.yaml');
  const shown = await run('approve');
  t.equal(
    shown.stdout.replaceAll(`${manifests}/`, '').replace(/ {3,}/g, '   '),
    [
      'OBJECT   MANIFEST WAS   KEPT BECAUSE',
      'cluster/demo   cluster.yaml:1:1   a cluster is never deleted without approval',
      'node/n1   n1.yaml:1:1   2 of 4 nodes would be deleted at once',
      'node/n2   n2.yaml:1:1   2 of 4 nodes would be deleted at once',
      '',
    ].join('\n'),
  );
  t.match(shown.stderr, /swarmctl approve --all, or name them/);
  t.match(await run('approve', 'node/n3'), {
    code: 2,
    stderr: /Cannot approve node "n3": its deletion does not wait/,
  });
  t.match(await run('approve', 'node/n33'), {
    code: 1,
    stderr: /^error: Cannot find node "n33": it does not exist/,
  });
  t.match(await run('approve', 'node/n1', '--dry-run'), {
    stdout: 'node.swarmctl.io "n1" deletion approved (dry run)\n',
  });
  t.same(deleted(), []);

  t.match(await run('approve', 'node', 'n1'), {
    code: 0,
    stdout: 'node.swarmctl.io "n1" deletion approved\n',
  });
  await until(() => deleted().length === 1, 'the approved one is deleted');
  t.same(deleted(), ['n1'], 'and no other');
  t.match(await run('describe', 'node', 'n2'), { stdout: /Kept: {6}its manifest is gone; 2 of 4 nodes/ });
});

t.test('approve --all lets everything go; a manifest that comes back keeps its object', async (t) => {
  const { run, remove, deleted, manifests } = await aFleet(t);
  await remove('n1.yaml', 'n2.yaml', 'n3.yaml');
  await writeFile(path.join(manifests, 'n3.yaml'), nodeManifest('n3'));
  await untilShown(
    () => run('approve'),
    (text) => !text.includes('node/n3'),
  );
  t.match(await run('approve', '--all'), {
    code: 0,
    stdout: /"n1" deletion approved\n.*"n2" deletion approved\n$/,
  });
  await until(() => deleted().length === 2, 'both are deleted');
  t.same(deleted(), ['n1', 'n2']);
});

t.test('--no-prune keeps what even one edit removes, until it is approved', async (t) => {
  const { run, remove, deleted } = await aFleet(t, { mayPrune: false });
  await remove('n1.yaml');
  t.match(await run('approve'), { stdout: /node\/n1 .* the operator runs with --no-prune/ });
  await run('approve', 'nodes', '--all');
  await until(() => deleted().length === 1, 'it is deleted');
});

t.test('approve of an engine that took the place of another says which, and needs its name', async (t) => {
  const { run, store } = await aFleet(t);
  const engine = { id: 'OLD', name: 'db1', specHash: 'x' };
  const replacement = { id: 'NEW', name: 'web7' };
  await store.updateStatus({ kind: 'Node', name: 'n2' }, { engine, replacement });
  const shown = await run('approve');
  t.equal(
    shown.stdout.replace(/ {3,}/g, '   '),
    'OBJECT   ENGINE WAS   ENGINE IS NOW\nnode/n2   db1, ID OLD   web7, ID NEW\n',
  );
  t.match(shown.stderr, /swarmctl approve node\/n2\. If another host took the address: correct spec/);
  for (const all of [['--all'], ['nodes', '--all']]) {
    const { code, stdout, stderr } = await run('approve', ...all);
    t.match({ code, stdout, stderr }, { code: 0, stdout: '', stderr: /has to be named: node\/n2/ });
  }
  t.equal(store.getNode('n2')?.metadata.annotations?.[annotations.acceptEngine], undefined);
  t.match(await run('approve', 'node/n2'), { stdout: 'node.swarmctl.io "n2" engine NEW approved\n' });
  t.equal(store.getNode('n2')?.metadata.annotations?.[annotations.acceptEngine], 'NEW');
  t.match(await run('approve'), { stdout: '', stderr: 'No deletion waits\n' });
});

/** Asks again until the output is as wanted; the test's own time limit ends it. */
async function untilShown(
  ask: () => Promise<{ readonly stdout: string }>,
  isSo: (text: string) => boolean,
): Promise<void> {
  while (!isSo((await ask()).stdout)) await systemClock.sleep(20);
}
