// Decides when each key is reconciled: repeated requests become one run, a key never has two runs at once, and
// failures are tried again at growing distances. p-queue limits how many keys run at the same time.
import PQueue from 'p-queue';
import { formatKey, type ObjectKey } from '../api/object-key.js';
import { backoffDelayMs, type BackoffOptions } from '../base/backoff.js';
import type { CancelTimer, Clock } from '../base/clock.js';
import { startDeadline, type Deadline } from '../base/deadline.js';
import { isSwarmError, SwarmError, toSwarmError } from '../base/errors.js';
import type { Logger } from '../base/log.js';

export interface Outcome {
  /** Run again after this time even if nothing asks for it; up to 10 % is added, so that keys do not run in step. */
  readonly requeueAfterMs?: number;
}

/** One run of a key. Times in ms. */
export interface Run {
  /** From when the key became due until it ran. */
  readonly waitedMs: number;
  readonly tookMs: number;
  /** When it asked to run again, after how long. */
  readonly requeueAfterMs?: number | undefined;
  readonly error?: SwarmError | undefined;
  /** Its deadline had passed. */
  readonly isTimeout: boolean;
}

/** Told of what keys do, for metrics. */
export interface QueueObserver {
  /** A key became due. */
  readonly onDue: (key: ObjectKey) => void;
  readonly onRun: (key: ObjectKey, run: Run) => void;
  /** A key that failed runs again later. */
  readonly onRetry: (key: ObjectKey) => void;
}

/** What a queue holds of one kind. */
export interface QueueLoad {
  /** Keys that wait for a worker. */
  readonly ready: number;
  readonly running: number;
  /** Keys that wait for their time. */
  readonly delayed: number;
  /** How long each run under way has taken. */
  readonly runningMs: readonly number[];
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Returns a number in [0, 1). */
  readonly random: () => number;
  /** Keys that may run at the same time. */
  readonly concurrency: number;
  /** Runs that take longer than `afterMs` let another key have their place, at most so many at once. Default: none. */
  readonly overtime?: { readonly afterMs: number; readonly most: number };
  /** Brings one key to its desired state. It must end soon after `signal` aborts: until it does, its key waits. */
  readonly reconcile: (key: ObjectKey, signal: AbortSignal) => Promise<Outcome>;
  /** Told of every failed run. */
  readonly onError?: (key: ObjectKey, error: SwarmError) => void;
  readonly observer?: QueueObserver;
  /** Time after which a run is aborted. Default 600000 (10 min): above every wait inside a reconcile. */
  readonly deadlineMs?: number;
  readonly backoff?: BackoffOptions;
}

export interface AddOptions {
  /** Wait this long; of several delays the earliest counts. Default 0. */
  readonly delayMs?: number;
  /** Forget earlier failures: the spec is new, so their reason may be gone. Default false. */
  readonly resetBackoff?: boolean;
}

interface Entry {
  readonly key: ObjectKey;
  state: 'resting' | 'ready' | 'running';
  /** Asked for during its run: exactly one more run follows. */
  dirty: boolean;
  failures: number;
  /** Monotonic ms: of the state. */
  sinceMs: number;
  timer: { readonly dueMs: number; readonly cancel: CancelTimer } | undefined;
}

const defaultDeadlineMs = 600_000;

export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #pool: PQueue;
  readonly #entries = new Map<string, Entry>();
  /** Of the runs under way. Not one signal for all: every run would hang something on it. */
  readonly #underWay = new Set<Deadline>();
  /** Runs that have given up their place in the pool. */
  readonly #late = new Set<Promise<void>>();
  #closed: Promise<void> | undefined;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#pool = new PQueue({ concurrency: options.concurrency });
  }

  /** Asks for a run of `key`. A no-op after `close`. */
  add(key: ObjectKey, { delayMs = 0, resetBackoff = false }: AddOptions = {}): void {
    if (this.#closed !== undefined) return;
    const id = formatKey(key);
    let entry = this.#entries.get(id);
    if (entry === undefined) {
      entry = { key, state: 'resting', dirty: false, failures: 0, sinceMs: 0, timer: undefined };
      this.#entries.set(id, entry);
    }
    if (resetBackoff) entry.failures = 0;
    if (delayMs > 0) this.#wake(entry, delayMs);
    else this.#makeReady(entry);
  }

  /** How long until `key` runs by itself; undefined while it runs, or when nothing asks for a run. */
  nextRunInMs(key: ObjectKey): number | undefined {
    const timer = this.#entries.get(formatKey(key))?.timer;
    return timer && Math.max(0, timer.dueMs - this.#options.clock.monotonic());
  }

  /** Resolves when no key runs or waits for a worker; keys that wait for their time do not count. */
  async idle(): Promise<void> {
    await this.#pool.onIdle();
    while (this.#late.size > 0) {
      await Promise.all(this.#late);
      await this.#pool.onIdle();
    }
  }

  /** @param kind of keys; default: all */
  load(kind?: ObjectKey['kind']): QueueLoad {
    const nowMs = this.#options.clock.monotonic();
    const entries = [...this.#entries.values()].filter(({ key }) => kind === undefined || key.kind === kind);
    const running = entries.filter(({ state }) => state === 'running');
    return {
      ready: entries.filter(({ state }) => state === 'ready').length,
      running: running.length,
      delayed: entries.filter(({ timer }) => timer !== undefined).length,
      runningMs: running.map(({ sinceMs }) => nowMs - sinceMs),
    };
  }

  /** Aborts what runs, forgets what waits, and resolves when the last run has ended. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const reason = new SwarmError('ABORTED', 'Cannot finish the reconcile: the operator stops');
    for (const deadline of this.#underWay) deadline.abort(reason);
    for (const entry of this.#entries.values()) cancelTimer(entry);
    this.#pool.clear();
    await this.idle();
    this.#entries.clear();
  }

  #wake(entry: Entry, delayMs: number): void {
    // A run that ends after the close asks for its next one, whose timer nobody would cancel.
    if (this.#closed !== undefined) return;
    const { clock } = this.#options;
    const dueMs = clock.monotonic() + delayMs;
    if (entry.timer !== undefined && entry.timer.dueMs <= dueMs) return;
    cancelTimer(entry);
    const cancel = clock.setTimer(delayMs, () => {
      entry.timer = undefined;
      this.#makeReady(entry);
    });
    entry.timer = { dueMs, cancel };
  }

  #makeReady(entry: Entry): void {
    if (entry.state === 'running') entry.dirty = true;
    if (entry.state !== 'resting' || this.#closed !== undefined) return;
    entry.state = 'ready';
    entry.sinceMs = this.#options.clock.monotonic();
    this.#options.observer?.onDue(entry.key);
    // New work goes to the end of the pool's line, so a key that is always dirty does not starve the others.
    void this.#pool.add(() => this.#occupy(entry));
  }

  /** Holds a place of the pool for a run, until it takes long: what it waits for is nothing that others wait for. */
  async #occupy(entry: Entry): Promise<void> {
    const { clock, overtime } = this.#options;
    const run = this.#run(entry);
    if (overtime === undefined) return run;
    await new Promise<void>((resolve, reject) => {
      const cancel = clock.setTimer(overtime.afterMs, () => {
        // A queue in which too many are late is slow, but stays bounded.
        if (this.#late.size >= overtime.most) return;
        this.#late.add(run);
        resolve();
      });
      run
        .finally(() => {
          cancel();
          this.#late.delete(run);
        })
        .then(resolve, reject);
    });
  }

  async #run(entry: Entry): Promise<void> {
    // The pool may call at once, inside add(): a caller that adds a key twice in a row still gets one run.
    await Promise.resolve();
    if (this.#closed !== undefined) return;
    const { clock, observer, logger, random } = this.#options;
    const waitedMs = clock.monotonic() - entry.sinceMs;
    entry.state = 'running';
    entry.sinceMs += waitedMs;
    entry.dirty = false;
    // This run sees everything that the timer would have made it look at, and decides anew when to look again.
    cancelTimer(entry);
    const deadline = this.#startDeadline(entry.key);
    let requeueAfterMs: number | undefined;
    let error: SwarmError | undefined;
    try {
      // Awaited to its real end, also after the deadline: a second run beside a stuck one would be worse than waiting.
      ({ requeueAfterMs } = await this.#options.reconcile(entry.key, deadline.signal));
      if (entry.failures > 0) logger.info('Reconciled again', { object: formatKey(entry.key) });
      entry.failures = 0;
      if (requeueAfterMs !== undefined) this.#wake(entry, requeueAfterMs * (1 + 0.1 * random()));
    } catch (failure) {
      error = toSwarmError(failure);
      this.#failed(entry, error);
    }
    this.#underWay.delete(deadline);
    deadline.clear();
    const tookMs = clock.monotonic() - entry.sinceMs;
    const isTimeout = isSwarmError(deadline.signal.reason, 'TIMEOUT');
    observer?.onRun(entry.key, { waitedMs, tookMs, requeueAfterMs, error, isTimeout });
    this.#rest(entry);
  }

  #startDeadline(key: ObjectKey): Deadline {
    const { clock, deadlineMs = defaultDeadlineMs } = this.#options;
    const deadline = startDeadline(clock, {
      delayMs: deadlineMs,
      reason: () =>
        new SwarmError(
          'TIMEOUT',
          `Cannot reconcile ${formatKey(key)}: it takes longer than ${deadlineMs} ms`,
        ),
    });
    this.#underWay.add(deadline);
    return deadline;
  }

  #failed(entry: Entry, error: SwarmError): void {
    if (this.#closed !== undefined) return;
    const isFirst = entry.failures === 0;
    const fields = { object: formatKey(entry.key), code: error.code, error: error.message };
    if (error.retry === 'terminal') {
      entry.failures = 0;
    } else {
      entry.failures += 1;
      this.#options.observer?.onRetry(entry.key);
      this.#wake(entry, backoffDelayMs(entry.failures, this.#options.random, this.#options.backoff));
    }
    if (isFirst && error.retry !== 'waiting') this.#options.logger.warn('Cannot reconcile', fields);
    else this.#options.logger.debug('Cannot reconcile', { ...fields, failures: entry.failures });
    this.#options.onError?.(entry.key, error);
  }

  #rest(entry: Entry): void {
    entry.state = 'resting';
    if (entry.dirty) this.#makeReady(entry);
    else if (entry.timer === undefined && entry.failures === 0) this.#entries.delete(formatKey(entry.key));
  }
}

function cancelTimer(entry: Entry): void {
  entry.timer?.cancel();
  entry.timer = undefined;
}
