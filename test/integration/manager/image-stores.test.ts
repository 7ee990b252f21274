// Images on real engines that keep them in containerd, beside engines that do not: one image has an ID on each kind, and is
// still one image.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import type { Logger } from '../../../controller/base/log.js';
import { silentLogger } from '../../../controller/base/log.js';
import { findDockerClis, startManagerCluster } from '../../support/manager-cluster.js';
import { linkCliPlugins, newerDocker } from '../../support/newer-docker.js';

const directory = await mkdtemp('/tmp/swtest-store-');
const configFile = path.join(directory, 'daemon.json');
await writeFile(configFile, JSON.stringify({ features: { 'containerd-snapshotter': true } }));
// Unlike the other snapshotters this one works on every file system.
const inContainerd = ['--config-file', configFile, '--storage-driver', 'native'];

const lines: string[] = [];
const logger: Logger = { ...silentLogger, info: (message) => void lines.push(message) };
const copiesSince = (at: number): string[] => lines.slice(at).filter((line) => line.startsWith('Copying'));

await writeFile(path.join(directory, 'Dockerfile'), 'FROM busybox\nRUN echo kit > /kit\n');

const newer = await newerDocker();
const cluster = await startManagerCluster(t, {
  count: 3,
  dockerd: [undefined, newer.dockerd, newer.dockerd],
  engineArguments: [[], inContainerd, inContainerd],
  imageOn: [1],
  logger,
});
t.teardown(() => rm(directory, { recursive: true, force: true }));
const nodes = ['node0', 'node1', 'node2'];
const [oldest] = await findDockerClis(cluster);
if (oldest === undefined) throw new Error('findDockerClis() finds one at least');
const cli = oldest;
await linkCliPlugins(path.join(cluster.clientDirectory, 'config'), newer);

async function works(t: Test, args: readonly string[], input?: Buffer): Promise<string> {
  const { code, stdout, stderr } = await cli.run(args, input === undefined ? {} : { input });
  t.equal(code, 0, `docker ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}

/** Makes a container of the image on each engine. @returns how many copies that took */
async function createEverywhere(t: Test, image: string): Promise<number> {
  const at = lines.length;
  for (const node of nodes) {
    await works(t, ['create', '--pull', 'never', '-e', `constraint:node==${node}`, image, 'true']);
  }
  return copiesSince(at).length;
}

/** IDs of the image as the list shows it, one per kind of engine that has it. */
async function idsOf(t: Test, name: string): Promise<readonly string[]> {
  return (await works(t, ['images', '-q', '--no-trunc', name])).split('\n').sort();
}

void t.test(
  'an image of an engine with such a store runs everywhere, and is copied to each once',
  async (t) => {
    const before = await works(t, ['inspect', '-f', '{{.Id}}', 'busybox']);
    t.equal(await createEverywhere(t, 'busybox'), 2);
    t.equal(await createEverywhere(t, 'busybox'), 0);
    for (const node of nodes) {
      const there = ['--pull', 'never', '-e', `constraint:node==${node}`, 'busybox', 'echo', node];
      t.equal(await works(t, ['run', '--rm', ...there]), node);
    }
    t.equal((await idsOf(t, 'busybox')).length, 2, 'both kinds of engines are listed with their ID');
    t.equal(
      await works(t, ['inspect', '-f', '{{.Id}}', 'busybox']),
      before,
      'copies do not change what the name means',
    );
    t.equal(await createEverywhere(t, before), 0, 'by the ID that only one kind of engine knows');
    t.equal(await createEverywhere(t, `busybox@${before}`), 0, 'and by the digest');
  },
);

void t.test('a new name is given to the image on every engine, and keeps it the same image', async (t) => {
  await works(t, ['tag', 'busybox', 'other:1']);
  t.equal(await createEverywhere(t, 'other:1'), 0);
  t.same(await idsOf(t, 'other:1'), await idsOf(t, 'busybox'));
  t.equal(await createEverywhere(t, `other@${await works(t, ['inspect', '-f', '{{.Id}}', 'busybox'])}`), 0);
  await works(t, ['rmi', 'other:1']);
  t.same(await works(t, ['images', '-q', 'other']), '');
  t.equal(await createEverywhere(t, 'busybox'), 0);
});

void t.test('what is saved on one kind of engine is loaded by the other', async (t) => {
  for (const node of ['node0', 'node1']) {
    const from = ['--build-arg', `constraint:node==${node}`];
    await works(t, ['build', '-q', '-t', `made:${node}`, ...from, '-'], dockerfile(`LABEL made=${node}`));
    const archive = await cli.run(['save', `made:${node}`]);
    t.equal(archive.code, 0, archive.stderr);
    await works(t, ['rmi', `made:${node}`]);
    await works(t, ['load'], Buffer.from(archive.stdout, 'latin1'));
    t.equal(await createEverywhere(t, `made:${node}`), 0, 'each engine loaded its own');
  }
});

void t.test('an import and builds are copied once to each engine', async (t) => {
  await works(t, ['import', '--change', 'ENV PATH=/bin', '-', 'imported:1'], await exported(t));
  t.equal(await createEverywhere(t, 'imported:1'), 0, 'an import brings it everywhere');
  const at = lines.length;
  const on = (node: string): string[] => ['-q', '--build-arg', `constraint:node==${node}`];
  await works(t, ['build', '-t', 'built:1', ...on('node1'), '-'], dockerfile('LABEL built=1'));
  await works(t, ['buildx', 'build', '-t', 'kit:1', ...on('node2'), directory]);
  t.same(copiesSince(at), []);
  for (const image of ['built:1', 'kit:1']) {
    t.equal(await createEverywhere(t, image), 2);
    t.equal(await createEverywhere(t, image), 0);
  }
});

void t.test('a build begins with an image that only the other kind of engine has', async (t) => {
  const only = ['--build-arg', 'constraint:node==node0'];
  await works(t, ['build', '-q', '-t', 'base:1', ...only, '-'], dockerfile('LABEL base=1'));
  const on = ['--build-arg', 'constraint:node==node2'];
  const text = Buffer.from('FROM base:1\nRUN echo there > /there\n');
  t.match(await works(t, ['build', '-q', '-t', 'derived:1', ...on, '-'], text), /^sha256:/);
  t.equal(await works(t, ['run', '--rm', '--pull', 'never', 'derived:1', 'cat', '/there']), 'there');
});

function dockerfile(...steps: readonly string[]): Buffer {
  return Buffer.from(['FROM busybox', ...steps, ''].join('\n'));
}

async function exported(t: Test): Promise<Buffer> {
  await works(t, ['create', '--name', 'source', '--pull', 'never', 'busybox', 'true']);
  const { code, stdout } = await cli.run(['export', 'source']);
  t.equal(code, 0);
  await works(t, ['rm', 'source']);
  return Buffer.from(stdout, 'latin1');
}
