// The row about event streams: many subscribers of a busy fleet, one of which stops reading.
import { setTimeout as sleep } from 'node:timers/promises';
import { summarize, type Summary } from '../percentiles.js';
import { watched, type Row } from '../row.js';
import type { World } from '../world.js';
import { Subscriber, type EventSource } from './subscriber.js';

const subscribers = 50;
const perSecond = 1_000;
const seconds = 15;
const warmSeconds = 5;
const floorSeconds = 5;
/** What is still on its way when the fleet falls silent. */
const settleMs = 2_000;
// Sockets of this machine hold up to 10 MB of a stream nobody reads, and the manager 4 MiB more.
const cutWithinMs = 25_000;

export const events: Row = {
  name: 'events',
  title: '1,000 events/s to 50 subscribers',
  boundBy:
    '50 readers and 1,000 engines on the same cores, 10 ms in which events are gathered, and the read after each event',
  withinSeconds: 90,
  run: async (world) => {
    const source: EventSource = {
      address: world.managerAddress,
      path: `/v1.44/events?filters=${encodeURIComponent(JSON.stringify({ type: ['container'] }))}`,
      tls: world.tls,
    };
    const readers = await Promise.all(
      Array.from({ length: subscribers }, (_, at) => Subscriber.open(source, { isListed: at === 0 })),
    );
    const stalled = await Subscriber.open(source, { isListed: true });
    stalled.stall();
    // The first read of an engine costs a connection, with TLS a handshake; 1,000 of them are what `start` measures.
    world.fleet.churn(perSecond);
    await sleep(warmSeconds * 1_000);
    world.fleet.churn(0);
    await sleep(settleMs);
    for (const reader of readers) reader.reset();
    const before = await world.fleet.counts();
    await world.manager.read();
    const load = await watched(world, async () => {
      world.fleet.churn(perSecond);
      await sleep(seconds * 1_000);
      world.fleet.churn(0);
      await sleep(settleMs);
    });
    const after = await world.fleet.counts();
    const sent = after.events - before.events;
    const counts = readers.map(({ count }) => count);
    const lag = summarize(readers.flatMap(({ lags }) => lags));
    const cut = await cutOff(world, { stalled, reader: readers[0] });
    for (const reader of [...readers, stalled]) reader.close();
    const floor = await floorLag(world);
    return [
      {
        label: 'lag p50',
        value: lag.p50,
        unit: 'ms',
        floor: { value: floor.p50, what: 'bare broadcast' },
      },
      {
        label: 'lag p99',
        value: lag.p99,
        unit: 'ms',
        atMost: 25,
        floor: { value: floor.p99, what: 'bare broadcast' },
      },
      { label: 'lag max', value: lag.max, unit: 'ms' },
      { label: 'events', value: sent / seconds, unit: '/s', atLeast: perSecond * 0.95 },
      { label: 'missed by a reader', value: sent - Math.min(...counts), unit: '', atMost: 0 },
      { label: 'stalled one cut', value: cut.wasCut ? 1 : 0, unit: '', atLeast: 1 },
      { label: 'left out before the cut', value: cut.leftOut, unit: '', atMost: 0 },
      { label: 'per event', value: (load.cpuMs * 1_000) / sent, unit: 'µs CPU' },
      { label: 'loop p99', value: load.reading.delayP99Ms, unit: 'ms', atMost: 5 },
      { label: 'loop max', value: load.reading.delayMaxMs, unit: 'ms', atMost: 25 },
    ];
  },
};

/** Goes on until the manager gives the stalled one up, and looks at what that one was told until then. */
async function cutOff(
  world: World,
  { stalled, reader }: { readonly stalled: Subscriber; readonly reader: Subscriber | undefined },
): Promise<{ readonly wasCut: boolean; readonly leftOut: number }> {
  world.fleet.churn(perSecond);
  await world.manager
    .printed((output) => output.includes('Event subscriber does not read'), cutWithinMs)
    .catch(() => undefined);
  world.fleet.churn(0);
  await sleep(settleMs);
  const told = reader?.times ?? [];
  stalled.resume();
  const startedMs = performance.now();
  while (!stalled.isClosed && performance.now() - startedMs < settleMs) await sleep(20);
  // It came to the stream after the reader.
  const first = told.indexOf(stalled.times[0] ?? '');
  const leftOut = stalled.times.filter((time, at) => time !== told[first + at]).length;
  return { wasCut: stalled.isClosed, leftOut };
}

/** The lag of as many readers of a server that only sends. */
async function floorLag(world: World): Promise<Summary> {
  const source = { address: (await world.floor()).address, path: `/events/${perSecond}`, tls: world.tls };
  const readers = await Promise.all(
    Array.from({ length: subscribers }, () => Subscriber.open(source, { isListed: false })),
  );
  await sleep(floorSeconds * 1_000);
  for (const reader of readers) reader.close();
  return summarize(readers.flatMap(({ lags }) => lags));
}
