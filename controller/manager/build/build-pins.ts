// Which engine a build under way is on, by everything its connections call it: session, build ID, BuildKit reference.
// Connections of one build come in any order, so who comes first waits here for the one that decides.
import type { Clock } from '../../base/clock.js';
import { startDeadline } from '../../base/deadline.js';
import type { PooledEngine } from '../../engine/cluster-view.js';

/**
 * `session`: X-Docker-Expose-Session-Uuid · `build`: buildid of POST /build · `ref`: of a BuildKit solve · `command`: trace
 * of the client's command, for the builds that belong together
 */
export type PinKey = `${'session' | 'build' | 'ref' | 'command'}:${string}`;

interface Pin {
  readonly engine: PooledEngine;
  /** Requests and tunnels that hold it. */
  holders: number;
}

export class BuildPins {
  readonly #clock: Clock;
  readonly #pins = new Map<PinKey, Pin>();
  readonly #waiting = new Map<PinKey, Set<(engine: PooledEngine) => void>>();

  constructor(options: { readonly clock: Clock }) {
    this.#clock = options.clock;
  }

  get size(): number {
    return this.#pins.size;
  }

  /**
   * Ties the key to the engine and wakes who waits for it. A key that is tied already stays where it is.
   * @returns lets go; the key ends with its last holder. Idempotent
   */
  pin(key: PinKey, engine: PooledEngine): () => void {
    const pin = this.#pins.get(key) ?? { engine, holders: 0 };
    pin.holders += 1;
    this.#pins.set(key, pin);
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    for (const wake of waiting ?? []) wake(pin.engine);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      pin.holders -= 1;
      if (pin.holders === 0) this.#pins.delete(key);
    };
  }

  find(key: PinKey): PooledEngine | undefined {
    return this.#pins.get(key)?.engine;
  }

  /**
   * The engine of the key, as soon as it has one.
   * @param options.withinMs default: as long as the signal lets
   * @returns undefined when the time is over
   * @throws the signal's reason
   */
  async wait(
    key: PinKey,
    options: { readonly signal: AbortSignal; readonly withinMs?: number },
  ): Promise<PooledEngine | undefined> {
    const found = this.find(key);
    if (found !== undefined) return found;
    options.signal.throwIfAborted();
    const deadline =
      options.withinMs === undefined
        ? undefined
        : startDeadline(this.#clock, {
            delayMs: options.withinMs,
            parent: options.signal,
            reason: () => timeIsOver,
          });
    const signal = deadline?.signal ?? options.signal;
    const waiting = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, waiting);
    let wake: ((engine: PooledEngine) => void) | undefined;
    let onAbort: (() => void) | undefined;
    try {
      return await new Promise<PooledEngine | undefined>((resolve, reject) => {
        wake = resolve;
        onAbort = () => {
          if (signal.reason === timeIsOver) resolve(undefined);
          else reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
        };
        waiting.add(wake);
        signal.addEventListener('abort', onAbort, { once: true });
      });
    } finally {
      deadline?.clear();
      if (wake !== undefined) waiting.delete(wake);
      if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
      if (waiting.size === 0 && this.#waiting.get(key) === waiting) this.#waiting.delete(key);
    }
  }
}

const timeIsOver = new Error('time is over');
