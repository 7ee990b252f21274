// The doorbell of one engine: rings when one of our containers changed there, and when the connection broke or came
// back. It says nothing about what changed; the loop looks for itself.
import { backoffDelayMs } from '../base/backoff.js';
import type { Clock } from '../base/clock.js';
import { containerLabels } from '../api/labels.js';
import type { JsonObject } from '../base/json.js';

export interface WatchableEngine {
  watchEvents(
    filters: Readonly<Record<string, readonly string[]>>,
    signal: AbortSignal,
    pingMs?: () => number,
  ): AsyncIterable<JsonObject>;
}

/** Events after which a container may not be what it was; exec and health events are not among them. */
const events = ['create', 'destroy', 'die', 'start', 'stop', 'pause', 'unpause', 'rename', 'update', 'oom'];

/** A stream that lived this long was a good one: its end starts the delays anew. */
const goodStreamMs = 30_000;

export class EngineWatcher {
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  /** @param options.ring must not throw */
  constructor(options: {
    readonly engine: WatchableEngine;
    readonly installation: string;
    readonly clock: Clock;
    readonly random: () => number;
    readonly ring: () => void;
    /** Between two signs of life asked of the engine; default: the engine's own. */
    readonly pingMs?: () => number;
  }) {
    this.#done = watch({ ...options, signal: this.#stop.signal });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }
}

async function watch(options: {
  readonly engine: WatchableEngine;
  readonly installation: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly ring: () => void;
  readonly pingMs?: () => number;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { clock, signal } = options;
  const filters = {
    type: ['container'],
    label: [`${containerLabels.installation}=${options.installation}`],
    event: events,
  };
  let failures = 0;
  while (!signal.aborted) {
    const startedAt = clock.monotonic();
    try {
      const stream = options.engine.watchEvents(filters, signal, options.pingMs)[Symbol.asyncIterator]();
      while ((await stream.next()).done !== true) options.ring();
    } catch {
      // Why it broke is what the loop finds out when it looks.
    }
    if (signal.aborted as boolean) return; // it may have been aborted while we waited
    failures = clock.monotonic() - startedAt >= goodStreamMs ? 1 : failures + 1;
    options.ring();
    const delayMs = backoffDelayMs(failures, options.random, { capMs: 30_000 });
    await clock.sleep(delayMs, signal).catch(() => undefined);
    // Events between the two streams are lost, so there is a look after each new one as well.
    if (!(signal.aborted as boolean)) options.ring();
  }
}
