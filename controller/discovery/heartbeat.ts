// Keeps one engine's lease alive: registers at once and at every heartbeat, and sooner after a failure.
import { backoffDelayMs } from '../base/backoff.js';
import type { Clock } from '../base/clock.js';
import { formatGoDuration } from '../base/duration.js';
import { isSwarmError, messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import type { DiscoveryBackend } from './backend.js';
import { linkAbort } from './linked-abort.js';

export interface HeartbeatOptions {
  readonly backend: DiscoveryBackend;
  /** `host:port` at which managers reach the engine. */
  readonly entry: string;
  readonly heartbeatMs: number;
  /** Must be longer than the heartbeat. */
  readonly ttlSeconds: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #wake: () => void = () => undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** Registers now instead of at the next heartbeat. */
  wake(): void {
    this.#wake();
  }

  /**
   * Runs until the signal aborts, then resolves.
   * @throws {DISCOVERY_UNSUPPORTED} when the backend cannot register; any other failure is logged and retried
   */
  async run(): Promise<void> {
    const { clock, logger, heartbeatMs, signal } = this.#options;
    const text = `Registering on the discovery service every ${formatGoDuration(heartbeatMs)}...`;
    let failures = 0;
    for (let beat = 0; !signal.aborted; beat += 1) {
      const startedAt = clock.monotonic();
      if (beat === 0) logger.info(text);
      else logger.debug(text);
      failures = await this.#registerOnce(failures);
      const spentMs = clock.monotonic() - startedAt;
      await this.#pause(this.#nextDelayMs(failures) - spentMs);
    }
  }

  /** @returns the failures in a row so far */
  async #registerOnce(failures: number): Promise<number> {
    const { backend, entry, ttlSeconds, logger, signal } = this.#options;
    try {
      await backend.register(entry, ttlSeconds, signal);
      if (failures > 0) logger.info('Registered again on the discovery service', { failures });
      return 0;
    } catch (error) {
      if (isSwarmError(error, 'DISCOVERY_UNSUPPORTED')) throw error;
      if (!signal.aborted) logger.error(messageOf(error), isSwarmError(error) ? { hint: error.hint } : {});
      return failures + 1;
    }
  }

  #nextDelayMs(failures: number): number {
    const { heartbeatMs, random } = this.#options;
    return failures === 0 ? heartbeatMs : backoffDelayMs(failures, random, { capMs: heartbeatMs });
  }

  async #pause(delayMs: number): Promise<void> {
    const link = linkAbort(this.#options.signal);
    this.#wake = () => link.abort();
    await this.#options.clock.sleep(Math.max(0, delayMs), link.signal).catch(() => undefined);
    link.release();
  }
}
