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
    o?: { readonly pingMs?: () => number; readonly onOpen?: () => void },
  ): AsyncIterable<JsonObject>;
}

/** Events after which a container may not be what it was; exec and health events are not among them. */
const events = ['create', 'destroy', 'die', 'start', 'stop', 'pause', 'unpause', 'rename', 'update', 'oom'];

/** Files were copied into a container, by us or by somebody else. */
export const filesCopied = 'extract-to-dir';

/** A stream that lived this long was a good one: its end starts the delays anew. */
const goodStreamMs = 30_000;

export interface WatcherOptions {
  readonly engine: WatchableEngine;
  readonly installation: string;
  readonly clock: Clock;
  readonly random: () => number;
  /** Must not throw. Without an event: the stream broke, or a new one is about to be made. */
  readonly ring: (event?: JsonObject) => void;
  /** From now on every event rings. */
  readonly onOpen?: () => void;
  /** Between two signs of life asked of the engine; default: the engine's own. */
  readonly pingMs?: () => number;
}

export class EngineWatcher {
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(options: WatcherOptions) {
    this.#done = watch({ ...options, signal: this.#stop.signal });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }
}

async function watch(options: WatcherOptions & { readonly signal: AbortSignal }): Promise<void> {
  const { clock, signal } = options;
  const filters = {
    type: ['container'],
    label: [`${containerLabels.installation}=${options.installation}`],
    event: [...events, filesCopied],
  };
  let failures = 0;
  while (!signal.aborted) {
    const startedAt = clock.monotonic();
    try {
      for await (const event of options.engine.watchEvents(filters, signal, options)) options.ring(event);
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
