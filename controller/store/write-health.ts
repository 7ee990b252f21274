// Whether the state can be written: what is wrong while it cannot, and when to try again. Nothing that was acknowledged
// depends on it; it only decides when writing goes on.
import type { CancelTimer, Clock } from '../base/clock.js';
import { isSwarmError, type SwarmError } from '../base/errors.js';
import type { Logger } from '../base/log.js';

// Somebody who frees space wants to see that it helped; one small write in five seconds is nothing to a disk.
const retryMs = 5000;

export interface WriteHealthOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Writes something, or with `isDoubtful` everything, so that disk and memory agree again. */
  readonly retry: (isDoubtful: boolean) => Promise<void>;
  /** Told of each transition. */
  readonly onChange: (failure: SwarmError | undefined) => void;
}

export class WriteHealth {
  readonly #o: WriteHealthOptions;
  #failure: SwarmError | undefined;
  #isDoubtful = false;
  #cancelTimer: CancelTimer | undefined;
  #retrying: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: WriteHealthOptions) {
    this.#o = options;
  }

  /** Why the last write failed; undefined since one has succeeded. */
  get failure(): SwarmError | undefined {
    return this.#failure;
  }

  /** What is on the disk is unknown: nothing may be written before everything was written again. */
  get isDoubtful(): boolean {
    return this.#isDoubtful;
  }

  failed(error: unknown, isDoubtful: boolean): void {
    if (!isSwarmError(error, 'STATE_UNWRITABLE')) return;
    const isNew = this.#failure === undefined;
    this.#failure = isNew || isDoubtful ? error : this.#failure;
    this.#isDoubtful ||= isDoubtful;
    if (isNew) {
      this.#o.logger.error('State cannot be written; changes are refused until it can', {
        error: error.message,
      });
      this.#o.onChange(error);
    }
    this.#schedule();
  }

  succeeded(): void {
    if (this.#failure === undefined || this.#isDoubtful) return;
    this.#recovered();
  }

  /** Resolves when nothing is tried any more. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer?.();
    await this.#retrying;
  }

  #schedule(): void {
    if (this.#isClosed) return;
    this.#cancelTimer ??= this.#o.clock.setTimer(retryMs, () => {
      this.#cancelTimer = undefined;
      this.#retrying = this.#retry();
    });
  }

  async #retry(): Promise<void> {
    if (this.#failure === undefined) return;
    const wasDoubtful = this.#isDoubtful;
    try {
      await this.#o.retry(wasDoubtful);
      // A sync that failed while something small was tried.
      if (this.#isDoubtful && !wasDoubtful) {
        this.#schedule();
        return;
      }
      this.#isDoubtful = false;
      this.#recovered();
    } catch (error) {
      this.failed(error, false);
      this.#schedule();
    }
  }

  #recovered(): void {
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#o.logger.info('State can be written again');
    this.#o.onChange(undefined);
  }
}
