// Loaded into the measured process before its own program: tells what it used and how late its event loop was. It asks
// for nothing in the program, so the shipped file is what is measured.
import { readFileSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import os from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';

export interface ProbeReading {
  /** User and system time since the process began, milliseconds. */
  readonly cpuMs: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly externalBytes: number;
  /** How late the event loop was since the last reading, milliseconds. */
  readonly delayP50Ms: number;
  readonly delayP99Ms: number;
  readonly delayMaxMs: number;
  /** How long its main thread could have run and had no core since the last reading, milliseconds; 0 where that is not known. */
  readonly waitedMs: number;
}

// 200 wake-ups a second find every stall of 5 ms and cost about half a per cent of a core; idle time is measured without.
const resolutionMs = 5;

// Clients and engines are other machines in life: what they do here must not keep the measured program from its core.
const priorityStep = 9;
preferMainThread();

const delay = monitorEventLoopDelay({ resolution: resolutionMs });
let waitedBeforeMs = 0;

process.on('message', (order: unknown) => {
  if (order === 'watch') delay.enable();
  if (order === 'rest') delay.disable();
  if (order === 'collect' && typeof globalThis.gc === 'function') globalThis.gc();
  if (order === 'read') process.send?.(read());
  if (isProfileOrder(order)) void writeProfile(order.profile);
});
process.channel?.unref();
// A bench that was killed must not leave the measured program behind.
process.on('disconnect', () => process.exit(1));

const session = process.env['BENCH_PROFILE'] === '1' ? new Session() : undefined;
if (session !== undefined) {
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
}

/** The collector's threads began before it, and stay equals of the clients: those would wait for them otherwise. */
function preferMainThread(): void {
  try {
    os.setPriority(Math.max(os.constants.priority.PRIORITY_HIGHEST, os.getPriority() - priorityStep));
  } catch {
    // Only root may: then they share as equals, which the figures of waiting show.
  }
}

function isProfileOrder(order: unknown): order is { readonly profile: string } {
  return typeof order === 'object' && order !== null && 'profile' in order;
}

/** Writes what was sampled since the last time, and goes on sampling. */
async function writeProfile(file: string): Promise<void> {
  if (session !== undefined) {
    const { profile } = await session.post('Profiler.stop');
    writeFileSync(file, JSON.stringify(profile));
    await session.post('Profiler.start');
  }
  process.send?.('profiled');
}

function read(): ProbeReading {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  // The histogram holds the time between two wake-ups, which is the resolution when nothing is late.
  const late = (nanoseconds: number): number =>
    delay.count === 0 ? 0 : Math.max(0, nanoseconds / 1e6 - resolutionMs);
  const reading: ProbeReading = {
    cpuMs: (user + system) / 1000,
    rssBytes: rss,
    heapBytes: heapUsed,
    externalBytes: external,
    delayP50Ms: late(delay.percentile(50)),
    delayP99Ms: late(delay.percentile(99)),
    delayMaxMs: late(delay.max),
    waitedMs: waitedMs() - waitedBeforeMs,
  };
  waitedBeforeMs = waitedMs();
  delay.reset();
  return reading;
}

/** Linux tells of each thread the time it ran, the time it waited for a core, and how often, in nanoseconds. */
function waitedMs(): number {
  try {
    const text = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8');
    return Number(text.split(' ')[1] ?? 0) / 1e6;
  } catch {
    return 0;
  }
}
