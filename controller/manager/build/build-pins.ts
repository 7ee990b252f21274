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

interface Waiter {
  readonly resolve: (engine: PooledEngine | undefined) => void;
  readonly reject: (error: Error) => void;
}

interface Refused {
  readonly error: Error;
  readonly atMs: number;
}

// The other connections of a refused build are on their way already, or never come.
const refusedForMs = 30_000;

export class BuildPins {
  readonly #clock: Clock;
  readonly #pins = new Map<PinKey, Pin>();
  readonly #waiting = new Map<PinKey, Set<Waiter>>();
  readonly #refused = new Map<PinKey, Refused>();

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
    this.#refused.delete(key);
    for (const { resolve } of this.#takeWaiters(key)) resolve(pin.engine);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      pin.holders -= 1;
      if (pin.holders === 0) this.#pins.delete(key);
    };
  }

  /** Nothing will come of this key: who waits for it, or soon will, is told why. A key that is tied stays tied. */
  refuse(key: PinKey, error: Error): void {
    if (this.#pins.has(key)) return;
    const nowMs = this.#clock.monotonic();
    // Oldest first: what is too old to be asked for goes when something new comes.
    for (const [other, { atMs }] of this.#refused) {
      if (nowMs - atMs < refusedForMs) break;
      this.#refused.delete(other);
    }
    this.#refused.delete(key);
    this.#refused.set(key, { error, atMs: nowMs });
    for (const { reject } of this.#takeWaiters(key)) reject(error);
  }

  #takeWaiters(key: PinKey): ReadonlySet<Waiter> {
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    return waiting ?? new Set();
  }

  find(key: PinKey): PooledEngine | undefined {
    return this.#pins.get(key)?.engine;
  }

  /**
   * The engine of the key, as soon as it has one.
   * @param options.withinMs default: as long as the signal lets
   * @returns undefined when the time is over
   * @throws the signal's reason, or why the key was refused
   */
  async wait(
    key: PinKey,
    options: { readonly signal: AbortSignal; readonly withinMs?: number },
  ): Promise<PooledEngine | undefined> {
    const found = this.find(key);
    if (found !== undefined) return found;
    const refused = this.#refused.get(key);
    if (refused !== undefined && this.#clock.monotonic() - refused.atMs < refusedForMs) throw refused.error;
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
    let waiter: Waiter | undefined;
    let onAbort: (() => void) | undefined;
    try {
      return await new Promise<PooledEngine | undefined>((resolve, reject) => {
        waiter = { resolve, reject };
        onAbort = () => {
          if (signal.reason === timeIsOver) resolve(undefined);
          else reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
        };
        waiting.add(waiter);
        signal.addEventListener('abort', onAbort, { once: true });
      });
    } finally {
      deadline?.clear();
      if (waiter !== undefined) waiting.delete(waiter);
      if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
      if (waiting.size === 0 && this.#waiting.get(key) === waiting) this.#waiting.delete(key);
    }
  }
}

const timeIsOver = new Error('time is over');

/** Runs the decision where a build goes; if it is refused, whoever waits under these keys hears of it too. */
export function decideFor<T>(pins: BuildPins, keys: readonly PinKey[], decide: () => T): T {
  try {
    return decide();
  } catch (error) {
    for (const key of keys) pins.refuse(key, error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}
