// Rows about the manager at rest: how it starts, what it holds, what it costs while nobody asks.
import { setTimeout as sleep } from 'node:timers/promises';
import { watched, type Row } from '../row.js';

/** Long enough for each engine to be probed several times, and for the refreshes that fall due. */
const idleSeconds = 30;
const settleMs = 8_000;

export const start: Row = {
  name: 'start',
  title: 'cold start to all healthy',
  run: async (world) => {
    const before = await world.fleet.counts();
    const elapsedMs = await world.startManager();
    const reading = await world.manager.read();
    // What was begun while engines became healthy belongs to the start too; what is confirmed slowly afterwards does not.
    await sleep(2_000);
    const after = await world.fleet.counts();
    const { engines } = world.options;
    const size = Math.max(1, engines / 1_000);
    return [
      { label: 'wall', value: elapsedMs, unit: 'ms', atMost: 4_000 * size },
      { label: 'manager CPU', value: reading.cpuMs, unit: 'ms' },
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

export const rest: Row = {
  name: 'rest',
  title: 'at rest',
  run: async (world) => {
    await sleep(settleMs);
    world.manager.order('rest');
    const before = await world.fleet.counts();
    const { cpuMs, reading } = await watched(world, () => sleep(idleSeconds * 1_000));
    const after = await world.fleet.counts();
    world.manager.order('watch');
    const { engines } = world.options;
    const size = Math.max(1, engines / 1_000);
    return [
      { label: 'CPU', value: cpuMs / (idleSeconds * 10), unit: '%', atMost: 1.5 * size },
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
