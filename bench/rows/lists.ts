// Rows about what the manager answers from memory: all containers, a few of them, and the cluster's state.
import { closedLoop, openLoop } from '../load.js';
import { goal, latencyFigures, watched, type Figure, type Row } from '../row.js';
import type { World } from '../world.js';

/** What the goals were set for; larger fleets get in proportion more for whole lists. */
const referenceContainers = 30_000;
const filtered = encodeURIComponent(JSON.stringify({ label: ['com.docker.compose.project=shop-3'] }));

export const listAll: Row = {
  name: 'list',
  title: 'list all containers',
  run: async (world) => {
    const path = '/v1.44/containers/json?all=1';
    const client = world.client(2);
    const { bytes } = await client.call({ method: 'GET', path });
    const size = Math.max(1, world.containers / referenceContainers);
    // Every second: an answer is a hundred times as long as the goal of a request, and must not queue behind the last.
    const load = await watched(world, () =>
      openLoop({ perSecond: 2, calls: 20, call: () => client.call({ method: 'GET', path }) }),
    );
    const floor = await listFloor(world, bytes);
    return [
      { label: 'answer', value: bytes / 1e6, unit: 'MB' },
      ...latencyFigures(load.result, {
        p50: size * goal(world, { plain: 30, tls: 60 }),
        p99: size * goal(world, { plain: 60, tls: 120 }),
        cpuMs: load.cpuMs,
      }),
      { label: 'floor p50', value: floor.p50, unit: 'ms' },
      { label: 'floor per call', value: floor.cpuMicros, unit: 'µs CPU' },
      { label: 'loop max', value: load.reading.delayMaxMs, unit: 'ms', atMost: 25 },
    ];
  },
};

/** The same number of bytes from memory by a server that does nothing else. */
async function listFloor(world: World, bytes: number): Promise<{ p50: number; cpuMicros: number }> {
  const floor = await world.startFloor();
  const client = world.client(1, floor.address);
  try {
    const call = { method: 'GET', path: `/${bytes}` } as const;
    await client.call(call);
    const before = await floor.process.read();
    const load = await openLoop({ perSecond: 2, calls: 10, call: () => client.call(call) });
    const after = await floor.process.read();
    return { p50: load.latency.p50, cpuMicros: ((after.cpuMs - before.cpuMs) * 1000) / load.latency.count };
  } finally {
    await floor.process.close();
  }
}

function small(row: { name: string; title: string; path: string; hits: number }): Row {
  return {
    name: row.name,
    title: row.title,
    run: async (world) => {
      const client = world.client(8);
      const call = { method: 'GET', path: row.path } as const;
      const { text } = await client.call({ ...call, isRead: true });
      const hits = (JSON.parse(text) as unknown[]).length;
      await closedLoop({ clients: 1, calls: 200, call: () => client.call(call) });
      const { result, cpuMs } = await watched(world, () =>
        openLoop({ perSecond: 100, calls: 1_000, call: () => client.call(call) }),
      );
      const size = world.containers > referenceContainers ? 1.5 : 1;
      return [
        { label: 'hits', value: hits, unit: '', atLeast: Math.min(row.hits, world.containers) },
        ...latencyFigures(result, { p50: 0.5 * size, p99: 3 * size, cpuMs }),
      ];
    },
  };
}

export const listLimited = small({
  name: 'limit',
  title: 'list with limit=1',
  path: '/v1.44/containers/json?limit=1',
  hits: 1,
});

export const listLabelled = small({
  name: 'label',
  title: 'list by label (a project of 150)',
  path: `/v1.44/containers/json?all=1&filters=${filtered}`,
  hits: 150,
});

export const listNamed = small({
  name: 'name',
  title: 'list by part of a name',
  path: `/v1.44/containers/json?all=1&filters=${encodeURIComponent(JSON.stringify({ name: ['web-21'] }))}`,
  hits: 1,
});

export const info: Row = {
  name: 'info',
  title: '/info',
  run: async (world) => {
    const client = world.client(4);
    const call = { method: 'GET', path: '/v1.44/info' } as const;
    await closedLoop({ clients: 1, calls: 50, call: () => client.call(call) });
    // A container starts or ends between two questions, as it does in a fleet: nothing may rely on a quiet cluster.
    world.fleet.churn(20);
    const { result, cpuMs } = await watched(world, () =>
      openLoop({ perSecond: 20, calls: 300, call: () => client.call(call) }),
    );
    world.fleet.churn(0);
    const size = Math.max(1, world.options.engines / 1_000);
    return latencyFigures(result, { p50: size, p99: 5 * size, cpuMs });
  },
};

export const mixed: Row = {
  name: 'loop',
  title: 'event loop under lists, inspects, events at once',
  run: async (world) => {
    const client = world.client(16);
    const references = await containerNames(world, 200);
    world.fleet.churn(200);
    const { result, cpuMs, reading } = await watched(world, async () => {
      const [lists, inspects] = await Promise.all([
        openLoop({
          perSecond: 1,
          calls: 15,
          call: () => client.call({ method: 'GET', path: '/v1.44/containers/json?all=1' }),
        }),
        openLoop({
          perSecond: 100,
          calls: 1_500,
          call: (at) =>
            client.call({
              method: 'GET',
              path: `/v1.44/containers/${references[at % references.length] ?? ''}/json`,
            }),
        }),
      ]);
      return { lists, inspects };
    });
    world.fleet.churn(0);
    const figures: Figure[] = [
      { label: 'delay p99', value: reading.delayP99Ms, unit: 'ms', atMost: 5 },
      { label: 'delay max', value: reading.delayMaxMs, unit: 'ms', atMost: 25 },
      { label: 'inspect p99', value: result.inspects.latency.p99, unit: 'ms' },
      { label: 'list p99', value: result.lists.latency.p99, unit: 'ms' },
      { label: 'CPU', value: cpuMs / 150, unit: '%' },
    ];
    return figures;
  },
};

/** Names of some containers, spread over the fleet. */
export async function containerNames(world: World, count: number): Promise<readonly string[]> {
  const { text } = await world.client(1).call({
    method: 'GET',
    path: `/v1.44/containers/json?all=1&limit=${count * 10}`,
    isRead: true,
  });
  const entries = JSON.parse(text) as { Names: string[] }[]; // the manager's own answer
  const names = entries.flatMap(({ Names }) => Names.slice(0, 1)).map((name) => name.replace(/^\//, ''));
  return names.filter((_name, at) => at % Math.max(1, Math.floor(names.length / count)) === 0);
}
