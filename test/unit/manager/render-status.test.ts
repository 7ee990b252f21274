// The classic block of docker info.
import t from 'tap';
import { filterNames } from '../../../controller/schedule/candidate.js';
import { SystemStatus } from '../../../controller/manager/render-status.js';
import type { PooledEngine } from '../../../controller/engine/cluster-view.js';
import { aContainer, anEngine } from './builders.js';

const healthy = anEngine({ name: 'node-1', address: '10.0.0.5:2376' });
const sick = anEngine({
  name: 'node-2',
  address: '10.0.0.6:2376',
  state: 'unhealthy',
  error: 'Cannot connect to the docker engine endpoint',
});
const unknown = anEngine({
  name: '',
  address: '10.0.0.7:2376',
  id: '',
  state: 'pending',
  specs: undefined,
});

const linesOf = ({ pieces }: ReturnType<SystemStatus['pieces']>): [string, string][] =>
  JSON.parse(Buffer.concat(pieces).toString('utf8')) as [string, string][]; // its own lines

void t.test('SystemStatus prints the block of classic swarm', async (t) => {
  const containers = [
    aContainer({ engine: healthy, name: 'a', memoryBytes: 20 * 1024 ** 2, cpus: 0.5 }),
    aContainer({ engine: healthy, name: 'b', state: 'paused', cpus: 0.5 }),
    aContainer({ engine: healthy, name: 'c', state: 'exited' }),
    aContainer({ engine: sick, name: 'd' }),
  ];
  const status = new SystemStatus({ strategy: 'spread', filters: filterNames, overcommit: 0.05 });
  const json = status.pieces({
    engines: [unknown, healthy, sick],
    containersOf: (engine) => containers.filter((container) => container.engine === engine),
  });
  const lines = linesOf(json);
  // As `docker info` prints it, without the space it puts before each line.
  t.equal(
    lines.map(([key, value]) => `${key}: ${value}`).join('\n'),
    `Role: primary
Strategy: spread
Filters: health, port, containerslots, dependency, affinity, constraint, whitelist
Nodes: 3
 (unknown): 10.0.0.7:2376
  └ ID: 
  └ Status: Pending
  └ Containers: 0
  └ Reserved CPUs: 0 / 0
  └ Reserved Memory: 0 B / 0 B
  └ Labels: 
  └ UpdatedAt: 2026-11-22T09:48:30Z
  └ ServerVersion: 
 node-1: 10.0.0.5:2376
  └ ID: ID-node-1
  └ Status: Healthy
  └ Containers: 3 (1 Running, 1 Paused, 1 Stopped)
  └ Reserved CPUs: 1 / 2
  └ Reserved Memory: 20 MiB / 4.2 GiB
  └ Labels: region=eu
  └ UpdatedAt: 2026-11-22T09:48:30Z
  └ ServerVersion: 28.2.2
 node-2: 10.0.0.6:2376
  └ ID: ID-node-2
  └ Status: Unhealthy
  └ Containers: 1
  └ Reserved CPUs: 0 / 2
  └ Reserved Memory: 0 B / 4.2 GiB
  └ Labels: region=eu
  └ Error: Cannot connect to the docker engine endpoint
  └ UpdatedAt: 2026-11-22T09:48:30Z
  └ ServerVersion: 28.2.2`,
  );
});

void t.test('SystemStatus shows every change of an engine at once', async (t) => {
  const status = new SystemStatus({ strategy: 'spread', filters: filterNames, overcommit: 0 });
  const engine: { -readonly [K in keyof PooledEngine]: PooledEngine[K] } = anEngine({ name: 'node-1' });
  let containers = [aContainer({ engine, name: 'a' })];
  const other = anEngine({ name: 'node-9' });
  const engines = [engine, other];
  const value = (key: string): string | undefined => {
    const containersOf = (of: PooledEngine): typeof containers => (of === other ? [] : containers);
    const lines = linesOf(status.pieces({ engines, containersOf }));
    const anew = new SystemStatus({ strategy: 'spread', filters: filterNames, overcommit: 0 });
    t.same(lines, linesOf(anew.pieces({ engines, containersOf })), 'as if nothing had been kept');
    return lines.find(([line]) => line.endsWith(key))?.[1];
  };
  t.same([value('Status'), value('Containers')], ['Healthy', '1 (1 Running, 0 Paused, 0 Stopped)']);
  engine.updatedAtMs += 3_000;
  t.equal(value('UpdatedAt'), '2026-11-22T09:48:33Z');
  containers = [...containers, aContainer({ engine, name: 'b', state: 'paused' })];
  t.equal(value('Containers'), '2 (1 Running, 1 Paused, 0 Stopped)');
  engine.specs = engine.specs === undefined ? undefined : { ...engine.specs, version: '29.0.0 "é"' };
  t.equal(value('ServerVersion'), '29.0.0 "é"');
  engine.state = 'unhealthy';
  engine.error = 'gone';
  t.same([value('Status'), value('Error')], ['Unhealthy', 'gone']);
  engine.name = 'node-2';
  t.equal(value(' node-2'), 'node-1:2376');
});

void t.test('SystemStatus looks again at engines that changed, and at the times of all', async (t) => {
  const status = new SystemStatus({ strategy: 'spread', filters: filterNames, overcommit: 0 });
  type Changing = { -readonly [K in keyof PooledEngine]: PooledEngine[K] };
  const engines: Changing[] = ['node-1', 'node-2'].map((name) => anEngine({ name, address: `${name}:2376` }));
  const looked: string[] = [];
  const containersOf = ({ name }: PooledEngine): [] => {
    looked.push(name);
    return [];
  };
  const shown = (changed: readonly string[]): string[] => {
    looked.length = 0;
    const { pieces, giveBack } = status.pieces({ engines, containersOf, changed: new Set(changed) });
    const lines = linesOf({ pieces, giveBack });
    giveBack();
    return lines.filter(([key]) => /Status|UpdatedAt|ServerVersion/.test(key)).map(([, value]) => value);
  };
  const [first, second] = engines;
  if (first === undefined || second === undefined) throw new Error('two were made');
  const [old, time] = ['28.2.2', '2026-11-22T09:48:30Z'];
  t.same(shown([]), ['Healthy', time, old, 'Healthy', time, old]);
  t.same(looked, ['node-1', 'node-2'], 'the first time all are looked at');
  second.updatedAtMs += 1_000;
  const later = '2026-11-22T09:48:31Z';
  t.same(shown([]), ['Healthy', time, old, 'Healthy', later, old]);
  t.same(looked, []);
  first.specs = first.specs === undefined ? undefined : { ...first.specs, version: '29.0.0' };
  t.same(shown(['node-1:2376', 'left:2376']), ['Healthy', time, '29.0.0', 'Healthy', later, old]);
  t.same(looked, ['node-1']);
  second.state = 'disconnected';
  t.same(shown(['node-2:2376']), ['Healthy', time, '29.0.0', 'Disconnected', later, old], 'another length');
});

void t.test('SystemStatus leaves what is still being sent as it was', async (t) => {
  const status = new SystemStatus({ strategy: 'spread', filters: filterNames, overcommit: 0 });
  const engine: { -readonly [K in keyof PooledEngine]: PooledEngine[K] } = anEngine({ name: 'node-1' });
  const ask = (): ReturnType<SystemStatus['pieces']> =>
    status.pieces({ engines, containersOf: () => [], changed: new Set() });
  const engines = [engine];
  const sent = ask();
  const before = linesOf(sent);
  engine.updatedAtMs += 1_000;
  const next = ask();
  t.same(linesOf(sent), before);
  t.not(next.pieces[1], sent.pieces[1]);
  sent.giveBack();
  next.giveBack();
  engine.updatedAtMs += 1_000;
  const last = ask();
  t.equal(last.pieces[1], next.pieces[1], 'the same memory when nobody needs it');
  t.match(String(last.pieces[1]), /09:48:32Z/);
});
