// Rows about the manager at rest: how it starts, what it holds, what it costs while nobody asks.
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { watched, type Row } from '../row.js';
import { pingFloor } from './ping-floor.js';
import type { World } from '../world.js';

/** Long enough for each engine to be probed several times, and for the refreshes that fall due. */
const idleSeconds = 60;
/** After it V8 gives back what the start has left, which is no rest yet. */
const settleMs = 45_000;
/** As many as the manager contacts at once. */
const contactsAtOnce = 64;

export const start: Row = {
  name: 'start',
  title: 'cold start to all healthy',
  boundBy:
    'connections (with TLS a handshake each) and the first answers, which are parsed once; the floor throws them away',
  withinSeconds: 90,
  run: async (world) => {
    const before = await world.fleet.counts();
    const elapsedMs = await world.startManager();
    const reading = await world.manager.read();
    // What was begun while engines became healthy belongs to the start too; what is confirmed slowly afterwards does not.
    await sleep(2_000);
    const after = await world.fleet.counts();
    const { engines } = world.options;
    const size = Math.max(1, engines / 1_000);
    const floor = await firstContacts(world);
    return [
      {
        label: 'wall',
        value: elapsedMs,
        unit: 'ms',
        atMost: 4_000 * size,
        floor: { value: floor.wallMs, what: 'bare first contacts' },
      },
      { label: 'per engine', value: (reading.cpuMs * 1000) / engines, unit: 'µs CPU' },
      { label: 'per engine of the floor', value: (floor.cpuMs * 1000) / engines, unit: '' },
      {
        label: 'requests per engine',
        value: round((after.requests - before.requests) / engines),
        unit: '',
        atMost: 6,
      },
      {
        label: 'connections per engine',
        value: round((after.connections - before.connections) / engines),
        unit: '',
      },
      { label: 'loop p99', value: reading.delayP99Ms, unit: 'ms' },
      { label: 'loop max', value: reading.delayMaxMs, unit: 'ms', atMost: 25 },
    ];
  },
};

/** What each engine must be asked at least, over a connection of its own, by a client that throws the answers away. */
async function firstContacts(world: World): Promise<{ readonly wallMs: number; readonly cpuMs: number }> {
  const paths = ['/info', '/v1.44/containers/json?all=1'];
  const left = [...world.fleet.addresses];
  const before = process.cpuUsage();
  const startedMs = performance.now();
  await Promise.all(
    Array.from({ length: contactsAtOnce }, async () => {
      for (let address = left.pop(); address !== undefined; address = left.pop()) {
        const client = world.client(1, address);
        for (const path of paths) await client.call({ method: 'GET', path });
        await client.close();
      }
    }),
  );
  const { user, system } = process.cpuUsage(before);
  return { wallMs: performance.now() - startedMs, cpuMs: (user + system) / 1000 };
}

export const rest: Row = {
  name: 'rest',
  title: 'at rest',
  boundBy:
    'a ping of each engine every 5 s, without which one that hangs is not found within 10 s; lists read again to check what events told, and containers what labels say of their reservations; rows and connections',
  withinSeconds: 200,
  run: async (world) => {
    await sleep(settleMs);
    world.manager.order('rest');
    const before = await world.fleet.counts();
    const { cpuMs, reading } = await watched(world, () => sleep(idleSeconds * 1_000));
    const after = await world.fleet.counts();
    world.manager.order('watch');
    const { engines } = world.options;
    const pings = await pingFloor(world, (after.pings - before.pings) / idleSeconds);
    const size = Math.max(1, engines / 1_000);
    return [
      {
        label: 'CPU',
        value: cpuMs / (idleSeconds * 10),
        unit: '%',
        atMost: 1.5 * size,
        floor: { value: pings, what: 'the pings alone' },
      },
      { label: 'pings', value: (after.pings - before.pings) / idleSeconds, unit: '/s' },
      { label: 'engine requests', value: (after.requests - before.requests) / idleSeconds, unit: '/s' },
      {
        label: 'resident',
        value: reading.rssBytes / 1e6,
        unit: 'MB',
        atMost: engines > 1_000 ? 240 * size : 300,
      },
      { label: 'heap', value: reading.heapBytes / 1e6, unit: 'MB' },
      { label: 'outside the heap', value: reading.externalBytes / 1e6, unit: 'MB' },
      { label: 'connections per engine', value: round(after.openConnections / engines), unit: '' },
    ];
  },
};

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
