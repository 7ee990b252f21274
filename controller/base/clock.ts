// Time as an argument: the one place that reads the machine's clock and sets real timers.

/** Cancels a timer; calling it twice, or after the timer fired, is harmless. */
export type CancelTimer = () => void;

export interface Clock {
  /** Wall time, epoch milliseconds. */
  now(this: void): number;
  /** Monotonic time in milliseconds; only differences mean anything. */
  monotonic(this: void): number;
  /** Calls `callback` once after `delayMs` (clamped to at least 0). */
  setTimer(this: void, delayMs: number, callback: () => void): CancelTimer;
  /** Resolves after `delayMs`; rejects with `signal.reason` when aborted first. */
  sleep(this: void, delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** Builds `sleep` from a `setTimer`, so that fake clocks share the abort behaviour. */
export function sleepWith(
  setTimer: Clock['setTimer'],
  { delayMs, signal }: { readonly delayMs: number; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(abortReason(signal));
      return;
    }
    const onAbort = (): void => {
      cancel();
      reject(abortReason(signal));
    };
    const cancel = setTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function abortReason(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}

// setTimeout overflows above 2^31-1 ms and would fire at once.
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer: (delayMs, callback) => {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), longestTimerMs));
    return () => clearTimeout(timer);
  },
  sleep: (delayMs, signal) => sleepWith(systemClock.setTimer, { delayMs, signal }),
};
