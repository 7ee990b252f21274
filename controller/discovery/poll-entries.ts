// Watching a source that can only be asked: looks, reports changes, retries failures sooner than the interval.
import { backoffDelayMs } from '../base/backoff.js';
import type { Clock } from '../base/clock.js';
import { sameEntries } from './entries.js';
import type { WatchOptions } from './backend.js';

export interface PollOptions extends WatchOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly look: (signal: AbortSignal) => Promise<readonly string[]>;
  /** Waits between two looks; default: sleeps. A source that can notice changes resolves early. */
  readonly pause?: (delayMs: number, signal: AbortSignal) => Promise<void>;
}

/** Polls until `signal` aborts, then resolves. */
export async function pollEntries(options: PollOptions): Promise<void> {
  const { clock, signal } = options;
  const pause = options.pause ?? ((delayMs: number) => clock.sleep(delayMs, signal));
  let known: readonly string[] | undefined;
  let reported: string | undefined;
  let failures = 0;
  while (!signal.aborted) {
    try {
      const entries = await options.look(signal);
      failures = 0;
      reported = undefined;
      if (known === undefined || !sameEntries(known, entries)) options.onEntries(entries);
      known = entries;
    } catch (cause) {
      if (isAborted(signal)) return;
      const error = cause instanceof Error ? cause : new Error(String(cause));
      failures += 1;
      if (error.message !== reported) options.onError(error);
      reported = error.message;
    }
    await pause(nextDelayMs(options, failures), signal).catch(() => undefined);
  }
}

function nextDelayMs({ intervalMs, random }: PollOptions, failures: number): number {
  if (failures > 0) return backoffDelayMs(failures, random, { capMs: intervalMs });
  // Up to a tenth early, so that managers started together do not stay in step.
  return intervalMs * (1 - 0.1 * random());
}

// A function, because the compiler otherwise believes that `aborted` cannot change between two awaits.
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
