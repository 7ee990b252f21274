// One line of the table: what is measured, the goal, and how a measurement is judged and shown.
import type { LoadResult } from './load.js';
import type { ProbeReading } from './probe.js';
import type { Mode, World } from './world.js';

export interface Figure {
  readonly label: string;
  readonly value: number;
  readonly unit: 'ms' | '/s' | 'MB' | '%' | 'GB/s' | '' | 'µs CPU';
  /** Upper bound, or lower bound for what should be large; absent: told, not judged. */
  readonly atMost?: number;
  readonly atLeast?: number;
}

export interface Row {
  readonly name: string;
  readonly title: string;
  readonly run: (world: World) => Promise<readonly Figure[]>;
}

/** The bound for this kind of connection. */
export function goal(world: World, bounds: Readonly<Record<Mode, number>>): number {
  return bounds[world.options.mode];
}

/** p50 and p99 with their bounds, the maximum, failures if there were any, and what the manager's process spent on each call. */
export function latencyFigures(
  load: LoadResult,
  options: { readonly p50: number; readonly p99: number; readonly cpuMs: number },
): Figure[] {
  const { latency } = load;
  return [
    { label: 'p50', value: latency.p50, unit: 'ms', atMost: options.p50 },
    { label: 'p99', value: latency.p99, unit: 'ms', atMost: options.p99 },
    { label: 'max', value: latency.max, unit: 'ms' },
    { label: 'per call', value: (options.cpuMs * 1000) / latency.count, unit: 'µs CPU' },
    ...(load.failures === 0 ? [] : [{ label: 'failed', value: load.failures, unit: '', atMost: 0 } as const]),
  ];
}

/** Runs `work` and tells what the manager used meanwhile, and how late its event loop was. */
export async function watched<T>(
  world: World,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly cpuMs: number; readonly reading: ProbeReading }> {
  const before = await world.manager.read();
  const result = await work();
  const reading = await world.manager.read();
  return { result, cpuMs: reading.cpuMs - before.cpuMs, reading };
}

export function isMet({ value, atMost, atLeast }: Figure): boolean | undefined {
  if (atMost === undefined && atLeast === undefined) return undefined;
  return (atMost === undefined || value <= atMost) && (atLeast === undefined || value >= atLeast);
}
