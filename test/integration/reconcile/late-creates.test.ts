// Creates that an engine carries out when their Node has left it: what a killed operator had sent, or whose answer got
// lost. A whole operator on engines in memory and a fake clock.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import t, { type Test } from 'tap';
import type { NodeSpec } from '../../../controller/api/resources.js';
import { omitKeys } from '../../../controller/base/json.js';
import { tinyImage, writeTinyArchive } from '../../support/crash/tiny-archive.js';
import { FakeClock } from '../../support/fake-clock.js';
import { drive, driveFor, driveUntil } from '../../support/memory/drive.js';
import { MemoryEngine, type MemoryCall } from '../../support/memory/memory-engine.js';
import {
  startMemoryOperator,
  testSchemas,
  type MemoryOperator,
} from '../../support/memory/memory-operator.js';
import { addressOf, isOurs, MemoryWorld } from '../../support/memory/memory-world.js';
import { readyOf } from '../../support/operator.js';
import { aCluster, aNode } from '../../support/resource-builders.js';

t.setTimeout(120_000);

const api = { origin: { type: 'api' } } as const;
const minuteMs = 60_000;
const nodeKey = (name: string) => ({ kind: 'Node', name }) as const;
const engineOf = (number: number): Pick<NodeSpec, 'engine'> => ({
  engine: { address: `tcp://${addressOf(number)}`, tls: { mode: 'disabled' } },
});

/** n1 with the manager on the first engine, and a cluster that is ready; two more engines that nobody uses yet. */
async function aWorld(t: Test) {
  const directory = await mkdtemp(path.join(tmpdir(), `swtest-${process.pid}-`));
  const imageArchive = path.join(directory, 'image.tar');
  await writeTinyArchive(imageArchive);
  const clock = new FakeClock();
  let serial = 0;
  const randomHex = (bytes: number): string => (serial += 1).toString(16).padStart(bytes * 2, '0');
  const engines = new Map<string, MemoryEngine>();
  for (const number of [1, 2, 3]) {
    const own = { name: `e${number}`, id: `ENGINE-${number}` };
    engines.set(addressOf(number), new MemoryEngine({ clock, randomHex, archivedImage: tinyImage, ...own }));
  }
  const at = (number: number): MemoryEngine => {
    const engine = engines.get(addressOf(number));
    if (engine === undefined) throw new Error(`no engine ${number}`);
    return engine;
  };
  const world = new MemoryWorld(engines, clock);
  const schemas = await testSchemas();
  const state = path.join(directory, 'state');
  let life = { isOver: false };
  let operator: MemoryOperator | undefined;
  const start = async (): Promise<void> => {
    life.isOver = true;
    await operator?.close();
    life = { isOver: false };
    operator = await startMemoryOperator({
      ...{ world, clock, imageArchive, schemas, process: life },
      ...{ stateDirectory: state, manifestsDirectory: path.join(directory, 'none') },
    });
  };
  await start();
  t.teardown(async () => {
    await operator?.close();
    await rm(directory, { recursive: true, force: true });
  });
  const store = () => {
    if (operator === undefined) throw new Error('it was started');
    return operator.store;
  };
  const put = async (name: string, spec: Partial<NodeSpec>): Promise<void> => {
    const before = store().getNode(name) ?? aNode({ name });
    const next = { ...before, spec: { ...omitKeys(before.spec, 'machine'), ...spec } };
    if (store().getNode(name) === undefined) await drive(clock, store().create(next, api));
    else await drive(clock, store().update(next, api));
  };
  const ours = (number: number): readonly string[] =>
    [...at(number).containers.values()].filter(isOurs).map(({ name }) => name);
  const isReady = (name: string) => (): boolean => readyOf(store().getNode(name))?.status === 'True';
  const isGone = (name: string) => (): boolean => store().getNode(name) === undefined;
  const watched = (): Promise<string[]> => readdir(path.join(state, 'late'));
  /** The next create on an engine is sent, and `then` happens before it gets there. @returns brings it there */
  const catchCreate = (number: number, then: () => void) => {
    let caught: MemoryCall | undefined;
    world.hooks = {
      before: (engine, call) => {
        if (engine !== at(number) || !call.path.startsWith('/containers/create')) return;
        caught = call;
        world.hooks = {};
        then();
      },
    };
    return {
      isSent: () => caught !== undefined,
      arrive: async () => {
        if (caught === undefined) throw new Error('none was sent');
        await at(number).carryOut(caught);
      },
    };
  };
  await drive(clock, store().create(aCluster({ maxUnavailable: 100 }), api));
  await put('n1', { ...engineOf(1), roles: ['manager', 'worker'] });
  t.ok(await driveUntil(clock, isReady('n1'), minuteMs), 'the cluster is there');
  const kill = () => (life.isOver = true);
  /** n2 on the second engine, for which an operator has sent a create and was killed; the next one has made it ready. */
  const afterKill = async () => {
    const create = catchCreate(2, kill);
    await put('n2', { ...engineOf(2), roles: ['worker'] });
    t.ok(
      await driveUntil(clock, create.isSent, minuteMs),
      'the operator is killed while a create is under way',
    );
    await start();
    t.ok(await driveUntil(clock, isReady('n2'), minuteMs), 'the next one does without it');
    return create;
  };
  return {
    ...{ clock, world, store, start, put, at, ours, isReady, isGone, watched, catchCreate, afterKill },
  };
}

type World = Awaited<ReturnType<typeof aWorld>>;

const departures: readonly (readonly [string, (world: World) => Promise<void>])[] = [
  [
    'is deleted',
    async ({ clock, store, isGone }) => {
      await drive(clock, store().delete(nodeKey('n2'), api));
      await driveUntil(clock, isGone('n2'), minuteMs);
    },
  ],
  [
    'has moved to another engine',
    async ({ clock, put, ours, isReady }) => {
      await put('n2', engineOf(3));
      await driveUntil(clock, () => ours(3).length > 0 && ours(2).length === 0 && isReady('n2')(), minuteMs);
    },
  ],
  [
    'has lost its cluster',
    async ({ clock, store }) => {
      await drive(clock, store().delete({ kind: 'Cluster', name: 'demo' }, api));
      await driveUntil(clock, () => store().getCluster('demo') === undefined, minuteMs);
    },
  ],
  [
    'was on an engine that hung when it was deleted',
    async ({ clock, store, at, isGone, ours }) => {
      const spec = { ...store().getNode('n2')?.spec, deletionTimeoutSeconds: 1 };
      const node = store().getNode('n2');
      if (node === undefined) throw new Error('it was made');
      await drive(clock, store().update({ ...node, spec: { ...node.spec, ...spec } }, api));
      at(2).fault = () => 'refused';
      await drive(clock, store().delete(nodeKey('n2'), api));
      await driveUntil(clock, isGone('n2'), minuteMs);
      at(2).fault = () => undefined;
      await driveUntil(clock, () => ours(2).length === 0, minuteMs);
    },
  ],
];
for (const [what, leave] of departures) {
  t.test(`operator: a create that is carried out when its Node ${what} leaves nothing`, async (t) => {
    const world = await aWorld(t);
    const { clock, ours, watched } = world;
    const create = await world.afterKill();
    await leave(world);
    t.same(ours(2), [], 'the engine is cleared');
    t.equal((await watched()).length > 0, true, 'and the place is written down');
    await driveFor(clock, 3 * minuteMs);
    await create.arrive();
    t.same(ours(2), ['swarm-demo-join'], 'the create arrives');
    t.ok(await driveUntil(clock, () => ours(2).length === 0, 10 * minuteMs), 'what it made is removed');
    await driveFor(clock, 20 * minuteMs);
    t.same(await watched(), [], 'and later nobody looks any more');
    t.same(world.world.crimes, []);
    const asked = world.world.asked.get(addressOf(2));
    if (what === 'is deleted') {
      await driveFor(clock, 30 * minuteMs);
      t.equal(world.world.asked.get(addressOf(2)), asked);
    }
  });
}

t.test('operator: the place is remembered by the next operator, too', async (t) => {
  const world = await aWorld(t);
  const { clock, ours, start } = world;
  const create = await world.afterKill();
  await departures[0]?.[1](world);
  await start();
  await create.arrive();
  t.same(ours(2), ['swarm-demo-join']);
  t.ok(await driveUntil(clock, () => ours(2).length === 0, minuteMs));
});

t.test('operator: a create without an answer is doubtful without a restart, too', async (t) => {
  const { clock, store, put, at, ours, isGone, catchCreate } = await aWorld(t);
  await driveFor(clock, 20 * minuteMs);
  // The engine takes it, and hangs.
  const create = catchCreate(2, () => (at(2).fault = () => 'silent'));
  await put('n2', { ...engineOf(2), roles: ['worker'] });
  t.ok(await driveUntil(clock, create.isSent, minuteMs));
  at(2).containers.clear();
  await driveFor(clock, minuteMs);
  at(2).fault = () => undefined;
  await drive(clock, store().delete(nodeKey('n2'), api));
  t.ok(await driveUntil(clock, isGone('n2'), 2 * minuteMs));
  t.same(ours(2), []);
  await create.arrive();
  t.same(ours(2), ['swarm-demo-join']);
  t.ok(await driveUntil(clock, () => ours(2).length === 0, minuteMs));
});

t.test('operator: nothing is written down when no create can be under way', async (t) => {
  const { clock, store, put, isReady, isGone, watched } = await aWorld(t);
  await put('n2', { ...engineOf(2), roles: ['worker'] });
  t.ok(await driveUntil(clock, isReady('n2'), minuteMs));
  await drive(clock, store().delete(nodeKey('n2'), api));
  t.ok(await driveUntil(clock, isGone('n2'), minuteMs));
  t.same(await watched(), [], 'all creates of a Node that is younger than the operator were answered');
  await put('n2', { ...engineOf(2), roles: ['worker'] });
  t.ok(await driveUntil(clock, isReady('n2'), minuteMs));
  const world = { clock, store, isGone };
  await driveFor(clock, 15 * minuteMs);
  await drive(clock, world.store().delete(nodeKey('n2'), api));
  t.ok(await driveUntil(clock, world.isGone('n2'), minuteMs));
  t.same(await watched(), []);
});

t.test('operator: who comes back to the place, and what is orphaned on purpose, is left alone', async (t) => {
  const world = await aWorld(t);
  const { clock, store, put, ours, isReady, watched } = world;
  await world.afterKill();
  await departures[0]?.[1](world);
  await put('n2', { ...engineOf(2), roles: ['worker'] });
  t.ok(await driveUntil(clock, isReady('n2'), minuteMs));
  t.equal((await watched()).length, 1);
  const changes = world.world.changes.length;
  await driveFor(clock, 2 * minuteMs);
  t.equal(world.world.changes.length, changes, 'nothing is taken from the new one');
  const demo = store().getCluster('demo');
  if (demo === undefined) throw new Error('it is there');
  const orphaning = { ...demo, spec: { ...demo.spec, deletionPolicy: 'Orphan' as const } };
  await drive(clock, store().update(orphaning, api));
  await drive(clock, store().delete({ kind: 'Cluster', name: 'demo' }, api));
  t.ok(await driveUntil(clock, () => store().getCluster('demo') === undefined, minuteMs));
  t.same(await watched(), []);
  await driveFor(clock, 20 * minuteMs);
  t.same(ours(2), ['swarm-demo-join']);
});
