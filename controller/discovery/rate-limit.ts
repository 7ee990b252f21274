// A token bucket per client, in bounded memory.
import type { Clock } from '../base/clock.js';

interface Bucket {
  left: number;
  atMs: number;
}

export interface RateLimitOptions {
  readonly clock: Clock;
  /** Requests a client may make at once. */
  readonly burst: number;
  readonly perSecond: number;
  /** Clients remembered; the one not seen for longest is forgotten first. */
  readonly clients: number;
}

export class RateLimit {
  readonly #options: RateLimitOptions;
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: RateLimitOptions) {
    this.#options = options;
  }

  /** Takes one request from the client's allowance. @returns false when nothing is left */
  take(client: string): boolean {
    const { clock, burst, perSecond, clients } = this.#options;
    const nowMs = clock.monotonic();
    const bucket = this.#buckets.get(client) ?? { left: burst, atMs: nowMs };
    const left = Math.min(burst, bucket.left + ((nowMs - bucket.atMs) / 1000) * perSecond);
    const allowed = left >= 1;
    this.#buckets.delete(client);
    this.#buckets.set(client, { left: allowed ? left - 1 : left, atMs: nowMs });
    if (this.#buckets.size > clients) {
      const oldest = this.#buckets.keys().next();
      if (oldest.done !== true) this.#buckets.delete(oldest.value);
    }
    return allowed;
  }
}
