// Load on a server. Open loop: calls begin at a fixed rate whatever the answers do, and a latency counts from when its call
// should have begun, so that a stall is felt by every call it delays. Closed loop: clients that ask again when answered.
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { summarize, type Summary } from './percentiles.js';

export interface LoadResult {
  /** Milliseconds. */
  readonly latency: Summary;
  /** Calls answered per second. */
  readonly perSecond: number;
  readonly failures: number;
}

// Timers fire up to a millisecond late, which is more than what is measured: the rest is spent asking the clock.
const spinMs = 1.5;

/** @param call sends call number `at`; a rejection counts as a failure, and so as an infinite latency */
export async function openLoop(options: {
  readonly perSecond: number;
  readonly calls: number;
  readonly call: (at: number) => Promise<unknown>;
}): Promise<LoadResult> {
  const { perSecond, calls, call } = options;
  const startedMs = performance.now() + 5;
  const latencies: number[] = [];
  const running: Promise<void>[] = [];
  for (let at = 0; at < calls; at += 1) {
    const intendedMs = startedMs + (at * 1000) / perSecond;
    const waitMs = intendedMs - performance.now();
    if (waitMs > spinMs) await sleep(waitMs - spinMs);
    while (performance.now() < intendedMs) await nextTurn();
    running.push(
      call(at).then(
        () => void latencies.push(performance.now() - intendedMs),
        () => void latencies.push(Number.POSITIVE_INFINITY),
      ),
    );
  }
  await Promise.all(running);
  return resultOf(latencies, performance.now() - startedMs);
}

export async function closedLoop(options: {
  readonly clients: number;
  readonly calls: number;
  readonly call: (at: number) => Promise<unknown>;
}): Promise<LoadResult> {
  const { clients, calls, call } = options;
  const latencies: number[] = [];
  const startedMs = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (next < calls) {
        const at = next;
        next += 1;
        const beganMs = performance.now();
        await call(at).then(
          () => void latencies.push(performance.now() - beganMs),
          () => void latencies.push(Number.POSITIVE_INFINITY),
        );
      }
    }),
  );
  return resultOf(latencies, performance.now() - startedMs);
}

function resultOf(latencies: readonly number[], durationMs: number): LoadResult {
  const failures = latencies.filter((ms) => ms === Number.POSITIVE_INFINITY).length;
  return {
    latency: summarize(latencies),
    perSecond: ((latencies.length - failures) * 1000) / durationMs,
    failures,
  };
}
