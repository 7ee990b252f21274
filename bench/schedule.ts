// Time to choose an engine, with the cache changing after each choice as it does when creates go on. Run:
// node dist/bench/schedule.js [engines...]. The floor is the same scan over plain columns of numbers, in the same run.
import { createHash } from 'node:crypto';
import type { JsonObject } from '../controller/base/json.js';
import type { CachedObject, PooledEngine } from '../controller/engine/cluster-view.js';
import { ContainerIndex } from '../controller/engine/container-index.js';
import { EngineTables } from '../controller/engine/engine-tables.js';
import { createPlacer } from '../controller/manager/placement/placer.js';
import { filterNames } from '../controller/schedule/candidate.js';
import { parsePlacement } from '../controller/schedule/placement-request.js';

const containersEach = 30;
const calls = 300;

interface World {
  readonly engines: readonly PooledEngine[];
  readonly tables: ReadonlyMap<PooledEngine, EngineTables>;
  readonly images: ReadonlyMap<PooledEngine, readonly CachedObject[]>;
  readonly changes: Set<(engine: PooledEngine) => void>;
}

const hex = (text: string): string => createHash('sha256').update(text).digest('hex');

function summary(id: string, name: string, labels: Record<string, string>): JsonObject {
  return {
    Id: id,
    Names: [`/${name}`],
    Image: 'busybox:latest',
    ImageID: `sha256:${hex('busybox')}`,
    Command: 'sleep 1d',
    Created: 1_700_000_000,
    Ports: [{ IP: '0.0.0.0', PrivatePort: 80, PublicPort: 30_000, Type: 'tcp' }],
    Labels: labels,
    State: 'running',
    Status: 'Up 3 hours',
    HostConfig: { NetworkMode: 'bridge' },
  };
}

function makeWorld(count: number): World {
  const index = new ContainerIndex();
  const tables = new Map<PooledEngine, EngineTables>();
  const images = new Map<PooledEngine, readonly CachedObject[]>();
  const changes: World['changes'] = new Set();
  const engines = Array.from({ length: count }, (_unused, at): PooledEngine => {
    const name = `node${at}`;
    const engine = {
      address: `10.0.${at >> 8}.${at & 255}:2376`,
      ip: `10.0.${at >> 8}.${at & 255}`,
      id: `ID${at}`,
      name,
      state: 'healthy',
      failures: 0,
      healthIndicator: 100,
      updatedAtMs: 0,
      specs: {
        cpus: 64,
        memoryBytes: 2 ** 38,
        labels: { region: at % 2 === 0 ? 'eu' : 'us', ostype: 'linux' },
        version: '28.2.2',
        apiVersion: '1.50',
        minApiVersion: '1.24',
        os: 'linux',
        arch: 'amd64',
        info: {},
        versionInfo: {},
      },
    } as unknown as PooledEngine; // placing sends nothing, so there is no transport
    const table = new EngineTables(engine, index, {
      onChange: () => {
        for (const listener of changes) listener(engine);
      },
    });
    const rows = Array.from({ length: containersEach }, (_none, nth) =>
      summary(hex(`${at}/${nth}`), `c-${at}-${nth}`, { app: `app${nth}` }),
    );
    table.apply(table.beginRead(), rows);
    tables.set(engine, table);
    images.set(engine, [
      {
        engine,
        id: `sha256:${hex('busybox')}`,
        summary: { RepoTags: ['busybox:latest'], RepoDigests: [] },
      },
    ]);
    return engine;
  });
  return { engines, tables, images, changes };
}

const requests = {
  plain: {},
  memory: { HostConfig: { Memory: 2 ** 20 } },
  constraint: { Env: ['constraint:region==eu', 'constraint:node!=node7'] },
  affinity: { Env: ['affinity:app!=none*', 'affinity:image==busybox'] },
  port: { HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '8080' }] } } },
} as const satisfies Record<string, JsonObject>;

/** Median CPU of one call of the returned work, microseconds, whatever else runs; preparing a call is not counted. */
function measure(calls: number, prepare: (turn: number) => () => void): number {
  const micros: number[] = [];
  for (let turn = 0; turn < calls; turn += 1) {
    const work = prepare(turn);
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    // The first fifth warms the compiler up.
    if (turn >= calls / 5) micros.push(user + system);
  }
  return micros.sort((a, b) => a - b)[micros.length >> 1] ?? 0;
}

function floor(count: number): number {
  const used = new Float64Array(count);
  const totals = new Float64Array(count).fill(2 ** 38);
  const containers = new Int32Array(count).fill(containersEach);
  return measure(calls, () => () => {
    let best = -1;
    let bestWeight = Infinity;
    for (let at = 0; at < count; at += 1) {
      const weight = Math.floor((((used[at] ?? 0) + 1) * 100) / (totals[at] ?? 1));
      const isBetter =
        weight < bestWeight || (weight === bestWeight && (containers[at] ?? 0) < (containers[best] ?? 0));
      if (isBetter) [best, bestWeight] = [at, weight];
    }
    containers[best] = (containers[best] ?? 0) + 1;
  });
}

const sizes = process.argv.slice(2).map(Number);
process.stdout.write('engines  request      µs CPU per placement\n');
for (const count of sizes.length > 0 ? sizes : [1000, 5000]) {
  const print = (name: string, micros: number): void => {
    process.stdout.write(`${String(count).padEnd(8)} ${name.padEnd(12)} ${micros.toFixed(1)}\n`);
  };
  print('(floor)', floor(count));
  const world = makeWorld(count);
  for (const [name, body] of Object.entries(requests)) {
    const placer = createPlacer({
      cluster: {
        engines: () => world.engines,
        containersOf: (engine) => world.tables.get(engine)?.containers() ?? [],
        imagesOf: (engine) => world.images.get(engine) ?? [],
        onEngineChange: (listener) => {
          world.changes.add(listener);
          return () => world.changes.delete(listener);
        },
      },
      strategy: 'spread',
      filters: filterNames,
      overcommit: 0.05,
      random: () => 0.5,
    });
    const { request } = parsePlacement({ Image: 'busybox:latest', ...body });
    let release = (): void => undefined;
    let chosen: PooledEngine | undefined;
    const micros = measure(calls, (turn) => {
      // What the create before this one left behind: a container more on one engine.
      const table = chosen === undefined ? undefined : world.tables.get(chosen);
      const id = hex(`${name} ${turn}`);
      table?.apply(table.beginRead(), [summary(id, `${name}-${turn}`, {})], [id]);
      release();
      return () => {
        ({ engine: chosen, release } = placer.place({ request, id: `p${turn}`, name: `${name}-${turn}` }));
      };
    });
    print(name, micros);
  }
}
