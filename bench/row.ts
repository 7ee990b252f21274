// One row of the bench: what is measured, the goals, and how a measurement is judged.
import type { LoadResult } from './load.js';
import type { ProbeReading } from './probe.js';
import type { FleetMode, World } from './world.js';

export interface Figure {
  readonly label: string;
  readonly value: number;
  readonly unit: 'ms' | '/s' | 'MB' | '%' | 'GB/s' | '' | 'µs CPU';
  /** Upper bound, or lower bound for what should be large; absent: told, not judged. */
  readonly atMost?: number;
  readonly atLeast?: number;
  /** The same of something that does the least that can be done, measured in the same run. */
  readonly floor?: { readonly value: number; readonly what: string };
}

interface RowFacts {
  readonly name: string;
  readonly title: string;
  /** What misses of this row are bound by, read beside its floors. */
  readonly boundBy: string;
  /** A row that takes longer has failed; with `ENGINES=1000`. */
  readonly withinSeconds: number;
}

/** Measured on the simulated fleet, plain and with TLS. */
export interface Row extends RowFacts {
  readonly run: (world: World) => Promise<readonly Figure[]>;
}

/** Measured on real engines, which it starts and removes itself. */
export interface RealRow extends RowFacts {
  readonly run: (options: {
    /** Called in the end, the last first, whether it succeeded or not. */
    readonly teardown: (work: () => Promise<void>) => void;
    /** Where a CPU profile of the manager goes; absent: none is wanted. */
    readonly profiles: string | undefined;
  }) => Promise<readonly Figure[]>;
}

/** The bound for this kind of connection. */
export function goal(world: World, bounds: Readonly<Record<FleetMode, number>>): number {
  return bounds[world.options.mode];
}

/** How often the goal for 1,000 engines may be used up on this fleet by what does not grow with its size. */
export function slack(world: World): number {
  return world.options.engines > 1_000 ? 1.5 : 1;
}

/** p50 and p99 with their bounds, the maximum, failures if there were any, and what the manager's process spent on each call. */
export function latencyFigures(
  load: LoadResult,
  options: {
    readonly p50: number;
    readonly p99: number;
    readonly cpuMs: number;
    readonly floor?: { readonly p50: number; readonly p99: number; readonly what: string };
  },
): Figure[] {
  const { latency } = load;
  const { floor } = options;
  const floorOf = (value: number | undefined): Pick<Figure, 'floor'> =>
    floor === undefined || value === undefined ? {} : { floor: { value, what: floor.what } };
  return [
    { label: 'p50', value: latency.p50, unit: 'ms', atMost: options.p50, ...floorOf(floor?.p50) },
    { label: 'p99', value: latency.p99, unit: 'ms', atMost: options.p99, ...floorOf(floor?.p99) },
    { label: 'max', value: latency.max, unit: 'ms' },
    { label: 'per call', value: (options.cpuMs * 1000) / latency.count, unit: 'µs CPU' },
    ...(load.failures === 0 ? [] : [{ label: 'failed', value: load.failures, unit: '', atMost: 0 } as const]),
  ];
}

/** Runs `work` and tells what the manager used meanwhile, and how late its event loop was. */
export async function watched<T>(
  world: Pick<World, 'manager'>,
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
