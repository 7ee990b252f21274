// A creator that is killed (-9) at a chosen step: what it leaves is shown, can be made again, and can be removed.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { defaultHostDirectory, readHostRecord } from '../../../controller/machine/host-record.js';
import { namespacePath } from '../../../controller/machine/kernel-names.js';
import type { LocalMachines } from '../../../controller/machine/machine-store.js';
import { openTestStore, sweepTestEngines, withFreeSubnet } from '../../support/engines.js';
import { noTraces, tracesOf } from './traces.js';

// Sources run through ts-node in development, compiled files by themselves.
const extension = path.extname(fileURLToPath(import.meta.url));
const creatorFile = fileURLToPath(new URL(`./create-machines${extension}`, import.meta.url));
const creatorFlags = extension === '.ts' ? ['--import', './cmd/register-ts-node.mjs'] : [];

// Engines start in a second or two; a busy machine may need many times that.
t.setTimeout(240_000);

interface Scene {
  readonly set: string;
  readonly directory: string;
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/** Steps of a creation, in their order, each with a way to see from outside that it was reached. */
const steps: Readonly<Record<string, (scene: Scene) => Promise<boolean>>> = {
  'the set is claimed': async ({ set }) => set in (await readHostRecord(defaultHostDirectory)).sets,
  'the record is written': ({ directory }) => exists(`${directory}/machines/node0/machine.json`),
  'the namespace is there': ({ set }) => exists(namespacePath(set, 'node0')),
  'dockerd has begun': ({ directory }) =>
    readFile(`${directory}/machines/node0/dockerd.log`, 'utf8').then(
      (text) => text !== '',
      () => false,
    ),
};

/** Runs a creator of two machines and kills it when `reached` holds; it must not have finished before. */
async function killCreator(scene: Scene, reached: (scene: Scene) => Promise<boolean>): Promise<void> {
  await withFreeSubnet(async (subnet) => {
    const args = [...creatorFlags, creatorFile, scene.directory, scene.set, subnet, 'node0', 'node1'];
    const creator = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    creator.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    const ended = once(creator, 'close');
    while (!(await reached(scene)) && creator.exitCode === null) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    creator.kill('SIGKILL');
    await ended;
    if (creator.signalCode !== 'SIGKILL')
      throw new Error(`the creator ended before it was killed: ${output}`);
  });
}

async function statesOf(machines: LocalMachines): Promise<readonly string[]> {
  return (await machines.list()).map(({ name, state }) => `${name} ${state}`);
}

for (const [step, reached] of Object.entries(steps)) {
  t.test(`remove() clears what a creator leaves that is killed when ${step}`, async (t) => {
    const { machines, directory, set } = await openTestStore(t);
    await killCreator({ directory, set }, reached);
    t.same(
      (await statesOf(machines)).filter((state) => !state.endsWith(' Error')),
      [],
    );
    const names = (await machines.list()).map(({ name }) => name);
    await machines.remove(names);
    t.same(await tracesOf(set, directory), noTraces);
  });
}

t.test('removeSet() clears what writers leave that are killed in the middle of a record', async (t) => {
  const { machines, directory, set } = await openTestStore(t);
  const unfinished = `${directory}/sets/${set}.json.0123456789ab.tmp`;
  await mkdir(path.dirname(unfinished), { recursive: true });
  await writeFile(unfinished, '{');
  await machines.removeSet(set);
  t.same(await tracesOf(set, directory), noTraces);
});

t.test('create() makes anew what a killed creator left half-made', async (t) => {
  const { machines, directory, set } = await openTestStore(t);
  await killCreator({ directory, set }, async (scene) => (await steps['dockerd has begun']?.(scene)) ?? true);
  t.same(await statesOf(machines), ['node0 Error', 'node1 Error']);
  await t.rejects(machines.start(['node0']), { message: /it is only half-made/ });
  const made = await machines.create([
    { name: 'node0', set },
    { name: 'node1', set },
  ]);
  t.match(made, [{ state: 'Running' }, { state: 'Running' }]);
});

t.test('sweepTestEngines() removes the engines of a killed run', async (t) => {
  const { directory, set: own } = await openTestStore(t);
  // As a test names its set that has ended meanwhile.
  const set = own.replace(String(process.pid), String(spawnSync('true').pid));
  await killCreator({ directory, set }, async (scene) => (await steps['dockerd has begun']?.(scene)) ?? true);
  await sweepTestEngines();
  t.same(await tracesOf(set, directory), noTraces);
});
