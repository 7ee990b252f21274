// Rows about requests that go through to an engine: what the manager adds to them, how many it passes on, bulk streams.
import { formatHostPort } from '../../controller/api/engine-address.js';
import { closedLoop, openLoop } from '../load.js';
import { goal, slack, watched, type Figure, type Row } from '../row.js';
import type { World } from '../world.js';
import { passedOn } from './floors.js';
import { containerNames } from './lists.js';

const exportBytes = 1_000_000_000;

export const inspect: Row = {
  name: 'inspect',
  title: 'inspect through to the engine',
  boundBy: "Node's HTTP server and client on the way: the bare proxy finds no container and knows no engine",
  withinSeconds: 90,
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
    const proxied = await proxiedInspects(world, names);
    const added: Figure[] = [
      {
        label: 'added p50',
        value: latency.p50 - direct,
        unit: 'ms',
        atMost: 0.4 * slack(world),
        floor: { value: proxied.p50 - direct, what: 'bare proxy' },
      },
      {
        label: 'added p99',
        value: latency.p99 - direct,
        unit: 'ms',
        atMost: 3 * slack(world),
        floor: { value: proxied.p99 - direct, what: 'bare proxy' },
      },
    ];
    return [
      ...added,
      { label: 'direct p50', value: direct, unit: 'ms' },
      {
        label: 'with 16 clients',
        value: full.result.perSecond,
        unit: '/s',
        atLeast: 3_000 / slack(world),
        floor: { value: proxied.perSecond, what: 'bare proxy' },
      },
      { label: 'per call then', value: (full.cpuMs * 1000) / 10_000, unit: 'µs CPU' },
      { label: 'per call of the proxy', value: proxied.cpuMicros, unit: '' },
      { label: 'failed', value: open.result.failures + full.result.failures, unit: '', atMost: 0 },
    ];
  },
};

/** The same questions by way of a proxy that only passes on. */
async function proxiedInspects(
  world: World,
  names: readonly string[],
): Promise<{
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
  readonly cpuMicros: number;
}> {
  const floor = await world.floor();
  const client = world.client(16, floor.address);
  const paths = await Promise.all(
    names
      .slice(0, 50)
      .map(async (name) => passedOn(await engineOf(world, name), `/v1.44/containers/${name}/json`)),
  );
  const call = (at: number): Promise<unknown> =>
    client.call({ method: 'GET', path: paths[at % paths.length] ?? '' });
  await closedLoop({ clients: 4, calls: 1_000, call });
  const { latency } = await openLoop({ perSecond: 100, calls: 500, call });
  const before = await floor.process.read();
  const full = await closedLoop({ clients: 16, calls: 5_000, call });
  const after = await floor.process.read();
  const cpuMicros = ((after.cpuMs - before.cpuMs) * 1000) / 5_000;
  return { p50: latency.p50, p99: latency.p99, perSecond: full.perSecond, cpuMicros };
}

/** `host:port` of the engine a container is on. */
async function engineOf(world: World, name: string): Promise<string> {
  const path = `/v1.44/containers/${name}/json`;
  const { text } = await world.client(1).call({ method: 'GET', path, isRead: true });
  const { Node } = JSON.parse(text) as { Node: { Addr: string } }; // the manager's own answer
  return Node.Addr;
}

/** p50 of the same question to the engine itself, milliseconds. */
async function directInspects(world: World, names: readonly string[]): Promise<number> {
  const name = names[0] ?? '';
  const client = world.client(1, await engineOf(world, name));
  const call = { method: 'GET', path: `/v1.44/containers/${name}/json` } as const;
  await closedLoop({ clients: 1, calls: 200, call: () => client.call(call) });
  const load = await openLoop({ perSecond: 100, calls: 500, call: () => client.call(call) });
  return load.latency.p50;
}

export const create: Row = {
  name: 'create',
  title: 'create a container',
  boundBy:
    'choosing an engine, the container taken into the cache, and its read after the answer; the bare proxy does none of it',
  withinSeconds: 120,
  run: async (world) => {
    const client = world.client(64);
    const body = JSON.stringify({
      Image: 'busybox:latest',
      Cmd: ['serve'],
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
    const proxied = await proxiedCreates(world, { body, run });
    return [
      {
        label: 'added p50',
        value: latency.p50 - direct,
        unit: 'ms',
        atMost: 1.5 * slack(world),
        floor: { value: proxied.p50 - direct, what: 'bare proxy' },
      },
      {
        label: 'added p99',
        value: latency.p99 - direct,
        unit: 'ms',
        atMost: 8 * slack(world),
        floor: { value: proxied.p99 - direct, what: 'bare proxy' },
      },
      { label: 'direct p50', value: direct, unit: 'ms' },
      {
        label: 'with 64 clients',
        value: full.result.perSecond,
        unit: '/s',
        atLeast: 1_000 / slack(world),
        floor: { value: proxied.perSecond, what: 'bare proxy' },
      },
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

/** The same creates by way of a proxy that only passes on, in turn to 200 engines. */
async function proxiedCreates(
  world: World,
  { body, run }: { body: string; run: string },
): Promise<{ readonly p50: number; readonly p99: number; readonly perSecond: number }> {
  const client = world.client(64, (await world.floor()).address);
  const engines = world.fleet.addresses.slice(0, 200);
  const call = (at: number): Promise<unknown> =>
    client.call({
      method: 'POST',
      path: passedOn(
        engines[at % engines.length] ?? '',
        `/v1.44/containers/create?name=proxied-${run}-${at}`,
      ),
      body,
    });
  await closedLoop({ clients: 8, calls: 500, call });
  const { latency } = await openLoop({ perSecond: 50, calls: 200, call: (at) => call(at + 1_000) });
  const full = await closedLoop({ clients: 64, calls: 2_000, call: (at) => call(at + 2_000) });
  return { p50: latency.p50, p99: latency.p99, perSecond: full.perSecond };
}

export const bulk: Row = {
  name: 'bulk',
  title: 'bulk stream (export of 1 GB)',
  boundBy: 'one system call to read and one to write every 256 KiB, with TLS decrypted and encrypted again',
  withinSeconds: 60,
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
    const engine = await engineOf(world, name);
    const floor = await world.floor();
    const timed = async (address: string, path: string): Promise<number> => {
      const startedMs = performance.now();
      const { bytes } = await world.client(1, address).call({ method: 'GET', path });
      return bytes / 1e6 / (performance.now() - startedMs);
    };
    const path = `/v1.44/containers/${name}/export`;
    const floorBefore = await floor.process.read();
    const proxied = await timed(floor.address, passedOn(engine, path));
    const floorCpuMs = (await floor.process.read()).cpuMs - floorBefore.cpuMs;
    const direct = await timed(engine, path);
    await client.call({ method: 'DELETE', path: `/v1.44/containers/${name}?force=1` });
    return [
      {
        label: 'rate',
        value: load.result.bytes / 1e9 / seconds,
        unit: 'GB/s',
        atLeast: goal(world, { plain: 0.6, tls: 0.3 }),
        floor: { value: proxied, what: `bare proxy; ${direct.toFixed(2)} directly` },
      },
      { label: 'memory grew', value: (peak - before.rssBytes) / 1e6, unit: 'MB', atMost: 40 },
      { label: 'per GB', value: load.cpuMs * 1_000, unit: 'µs CPU' },
      { label: 'CPU per GB of the proxy', value: floorCpuMs, unit: 'ms' },
    ];
  },
};
