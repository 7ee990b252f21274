// Floors of the rows: the same client asks for the same from a server that does nothing but that.
import { openLoop } from '../load.js';
import type { Call } from '../http-client.js';
import type { World } from '../world.js';

export interface LatencyFloor {
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** CPU of the server for each call, microseconds. */
  readonly cpuMicros: number;
  readonly what: string;
}

/** As many bytes from memory. */
export async function bytesFloor(
  world: World,
  options: { readonly bytes: number; readonly perSecond: number; readonly calls: number },
): Promise<LatencyFloor> {
  const { bytes, perSecond, calls } = options;
  const floor = await world.floor();
  const client = world.client(4, floor.address);
  const call: Call = { method: 'GET', path: `/bytes/${bytes}` };
  for (let at = 0; at < 4; at += 1) await client.call(call);
  const before = await floor.process.read();
  const { latency } = await openLoop({ perSecond, calls, call: () => client.call(call) });
  const after = await floor.process.read();
  return {
    p50: latency.p50,
    p99: latency.p99,
    cpuMicros: ((after.cpuMs - before.cpuMs) * 1000) / latency.count,
    what: 'bare server',
  };
}

/** A path of the floor server that passes a request on to an engine. */
export function passedOn(engine: string, path: string): string {
  return `/engine/${engine}${path}`;
}
