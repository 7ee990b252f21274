// Everything that may be wrong with an engine, all at once, beside engines that are well: each has its own words and its
// own pace, delays nobody, and goes on when the fault ends. A whole operator on engines in memory and a fake clock.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import t, { type Test } from 'tap';
import { annotations, containerLabels } from '../../../controller/api/labels.js';
import { findCondition } from '../../../controller/api/conditions.js';
import { conditionsOf } from '../../../controller/api/resources.js';
import { SwarmError } from '../../../controller/base/errors.js';
import { omitKeys } from '../../../controller/base/json.js';
import { tinyImage, writeTinyArchive } from '../../support/crash/tiny-archive.js';
import { FakeClock } from '../../support/fake-clock.js';
import { drive, driveFor, driveUntil } from '../../support/memory/drive.js';
import { MemoryEngine, type Fault } from '../../support/memory/memory-engine.js';
import { startMemoryOperator, testSchemas } from '../../support/memory/memory-operator.js';
import { addressOf, labelsOf, MemoryWorld } from '../../support/memory/memory-world.js';
import { readyOf } from '../../support/operator.js';
import { aCluster, aNode } from '../../support/resource-builders.js';

t.setTimeout(200_000);

const api = { origin: { type: 'api' } } as const;
const full = { message: 'write /var/lib/docker/tmp/x: no space left on device' } as const;
const slowClockMs = -120_000;

interface Row {
  readonly what: string;
  readonly fault?: (call: { readonly method: string; readonly path: string }) => Fault | undefined;
  readonly reason: string;
  readonly message: RegExp;
}

/** Of the nodes from n2 on; n1 is well, and has the manager. */
const rows: readonly Row[] = [
  {
    what: 'down',
    fault: () => 'refused',
    reason: 'EngineUnreachable',
    message: /connection refused → Check that dockerd/,
  },
  {
    what: 'hung at every request',
    fault: () => 'silent',
    reason: 'EngineTimeout',
    message: /10 s(econds)? → Check the load/,
  },
  {
    what: 'slower than it may be',
    fault: () => ({ lateMs: 11_000 }),
    reason: 'EngineTimeout',
    message: /10 s(econds)? → Check the load/,
  },
  {
    what: 'cut off without a word',
    fault: () => ({ failsWith: 'UND_ERR_CONNECT_TIMEOUT' }),
    reason: 'EngineTimeout',
    message: /Cannot connect .*no answer →/,
  },
  {
    what: 'without a route',
    fault: () => ({ failsWith: 'EHOSTUNREACH' }),
    reason: 'EngineUnreachable',
    message: /no route to host →/,
  },
  {
    what: 'with a full disk',
    fault: ({ method, path }) =>
      method === 'POST' && path === '/containers/create'
        ? { answer: { status: 500, json: full } }
        : undefined,
    reason: 'EngineDiskFull',
    message: /no space left on device → Free space/,
  },
  {
    what: 'with a certificate from the future',
    fault: () => ({ failsWith: 'CERT_NOT_YET_VALID' }),
    reason: 'ClockWrong',
    message: /not valid yet.* → Compare the clocks/,
  },
  {
    what: 'with a clock that is behind',
    reason: 'ClockWrong',
    message: /is joined .*; its clock is 120 s behind this one → Compare the clocks/,
  },
  {
    what: 'with the ID of another',
    reason: 'DuplicateEngineID',
    message: /node "n1" has an engine with the same ID .* → Give each/,
  },
  {
    what: 'replaced by another host',
    reason: 'EngineReplaced',
    message:
      /\(ID OTHER, host stranger\) than before \(ID ENGINE-\d+, host e\d+\).* → .*swarmctl approve node\//,
  },
];
const numberOf = (what: string): number => rows.findIndex((row) => row.what === what) + 2;
const twin = numberOf('with the ID of another');
const replaced = numberOf('replaced by another host');
const behind = numberOf('with a clock that is behind');
const last = rows.length + 1;

async function aWorld(t: Test, engines: number) {
  const directory = await mkdtemp(path.join(tmpdir(), `swtest-${process.pid}-`));
  const imageArchive = path.join(directory, 'image.tar');
  await writeTinyArchive(imageArchive);
  const clock = new FakeClock();
  let serial = 0;
  const randomHex = (bytes: number): string => (serial += 1).toString(16).padStart(bytes * 2, '0');
  const all = new Map<string, MemoryEngine>();
  for (let number = 1; number <= engines; number += 1) {
    const own = { name: `e${number}`, id: `ENGINE-${number}` };
    const offsetMs = engines === last && number === behind ? slowClockMs : 0;
    const { monotonic, setTimer, sleep } = clock;
    const engineClock = { now: () => clock.now() + offsetMs, monotonic, setTimer, sleep };
    const engine = new MemoryEngine({ clock: engineClock, randomHex, archivedImage: tinyImage, ...own });
    all.set(addressOf(number), engine);
  }
  const at = (number: number): MemoryEngine => {
    const engine = all.get(addressOf(number));
    if (engine === undefined) throw new Error(`no engine ${number}`);
    return engine;
  };
  const world = new MemoryWorld(all, clock);
  const operator = await startMemoryOperator({
    ...{ world, clock, imageArchive, schemas: await testSchemas() },
    stateDirectory: path.join(directory, 'state'),
    manifestsDirectory: path.join(directory, 'none'),
  });
  t.teardown(async () => {
    await operator.close();
    await rm(directory, { recursive: true, force: true });
  });
  const { store } = operator;
  const node = (number: number) => store.getNode(`n${number}`);
  const ready = (number: number) => readyOf(node(number));
  const apply = async (number: number): Promise<void> => {
    const made = aNode({ name: `n${number}`, roles: number === 1 ? ['manager', 'worker'] : ['worker'] });
    const engine = { address: `tcp://${addressOf(number)}`, tls: { mode: 'disabled' } } as const;
    await store.create({ ...made, spec: { ...omitKeys(made.spec, 'machine'), engine } }, api);
  };
  await drive(clock, store.create(aCluster({ maxUnavailable: 100 }), api));
  return { clock, world, store, at, node, ready, apply, all };
}

t.test('operator: bad engines beside a good one', { timeout: 190_000 }, async (t) => {
  const { clock, world, store, at, node, ready, apply, all } = await aWorld(t, last);
  const isReady = (number: number) => (): boolean => ready(number)?.status === 'True';
  await drive(clock, apply(replaced));
  await drive(clock, apply(1));
  t.ok(await driveUntil(clock, isReady(replaced), 60_000), 'the one that is replaced later is ready first');
  at(replaced).containers.clear();
  at(replaced).id = 'OTHER';
  at(replaced).name = 'stranger';
  at(twin).id = 'ENGINE-1';

  rows.forEach(({ fault }, index) => {
    if (fault !== undefined) at(index + 2).fault = fault;
  });
  for (let number = 2; number <= last; number += 1)
    if (number !== replaced) await drive(clock, apply(number));
  const changesBefore = world.changes.length;
  world.asked.clear();
  await driveFor(clock, 120_000);

  const table: string[] = [];
  rows.forEach(({ what, reason, message }, index) => {
    const number = index + 2;
    const condition = ready(number);
    t.match(condition, { reason, message }, what);
    const asked = world.asked.get(addressOf(number)) ?? 0;
    // A look is at most twelve calls, after 1, 2, 4, 8, 16, 30 … seconds, with a ping now and then.
    t.ok(asked < 200, `${what}: asked ${asked} times in two minutes`);
    table.push(`${what.padEnd(34)} ${(condition?.reason ?? '').padEnd(18)} ${condition?.message ?? ''}`);
  });
  t.comment(`\n${table.join('\n')}`);
  t.equal(ready(1)?.status, 'True', 'the good one stays ready');
  const skewed = node(behind);
  t.match(findCondition(skewed && conditionsOf(skewed), 'ClockSkewed'), {
    status: 'True',
    reason: 'ClockWrong',
    message: /120 s behind/,
  });
  t.same(node(replaced)?.status?.replacement, { id: 'OTHER', name: 'stranger' });
  const touched = world.changes.slice(changesBefore).filter((line) => line.startsWith('stranger '));
  t.same(touched, [], 'nothing was done on the host that took the place');
  t.same(world.crimes, []);

  await t.test('a host that took the place is used once somebody says so', async (t) => {
    const current = node(replaced);
    if (current === undefined) throw new Error('it is there');
    const accepted = { ...current.metadata.annotations, [annotations.acceptEngine]: 'OTHER' };
    const changed = { ...current, metadata: { ...current.metadata, annotations: accepted } };
    await drive(clock, store.update(changed, api));
    t.ok(await driveUntil(clock, isReady(replaced), 60_000));
    t.match(node(replaced)?.status, { engine: { id: 'OTHER' }, replacement: undefined });
  });

  await t.test('the same host with a new ID keeps its containers and needs no word', async (t) => {
    const ours = [...at(replaced).containers.values()].filter(
      (one) => labelsOf(one)[containerLabels.installation] !== undefined,
    );
    at(replaced).id = 'RENEWED';
    t.ok(await driveUntil(clock, () => node(replaced)?.status?.engine?.id === 'RENEWED', 130_000));
    t.equal(ready(replaced)?.status, 'True');
    t.ok(ours.length > 0 && ours.every(({ Id }) => at(replaced).containers.has(Id)));
  });

  await t.test('each goes on by itself when its fault ends', async (t) => {
    for (const engine of all.values()) engine.fault = () => undefined;
    at(twin).id = 'ITS-OWN';
    for (let number = 1; number <= last; number += 1)
      t.ok(await driveUntil(clock, isReady(number), 120_000), `n${number}`);
  });

  await t.test('with no engine left the operator says that it is cut off, and touches nothing', async (t) => {
    for (const engine of all.values()) engine.fault = () => 'refused';
    const isCutOff = (): boolean => readyOf(store.getCluster('demo'))?.reason === 'CutOff';
    t.ok(await driveUntil(clock, isCutOff, 300_000));
    const before = world.changes.length;
    await drive(clock, store.delete({ kind: 'Node', name: `n${twin}` }, api));
    await driveFor(clock, 400_000);
    t.equal(world.changes.length, before);
    t.match(ready(2)?.message, /it is this machine that is cut off → Check the network of the machine/);
    t.match(ready(twin), { reason: 'Terminating', message: /none is given up/ });
    for (const engine of all.values()) engine.fault = () => undefined;
    const isWell = (): boolean => readyOf(store.getCluster('demo'))?.status === 'True';
    t.ok(await driveUntil(clock, isWell, 60_000), 'all is well when the network is back');
    t.equal(node(twin), undefined, 'and what was deleted meanwhile is gone');
    t.same(world.crimes, []);
  });
});

t.test('operator: a manager that hangs holds up nothing of its cluster', { timeout: 60_000 }, async (t) => {
  const { clock, world, store, at, ready, apply } = await aWorld(t, 5);
  const isWell = (): boolean => readyOf(store.getCluster('demo'))?.status === 'True';
  await drive(clock, apply(1));
  await drive(clock, apply(2));
  t.ok(await driveUntil(clock, isWell, 60_000));
  world.hungManagers.add('10.0.0.1');
  const isTold = (): boolean => ready(1)?.status === 'False';
  t.ok(await driveUntil(clock, isTold, 30_000), 'it is found out and said');
  t.match(ready(1)?.message, /Cannot ask the manager on n1/);
  // At any moment of the question, of which there is always one under way.
  for (const [number, laterMs] of [
    [3, 0],
    [4, 700],
    [5, 1900],
  ] as const) {
    await driveFor(clock, laterMs);
    const startMs = clock.monotonic();
    await drive(clock, apply(number));
    const isThere = (): boolean =>
      [...at(number).containers.values()].some(({ status }) => status === 'running');
    t.ok(await driveUntil(clock, isThere, 60_000));
    const tookMs = clock.monotonic() - startMs;
    t.ok(
      tookMs < 2000,
      `a join container is there after ${tookMs} ms, while the manager takes 5 s each time`,
    );
  }
  world.hungManagers.clear();
  t.ok(await driveUntil(clock, isWell, 30_000), 'and all is well when it answers again');
});

t.test('operator: a token service that hangs is told of its cluster', { timeout: 60_000 }, async (t) => {
  const { clock, world, store, at, apply } = await aWorld(t, 2);
  const cluster = () => store.getCluster('demo');
  const said = () => findCondition(conditionsOf(cluster() ?? aCluster()), 'DiscoveryNotServing');
  const isWell = (): boolean => readyOf(cluster())?.reason === 'Ready';
  await drive(clock, apply(1));
  await drive(clock, apply(2));
  t.ok(await driveUntil(clock, isWell, 60_000));
  await driveFor(clock, 60_000);
  const before = world.askedServices.length;
  await driveFor(clock, 600_000);
  const asked = world.askedServices.length - before;
  t.ok(asked >= 10 && asked <= 20, `in ten minutes at rest it is asked ${asked} times`);
  const changes = world.changes.length;
  for (const [fault, words] of [
    [
      'hung',
      /n1 \(10\.0\.0\.1:3377\) does not serve: .*no answer in 5 s; .*no engine can join → Check .*docker restart/,
    ],
    [
      new SwarmError('DISCOVERY_FAILED', 'returned 500 HTTP status code'),
      /does not serve: returned 500 HTTP status code;/,
    ],
  ] as const) {
    world.badServices.set('10.0.0.1', fault);
    t.ok(await driveUntil(clock, () => said() !== undefined, 60_000), 'it is found out and said');
    t.match(said(), { status: 'True', reason: 'DiscoveryFailed', message: words });
    t.match(readyOf(cluster()), { status: 'True', reason: 'DiscoveryNotServing', message: words });
    const { resourceVersion } = cluster()?.metadata ?? {};
    await driveFor(clock, 120_000);
    t.equal(cluster()?.metadata.resourceVersion, resourceVersion, 'once: nothing is written while it lasts');
    world.badServices.clear();
    t.ok(await driveUntil(clock, isWell, 30_000), 'and taken back when it answers again');
    t.equal(said(), undefined);
  }
  const told = store.events({ kind: 'Cluster', name: 'demo' }).map(({ type, reason }) => `${type} ${reason}`);
  t.equal(told.filter((line) => line === 'Warning DiscoveryNotServing').length, 2);
  t.ok(told.includes('Normal DiscoveryServing'));
  t.equal(world.changes.length, changes, 'nothing was done to it');
  // What is wrong with its engine, or its container, is told of the Node.
  world.badServices.set('10.0.0.1', 'hung');
  at(1).fault = () => 'refused';
  await driveFor(clock, 120_000);
  t.equal(said(), undefined);
});

t.test(
  'operator: a token service that misses one question is not told of',
  { timeout: 60_000 },
  async (t) => {
    const { clock, world, store, apply } = await aWorld(t, 2);
    const isWell = (): boolean => readyOf(store.getCluster('demo'))?.reason === 'Ready';
    await drive(clock, apply(1));
    await drive(clock, apply(2));
    t.ok(await driveUntil(clock, isWell, 60_000));
    await driveFor(clock, 60_000);
    const count = world.askedServices.length;
    world.badServices.set('10.0.0.1', new SwarmError('DISCOVERY_FAILED', 'connection refused'));
    t.ok(await driveUntil(clock, () => world.askedServices.length > count, 60_000));
    world.badServices.clear();
    await driveFor(clock, 60_000);
    const reasons = store.events({ kind: 'Cluster', name: 'demo' }).map(({ reason }) => reason);
    t.notOk(reasons.includes('DiscoveryNotServing'));
    t.ok(isWell());
  },
);

t.test('operator: engines that hang take no place from others', { timeout: 190_000 }, async (t) => {
  const [engines, hung] = [100, 70];
  const timeToReady = async (isHung: (number: number) => boolean): Promise<number> => {
    const { clock, at, ready, apply } = await aWorld(t, engines);
    const good: number[] = [];
    for (let number = 1; number <= engines; number += 1) {
      if (isHung(number)) at(number).fault = () => 'silent';
      else good.push(number);
    }
    for (let number = engines; number >= 1; number -= 1) await apply(number);
    const startMs = clock.monotonic();
    const isDone = (): boolean => good.every((number) => ready(number)?.status === 'True');
    t.ok(await driveUntil(clock, isDone, 120_000));
    return clock.monotonic() - startMs;
  };
  const without = await timeToReady(() => false);
  const beside = await timeToReady((number) => number > engines - hung);
  t.comment(
    `${engines} engines ready after ${without} ms; ${engines - hung} beside ${hung} hung ones after ${beside} ms`,
  );
  // A look at a hung engine lasts 10 s of this clock: nobody waited for one to end.
  t.ok(beside < 10_000);
});
