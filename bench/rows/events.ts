// The row about event streams: many subscribers of a busy fleet, one of which stops reading.
import http from 'node:http';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { summarize } from '../percentiles.js';
import { watched, type Row } from '../row.js';
import type { World } from '../world.js';

const subscribers = 50;
const perSecond = 1_000;
const seconds = 15;
/** What is still on its way when the fleet falls silent. */
const settleMs = 2_000;

export const events: Row = {
  name: 'events',
  title: '1,000 events/s to 50 subscribers',
  run: async (world) => {
    const readers = await Promise.all(Array.from({ length: subscribers }, () => Subscriber.open(world)));
    const stalled = await Subscriber.open(world);
    stalled.stall();
    const before = await world.fleet.counts();
    for (const reader of readers) reader.reset();
    const load = await watched(world, async () => {
      world.fleet.churn(perSecond);
      await sleep(seconds * 1_000);
      world.fleet.churn(0);
      await sleep(settleMs);
    });
    const after = await world.fleet.counts();
    const sent = after.events - before.events;
    const counts = readers.map(({ count }) => count);
    const wasCut = stalled.isClosed;
    const lag = summarize(readers.flatMap(({ lags }) => lags));
    for (const reader of [...readers, stalled]) reader.close();
    return [
      { label: 'lag p50', value: lag.p50, unit: 'ms' },
      { label: 'lag p99', value: lag.p99, unit: 'ms', atMost: 25 },
      { label: 'lag max', value: lag.max, unit: 'ms' },
      { label: 'events', value: sent / seconds, unit: '/s', atLeast: perSecond * 0.95 },
      { label: 'missed by a reader', value: sent - Math.min(...counts), unit: '', atMost: 0 },
      { label: 'stalled one cut', value: wasCut ? 1 : 0, unit: '', atLeast: 1 },
      { label: 'CPU', value: load.cpuMs / ((seconds + settleMs / 1_000) * 10), unit: '%' },
      { label: 'loop p99', value: load.reading.delayP99Ms, unit: 'ms', atMost: 5 },
      { label: 'loop max', value: load.reading.delayMaxMs, unit: 'ms', atMost: 25 },
    ];
  },
};

class Subscriber {
  readonly #request: http.ClientRequest;
  readonly #response: http.IncomingMessage;
  count = 0;
  lags: number[] = [];
  isClosed = false;
  #rest = '';

  private constructor(request: http.ClientRequest, response: http.IncomingMessage) {
    this.#request = request;
    this.#response = response;
    response.on('data', (chunk: Buffer) => this.#take(chunk.toString('latin1')));
    response.on('error', () => undefined).once('close', () => (this.isClosed = true));
  }

  static open(world: World): Promise<Subscriber> {
    const [host = '', port = ''] = world.managerAddress.split(':');
    const path = `/v1.44/events?filters=${encodeURIComponent(JSON.stringify({ type: ['container'] }))}`;
    const options = { host, port: Number(port), path, agent: false as const };
    const { tls } = world;
    return new Promise((resolve, reject) => {
      const onResponse = (response: http.IncomingMessage): void => resolve(new Subscriber(request, response));
      const request: http.ClientRequest =
        tls === undefined ? http.get(options, onResponse) : https.get({ ...options, ...tls }, onResponse);
      request.on('error', reject);
    });
  }

  /** Reads no more: what the manager sends stays with it once the sockets are full. */
  stall(): void {
    this.#response.pause();
  }

  reset(): void {
    this.count = 0;
    this.lags = [];
  }

  close(): void {
    this.#request.destroy();
  }

  /** Counts lines, and measures how old the last one of a piece is. */
  #take(text: string): void {
    const nowMs = Date.now();
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    this.count += lines.length;
    const nano = /"timeNano":(\d+)/.exec(lines.at(-1) ?? '')?.[1];
    if (nano !== undefined) this.lags.push(nowMs - Number(BigInt(nano) / 1_000_000n));
  }
}
