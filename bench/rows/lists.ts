// Rows about what the manager answers from memory: all containers, a few of them, and the cluster's state.
import { closedLoop, openLoop } from '../load.js';
import { goal, latencyFigures, slack, watched, type Row } from '../row.js';
import type { World } from '../world.js';
import { bytesFloor } from './floors.js';

/** What the goals were set for; larger fleets get in proportion more for whole lists. */
const referenceContainers = 30_000;
const filtered = encodeURIComponent(JSON.stringify({ label: ['com.docker.compose.project=shop-3'] }));

export const listAll: Row = {
  name: 'list',
  title: 'list all containers',
  boundBy: 'the bytes: what is above the bare server is what Node needs to gather them, and pings beside it',
  withinSeconds: 60,
  run: async (world) => {
    const path = '/v1.44/containers/json?all=1';
    const client = world.client(2);
    const { bytes } = await client.call({ method: 'GET', path });
    const size = Math.max(1, world.containers / referenceContainers);
    // An answer is a hundred times as long as the goal of a request, and must not queue behind the last.
    const perSecond = 2 / size;
    const load = await watched(world, () =>
      openLoop({ perSecond, calls: 20, call: () => client.call({ method: 'GET', path }) }),
    );
    const floor = await bytesFloor(world, { bytes, perSecond, calls: 10 });
    return [
      { label: 'answer', value: bytes / 1e6, unit: 'MB' },
      ...latencyFigures(load.result, {
        p50: size * goal(world, { plain: 30, tls: 60 }),
        p99: size * goal(world, { plain: 60, tls: 120 }),
        cpuMs: load.cpuMs,
        floor,
      }),
      { label: 'per call of the floor', value: floor.cpuMicros, unit: '' },
      { label: 'loop max', value: load.reading.delayMaxMs, unit: 'ms', atMost: 25 },
    ];
  },
};

function small(row: { name: string; title: string; path: string; hits: number }): Row {
  return {
    name: row.name,
    title: row.title,
    boundBy:
      'pings, refreshes and inspections beside the requests, with the engines that answer them on the same cores, and the collections of garbage that whole lists before them leave to be done; the floor has none',
    withinSeconds: 40,
    run: async (world) => {
      const client = world.client(8);
      const call = { method: 'GET', path: row.path } as const;
      const { text, bytes } = await client.call({ ...call, isRead: true });
      const hits = (JSON.parse(text) as unknown[]).length;
      await closedLoop({ clients: 1, calls: 200, call: () => client.call(call) });
      const { result, cpuMs } = await watched(world, () =>
        openLoop({ perSecond: 100, calls: 1_000, call: () => client.call(call) }),
      );
      const floor = await bytesFloor(world, { bytes, perSecond: 100, calls: 500 });
      return [
        ...latencyFigures(result, { p50: 0.5 * slack(world), p99: 3 * slack(world), cpuMs, floor }),
        { label: 'hits', value: hits, unit: '', atLeast: Math.min(row.hits, world.containers) },
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
  boundBy: 'what changes between two questions is written again, a kilobyte for each engine',
  withinSeconds: 60,
  run: async (world) => {
    const client = world.client(4);
    const call = { method: 'GET', path: '/v1.44/info' } as const;
    const { bytes } = await client.call(call);
    await closedLoop({ clients: 1, calls: 50, call: () => client.call(call) });
    // A container starts or ends between two questions, as it does in a fleet: nothing may rely on a quiet cluster.
    world.fleet.churn(20);
    const { result, cpuMs } = await watched(world, () =>
      openLoop({ perSecond: 20, calls: 300, call: () => client.call(call) }),
    );
    world.fleet.churn(0);
    const size = Math.max(1, world.options.engines / 1_000);
    const floor = await bytesFloor(world, { bytes, perSecond: 20, calls: 100 });
    return latencyFigures(result, { p50: size, p99: 5 * size, cpuMs, floor });
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
