// The row about the event loop: how late it is while everything the other rows measure happens at once.
import { closedLoop, openLoop } from '../load.js';
import { watched, type Row } from '../row.js';
import { containerNames } from './lists.js';
import { Subscriber } from './subscriber.js';

const seconds = 15;
const eventsPerSecond = 200;
const subscribers = 10;

export const loop: Row = {
  name: 'loop',
  title: 'event loop under lists, inspects, creates, /info, events and a bulk stream at once',
  boundBy:
    'collections of garbage of some 5 ms, eight a second, many short jobs in one turn, and the time it waited for a core',
  withinSeconds: 90,
  run: async (world) => {
    const client = world.client(32);
    const names = await containerNames(world, 200);
    const floor = await world.floor();
    const source = { address: world.managerAddress, path: '/v1.44/events', tls: world.tls };
    const readers = await Promise.all(
      Array.from({ length: subscribers }, () => Subscriber.open(source, { isListed: false })),
    );
    const run = Date.now().toString(36);
    const bulk = `loop-${run}`;
    await client.call({
      method: 'POST',
      path: `/v1.44/containers/create?name=${bulk}`,
      body: JSON.stringify({
        Image: 'busybox:latest',
        Labels: { 'io.swarmctl.simulate.export-bytes': '200000000' },
      }),
    });
    const get = (path: string): Promise<unknown> => client.call({ method: 'GET', path });
    const body = JSON.stringify({ Image: 'busybox:latest', Cmd: ['serve'] });
    // A larger fleet has longer lists: the same bytes a second.
    const size = Math.max(1, world.options.engines / 1_000);
    world.fleet.churn(eventsPerSecond);
    floor.process.order('watch');
    await floor.process.read();
    const { result, cpuMs, reading } = await watched(world, async () => {
      const [lists, inspects] = await Promise.all([
        openLoop({
          perSecond: 1 / size,
          calls: Math.ceil(seconds / size),
          call: () => get('/v1.44/containers/json?all=1'),
        }),
        openLoop({
          perSecond: 100,
          calls: seconds * 100,
          call: (at) => get(`/v1.44/containers/${names[at % names.length] ?? ''}/json`),
        }),
        openLoop({ perSecond: 20, calls: seconds * 20, call: () => get('/v1.44/containers/json?limit=1') }),
        openLoop({ perSecond: 2, calls: seconds * 2, call: () => get('/v1.44/info') }),
        openLoop({
          perSecond: 20,
          calls: seconds * 20,
          call: (at) =>
            client.call({ method: 'POST', path: `/v1.44/containers/create?name=loop-${run}-${at}`, body }),
        }),
        // 200 MB every five seconds.
        openLoop({
          perSecond: 0.2,
          calls: seconds / 5,
          call: () => get(`/v1.44/containers/${bulk}/export`),
        }),
      ]);
      return { lists, inspects };
    });
    const idle = await floor.process.read();
    floor.process.order('rest');
    world.fleet.churn(0);
    for (const reader of readers) reader.close();
    await closedLoop({
      clients: 1,
      calls: 1,
      call: () => client.call({ method: 'DELETE', path: `/v1.44/containers/${bulk}?force=1` }),
    });
    return [
      {
        label: 'delay p99',
        value: reading.delayP99Ms,
        unit: 'ms',
        atMost: 5,
        floor: { value: idle.delayP99Ms, what: 'idle process' },
      },
      {
        label: 'delay max',
        value: reading.delayMaxMs,
        unit: 'ms',
        atMost: 25,
        floor: { value: idle.delayMaxMs, what: 'idle process' },
      },
      {
        label: 'waited for a core',
        value: reading.waitedMs / (seconds * 10),
        unit: '%',
        floor: { value: idle.waitedMs / (seconds * 10), what: 'idle process' },
      },
      { label: 'inspect p99', value: result.inspects.latency.p99, unit: 'ms' },
      { label: 'list p99', value: result.lists.latency.p99, unit: 'ms' },
      { label: 'CPU', value: cpuMs / (seconds * 10), unit: '%' },
    ];
  },
};
