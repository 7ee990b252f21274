// Rows about requests that go through to an engine: what the manager adds to them, how many it passes on, bulk streams.
import { formatHostPort } from '../../controller/api/engine-address.js';
import { closedLoop, openLoop } from '../load.js';
import { watched, type Figure, type Row } from '../row.js';
import type { World } from '../world.js';
import { containerNames } from './lists.js';

const exportBytes = 1_000_000_000;

export const inspect: Row = {
  name: 'inspect',
  title: 'inspect through to the engine',
  run: async (world) => {
    const names = await containerNames(world, 200);
    const path = (at: number): string => `/v1.44/containers/${names[at % names.length] ?? ''}/json`;
    const client = world.client(16);
    const direct = await directInspects(world, names);
    await closedLoop({
      clients: 4,
      calls: 1_000,
      call: (at) => client.call({ method: 'GET', path: path(at) }),
    });
    const open = await watched(world, () =>
      openLoop({
        perSecond: 100,
        calls: 1_000,
        call: (at) => client.call({ method: 'GET', path: path(at) }),
      }),
    );
    const full = await watched(world, () =>
      closedLoop({
        clients: 16,
        calls: 10_000,
        call: (at) => client.call({ method: 'GET', path: path(at) }),
      }),
    );
    const { latency } = open.result;
    const size = world.options.engines > 1_000 ? 1.5 : 1;
    const added: Figure[] = [
      { label: 'added p50', value: latency.p50 - direct, unit: 'ms', atMost: 0.4 * size },
      { label: 'added p99', value: latency.p99 - direct, unit: 'ms', atMost: 3 * size },
    ];
    return [
      ...added,
      { label: 'direct p50', value: direct, unit: 'ms' },
      { label: 'with 16 clients', value: full.result.perSecond, unit: '/s', atLeast: 3_000 / size },
      { label: 'per call then', value: (full.cpuMs * 1000) / 10_000, unit: 'µs CPU' },
      { label: 'failed', value: open.result.failures + full.result.failures, unit: '', atMost: 0 },
    ];
  },
};

/** p50 of the same question to the engine itself, milliseconds. */
async function directInspects(world: World, names: readonly string[]): Promise<number> {
  const name = names[0] ?? '';
  const { text } = await world.client(1).call({
    method: 'GET',
    path: `/v1.44/containers/${name}/json`,
    isRead: true,
  });
  const { Node } = JSON.parse(text) as { Node: { Addr: string } }; // the manager's own answer
  const client = world.client(1, Node.Addr);
  const call = { method: 'GET', path: `/v1.44/containers/${name}/json` } as const;
  await closedLoop({ clients: 1, calls: 200, call: () => client.call(call) });
  const load = await openLoop({ perSecond: 100, calls: 500, call: () => client.call(call) });
  return load.latency.p50;
}

export const create: Row = {
  name: 'create',
  title: 'create a container',
  run: async (world) => {
    const client = world.client(64);
    const body = JSON.stringify({
      Image: 'busybox:latest',
      Cmd: ['true'],
      HostConfig: { Memory: 4_194_304 },
    });
    const run = Date.now().toString(36);
    const create = async (name: string): Promise<void> => {
      const { status } = await client.call({
        method: 'POST',
        path: `/v1.44/containers/create?name=${name}`,
        body,
      });
      if (status !== 201) throw new Error(`status ${status}`);
    };
    const direct = await directCreates(world, { body, run });
    await closedLoop({ clients: 8, calls: 500, call: (at) => create(`warm-${run}-${at}`) });
    const open = await watched(world, () =>
      openLoop({ perSecond: 50, calls: 500, call: (at) => create(`open-${run}-${at}`) }),
    );
    const full = await watched(world, () =>
      closedLoop({ clients: 64, calls: 5_000, call: (at) => create(`full-${run}-${at}`) }),
    );
    // 64 clients ask for 100 names, each name 8 times: one of them each may get it.
    let won = 0;
    await closedLoop({
      clients: 64,
      calls: 800,
      call: (at) =>
        create(`race-${run}-${Math.floor(at / 8)}`).then(
          () => void (won += 1),
          () => undefined,
        ),
    });
    const { latency } = open.result;
    const size = world.options.engines > 1_000 ? 1.5 : 1;
    return [
      { label: 'added p50', value: latency.p50 - direct, unit: 'ms', atMost: 1.5 * size },
      { label: 'added p99', value: latency.p99 - direct, unit: 'ms', atMost: 8 * size },
      { label: 'direct p50', value: direct, unit: 'ms' },
      { label: 'with 64 clients', value: full.result.perSecond, unit: '/s', atLeast: 1_000 / size },
      { label: 'per call then', value: (full.cpuMs * 1000) / 5_000, unit: 'µs CPU' },
      { label: 'failed', value: open.result.failures + full.result.failures, unit: '', atMost: 0 },
      { label: 'of 100 raced names', value: won, unit: '', atMost: 100, atLeast: 100 },
    ];
  },
};

async function directCreates(world: World, { body, run }: { body: string; run: string }): Promise<number> {
  const client = world.client(1, world.fleet.addresses[0] ?? formatHostPort({ host: '127.0.0.1', port: 0 }));
  const call = (at: number): Promise<unknown> =>
    client.call({ method: 'POST', path: `/v1.44/containers/create?name=direct-${run}-${at}`, body });
  await closedLoop({ clients: 1, calls: 50, call });
  const load = await openLoop({ perSecond: 50, calls: 200, call: (at) => call(at + 1_000) });
  return load.latency.p50;
}

export const bulk: Row = {
  name: 'bulk',
  title: 'bulk stream (export of 1 GB)',
  run: async (world) => {
    const client = world.client(1);
    const name = `bulk-${Date.now().toString(36)}`;
    const body = JSON.stringify({
      Image: 'busybox:latest',
      Labels: { 'io.swarmctl.simulate.export-bytes': String(exportBytes) },
    });
    await client.call({ method: 'POST', path: `/v1.44/containers/create?name=${name}`, body });
    const before = await world.manager.read();
    let peak = before.rssBytes;
    const watching = setInterval(() => {
      void world.manager.read().then(({ rssBytes }) => {
        peak = Math.max(peak, rssBytes);
      });
    }, 200);
    const beganMs = performance.now();
    const load = await watched(world, () =>
      client.call({ method: 'GET', path: `/v1.44/containers/${name}/export` }),
    );
    const seconds = (performance.now() - beganMs) / 1000;
    clearInterval(watching);
    await client.call({ method: 'DELETE', path: `/v1.44/containers/${name}?force=1` });
    return [
      {
        label: 'rate',
        value: load.result.bytes / 1e9 / seconds,
        unit: 'GB/s',
        atLeast: world.options.mode === 'plain' ? 0.6 : 0.3,
      },
      { label: 'memory grew', value: (peak - before.rssBytes) / 1e6, unit: 'MB', atMost: 40 },
      { label: 'CPU per GB', value: load.cpuMs, unit: 'ms' },
    ];
  },
};
