// Files in our containers that somebody changes: found when the engine tells of it, and by a rare comparison when it does
// not. A whole operator on engines in memory and a fake clock.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import t, { type Test } from 'tap';
import { containerLabels } from '../../../controller/api/labels.js';
import { findCondition } from '../../../controller/api/conditions.js';
import { conditionsOf, type Node } from '../../../controller/api/resources.js';
import { omitKeys } from '../../../controller/base/json.js';
import { containerPaths } from '../../../controller/plan/container-files.js';
import { checkEveryMs } from '../../../controller/reconcile/file-checks.js';
import { tinyImage, writeTinyArchive } from '../../support/crash/tiny-archive.js';
import { FakeClock } from '../../support/fake-clock.js';
import { drive, driveFor, driveUntil } from '../../support/memory/drive.js';
import { MemoryEngine } from '../../support/memory/memory-engine.js';
import {
  startMemoryOperator,
  testSchemas,
  type MemoryOperator,
} from '../../support/memory/memory-operator.js';
import { addressOf, labelsOf, MemoryWorld } from '../../support/memory/memory-world.js';
import { readyOf } from '../../support/operator.js';
import { aCluster, aNode } from '../../support/resource-builders.js';

const api = { origin: { type: 'api' } } as const;
const key = { kind: 'Node', name: 'n1' } as const;
/** A comparison falls due within 1.25 periods, and is made at the next look, which is a minute away at most. */
const foundMs = checkEveryMs * 1.25 + 130_000;

async function aWorld(t: Test, { remapsUsers = false } = {}) {
  const directory = await mkdtemp(path.join(tmpdir(), `swtest-${process.pid}-`));
  const imageArchive = path.join(directory, 'image.tar');
  await writeTinyArchive(imageArchive);
  const clock = new FakeClock();
  let serial = 0;
  const randomHex = (bytes: number): string => (serial += 1).toString(16).padStart(bytes * 2, '0');
  const engine = new MemoryEngine({
    clock,
    randomHex,
    archivedImage: tinyImage,
    name: 'e1',
    id: 'ENGINE-1',
    remapsUsers,
  });
  const world = new MemoryWorld(new Map([[addressOf(1), engine]]), clock);
  const schemas = await testSchemas();
  const open = (): Promise<MemoryOperator> =>
    startMemoryOperator({
      ...{ world, clock, imageArchive, schemas },
      stateDirectory: path.join(directory, 'state'),
      manifestsDirectory: path.join(directory, 'none'),
    });
  let operator = await open();
  t.teardown(async () => {
    await operator.close();
    await rm(directory, { recursive: true, force: true });
  });
  await drive(clock, operator.store.create(aCluster(), api));
  const made = aNode({ name: 'n1', roles: ['manager', 'worker'] });
  const endpoint = { address: `tcp://${addressOf(1)}`, tls: { mode: 'disabled' } } as const;
  await drive(
    clock,
    operator.store.create({ ...made, spec: { ...omitKeys(made.spec, 'machine'), engine: endpoint } }, api),
  );
  const node = () => operator.store.getNode('n1');
  const isWell = (): boolean => readyOf(operator.store.getCluster('demo'))?.status === 'True';
  t.ok(await driveUntil(clock, isWell, 60_000));
  // What was delivered is settled.
  await driveFor(clock, 5000);
  const containerOf = (role: 'join' | 'manage') => {
    const found = [...engine.containers.values()].find((one) => labelsOf(one)[containerLabels.role] === role);
    if (found?.files === undefined || found.fileOwners === undefined)
      throw new Error(`no ${role} container with files`);
    return { ...found, files: found.files, fileOwners: found.fileOwners };
  };
  const join = () => containerOf('join');
  const restart = async (): Promise<void> => {
    await operator.close();
    operator = await open();
  };
  const setSpec = async (change: Partial<Node['spec']>): Promise<void> => {
    const now = node();
    if (now !== undefined)
      await drive(clock, operator.store.update({ ...now, spec: { ...now.spec, ...change } }, api));
  };
  const drifted = () => findCondition(conditionsOf(node() ?? aNode()), 'Drifted');
  return {
    clock,
    world,
    engine,
    join,
    containerOf,
    node,
    drifted,
    restart,
    setSpec,
    events: () => operator.store.events(key),
  };
}

t.test('operator: a file that is changed without a word is found and healed', async (t) => {
  const { clock, engine, join, events, world } = await aWorld(t);
  const { Id, files } = join();
  const good = files.get(containerPaths.ca)?.toString();
  files.set(containerPaths.ca, Buffer.from('somebody else'));
  files.delete(containerPaths.key);
  const isGood = (): boolean => join().files.get(containerPaths.ca)?.toString() === good;
  t.ok(await driveUntil(clock, isGood, foundMs));
  await driveFor(clock, 1000);
  t.equal(join().Id, Id, 'in place');
  t.ok(join().files.has(containerPaths.key), 'the missing one is there again, too');
  const told = events().map(({ reason, message }) => `${reason}: ${message}`);
  t.ok(
    told.some((line) =>
      /^Drifted: .*swarm-demo-join: its file tls\/ca\.pem is changed; its file tls\/key\.pem is missing/.test(
        line,
      ),
    ),
    told.join('\n'),
  );
  const before = world.changes.length;
  let reads = 0;
  engine.fault = ({ method, path: call }) => {
    if (method === 'GET' && call.endsWith('/archive')) reads += 1;
    return undefined;
  };
  await driveFor(clock, 2 * 3_600_000);
  t.equal(world.changes.length, before, 'and that is all');
  t.comment(`${reads} comparisons of three containers in two hours`);
  t.ok(reads >= 3 * 5 && reads <= 3 * 12, 'rarely');
});

t.test('operator: a file with another mode or owner is found and healed', async (t) => {
  const { clock, join, events } = await aWorld(t);
  const { Id, fileOwners } = join();
  t.same(fileOwners.get(containerPaths.key), { mode: 0o600, uid: 0, gid: 0 });
  fileOwners.set(containerPaths.key, { mode: 0o644, uid: 0, gid: 0 });
  fileOwners.set(containerPaths.ca, { mode: 0o644, uid: 1000, gid: 50 });
  fileOwners.set(containerPaths.cert, { mode: 0o640, uid: 0, gid: 50 });
  const isGood = (): boolean => join().fileOwners.get(containerPaths.key)?.mode === 0o600;
  t.ok(await driveUntil(clock, isGood, foundMs));
  await driveFor(clock, 1000);
  t.equal(join().Id, Id, 'in place');
  for (const file of [containerPaths.ca, containerPaths.cert])
    t.same(join().fileOwners.get(file), { mode: 0o644, uid: 0, gid: 0 });
  const told = events().flatMap(({ reason, message }) => (reason === 'Drifted' ? [message] : []));
  t.match(
    told.join('\n'),
    [
      'swarm-demo-join: its file tls/ca.pem has owner 1000:50, not owner 0:0',
      'its file tls/cert.pem has mode 640 and owner 0:50, not mode 644 and owner 0:0',
      'its file tls/key.pem has mode 644, not mode 600',
    ].join('; '),
  );
});

t.test('operator: whose a file is does not matter where the engine remaps users', async (t) => {
  const { clock, join, world } = await aWorld(t, { remapsUsers: true });
  const before = world.changes.length;
  await driveFor(clock, 2 * foundMs);
  t.equal(world.changes.length, before);
  join().fileOwners.set(containerPaths.key, { mode: 0o644, uid: 0, gid: 0 });
  t.ok(await driveUntil(clock, () => join().fileOwners.get(containerPaths.key)?.mode === 0o600, foundMs));
});

t.test(
  'operator: a file that is changed is left so where drift is only reported, over a restart, too',
  async (t) => {
    const { clock, join, drifted, restart, setSpec } = await aWorld(t);
    await setSpec({ driftPolicy: 'Report' });
    const good = join().files.get(containerPaths.ca) ?? Buffer.alloc(0);
    join().files.set(containerPaths.ca, Buffer.from('somebody else'));
    const isTold = (): boolean => drifted()?.reason === 'Reported';
    t.ok(await driveUntil(clock, isTold, foundMs));
    t.equal(drifted()?.message, 'swarm-demo-join: its file tls/ca.pem is changed');
    await restart();
    await driveFor(clock, 60_000);
    t.equal(
      drifted()?.message,
      'swarm-demo-join: its file tls/ca.pem is changed',
      'the next process says so, too',
    );
    t.equal(join().files.get(containerPaths.ca)?.toString(), 'somebody else');
    join().files.set(containerPaths.ca, good);
    t.ok(await driveUntil(clock, () => drifted() === undefined, foundMs), 'until it is as it was');
    join().files.set(containerPaths.ca, Buffer.from('somebody else'));
    t.ok(await driveUntil(clock, isTold, foundMs));
    await setSpec({ driftPolicy: 'Heal' });
    t.ok(await driveUntil(clock, () => join().files.get(containerPaths.ca)?.equals(good) === true, 130_000));
  },
);

t.test('operator: files that cannot be read are nobody’s fault', async (t) => {
  const { clock, engine, node, world } = await aWorld(t);
  engine.fault = ({ method, path: call }) =>
    method === 'GET' && call.endsWith('/archive')
      ? { answer: { status: 500, json: { message: 'no' } } }
      : undefined;
  const before = world.changes.length;
  await driveFor(clock, foundMs);
  t.equal(world.changes.length, before);
  t.equal(readyOf(node())?.status, 'True');
});

t.test('operator: a change that is taken back while nobody knows who read it leaves no trace', async (t) => {
  const { clock, engine, containerOf, setSpec } = await aWorld(t);
  const engines = (): string => containerOf('manage').files.get(containerPaths.engines)?.toString() ?? '';
  const before = engines();
  t.notOk(before.includes('unschedulable'));
  // The files are there, and whether the manager was told to read them nobody says.
  engine.fault = ({ path: call }) => (call.includes('/kill') ? 'silent' : undefined);
  await setSpec({ unschedulable: true });
  t.ok(await driveUntil(clock, () => engines().includes('unschedulable'), 60_000));
  await setSpec({ unschedulable: false });
  await driveFor(clock, 30_000);
  let hangups = 0;
  engine.fault = ({ path: call }) => {
    if (call.includes('/kill')) hangups += 1;
    return undefined;
  };
  t.ok(await driveUntil(clock, () => engines() === before && hangups > 0, 300_000), engines());
});
