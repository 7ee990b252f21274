// Deadlines for waits: every network call and every wait is bounded by one of these.
import type { Clock } from './clock.js';

/** An abort signal that fires after a delay; `clear` must be called when the work is done. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Aborts before the time is over. */
  abort(reason: Error): void;
  clear(): void;
}

/**
 * A signal that aborts after `delayMs`, or when `parent` does, with `reason` as the abort reason.
 * `reason` is a function so that the error's stack is only built when it is needed.
 */
export function startDeadline(
  clock: Clock,
  options: {
    readonly delayMs: number;
    readonly parent?: AbortSignal | undefined;
    readonly reason: () => Error;
  },
): Deadline {
  const controller = new AbortController();
  const cancelTimer = clock.setTimer(options.delayMs, () => controller.abort(options.reason()));
  const onParentAbort = (): void => controller.abort(options.parent?.reason);
  if (options.parent?.aborted) onParentAbort();
  else options.parent?.addEventListener('abort', onParentAbort, { once: true });
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    clear: () => {
      cancelTimer();
      options.parent?.removeEventListener('abort', onParentAbort);
    },
  };
}

/** Runs `work` under a deadline and always clears it. Rejects with `reason()` when time runs out. */
export async function withDeadline<T>(
  clock: Clock,
  options: {
    readonly delayMs: number;
    readonly parent?: AbortSignal | undefined;
    readonly reason: () => Error;
  },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = startDeadline(clock, options);
  const { signal } = deadline;
  const aborted = new Promise<never>((_resolve, reject) => {
    const fail = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
  try {
    return await Promise.race([work(signal), aborted]);
  } finally {
    deadline.clear();
  }
}

/** Waits for `work`, but no longer than `limitMs`. Rejects with what `work` rejects with until then. */
export async function waitAtMost(
  clock: Pick<Clock, 'setTimer'>,
  { work, limitMs }: { readonly work: Promise<unknown>; readonly limitMs: number },
): Promise<void> {
  let cancel = (): void => undefined;
  const limit = new Promise<void>((resolve) => {
    cancel = clock.setTimer(limitMs, resolve);
  });
  // A signal to abort a sleep would cost more than the rest of it.
  await Promise.race([work, limit]).finally(cancel);
}
