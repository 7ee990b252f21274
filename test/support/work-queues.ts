// Work queues on a clock that only the test moves.
import type { ObjectKey } from '../../controller/api/object-key.js';
import { silentLogger } from '../../controller/base/log.js';
import { WorkQueue, type Outcome, type WorkQueueOptions } from '../../controller/queue/work-queue.js';
import { FakeClock } from './fake-clock.js';

type Run = (run: {
  readonly key: ObjectKey;
  readonly number: number;
  readonly signal: AbortSignal;
}) => Promise<Outcome> | Outcome;

/** A queue that notes its runs as `name@ms`; random 0 makes backoff half of its full delay. */
export function aQueue(run: Run = () => ({}), options: Partial<WorkQueueOptions> = {}) {
  const clock = new FakeClock(0);
  const runs: string[] = [];
  const queue = new WorkQueue({
    clock,
    logger: silentLogger,
    random: () => 0,
    concurrency: 4,
    reconcile: async (key, signal) => {
      runs.push(`${key.name}@${clock.now()}`);
      return run({ key, number: runs.length, signal });
    },
    ...options,
  });
  return { clock, runs, queue };
}

/** A promise that the test settles. */
export function aGate(): { readonly promise: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const promise = new Promise<void>((resolve) => (open = resolve));
  return { promise, open };
}
