// One request whose answer is collected whole, straight on a connection: without streams, signals and iterators in
// between, which cost more than the request itself. Its life is one object that can be aborted at any time.
import type { CancelTimer, Clock } from '../base/clock.js';
import type { ExchangeHandler, SmallRequestHead } from './request-socket.js';
import type { RequestSockets } from './request-sockets.js';

export interface WholeAnswer {
  readonly status: number;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly bytes: Buffer;
}

/** The answer is longer than was asked for. */
export class TooLong extends Error {}

export interface SmallExchangeOptions {
  readonly maxBytes: number;
  readonly clock: Pick<Clock, 'monotonic' | 'setTimer'>;
  /** How long the body may stand still, milliseconds; 0 = for ever. */
  readonly bodyStallMs: number;
}

export class SmallExchange implements ExchangeHandler {
  /** Rejects with the transport's error, `TooLong`, or the reason of `abort`. */
  readonly answer: Promise<WholeAnswer>;
  readonly #options: SmallExchangeOptions;
  readonly #chunks: Buffer[] = [];
  #resolve: (answer: WholeAnswer) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  #connection: { readonly destroy: () => void } | undefined;
  #status = 0;
  #rawHeaders: readonly string[] = [];
  #size = 0;
  #movedAtMs = 0;
  #cancelStall: CancelTimer | undefined;
  #abortReason: Error | undefined;

  constructor(options: SmallExchangeOptions) {
    this.#options = options;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Whether the headers of the answer are there. */
  get hasBegun(): boolean {
    return this.#status > 0;
  }

  /** Why it was aborted; undefined while it was not. */
  get abortReason(): Error | undefined {
    return this.#abortReason;
  }

  /** To be called once; nothing is sent when it was aborted before. @throws TypeError when it cannot be written as HTTP */
  start(sockets: RequestSockets, request: SmallRequestHead): void {
    if (this.#abortReason === undefined) this.#connection = sockets.send(request, this);
  }

  onHead(status: number, rawHeaders: readonly string[]): void {
    this.#status = status;
    this.#rawHeaders = rawHeaders;
    if (this.#options.bodyStallMs > 0) this.#watch(this.#options.bodyStallMs);
  }

  onData(chunk: Buffer): void {
    const { maxBytes, clock } = this.#options;
    this.#size += chunk.length;
    this.#chunks.push(chunk);
    if (this.#size > maxBytes) this.#fail(new TooLong(`more than ${maxBytes} bytes`));
    else if (this.#cancelStall !== undefined) this.#movedAtMs = clock.monotonic();
  }

  onEnd(): void {
    this.#cancelStall?.();
    // From now on the connection is somebody else's.
    this.#connection = undefined;
    const [first] = this.#chunks;
    const bytes =
      this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks, this.#size);
    this.#resolve({ status: this.#status, rawHeaders: this.#rawHeaders, bytes });
  }

  onError(error: Error): void {
    this.#cancelStall?.();
    this.#connection = undefined;
    this.#reject(error);
  }

  /** Ends it with this reason, wherever it is; nothing after its end. */
  abort(reason: Error): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    this.#fail(reason);
  }

  #fail(error: Error): void {
    this.#cancelStall?.();
    this.#connection?.destroy();
    this.#connection = undefined;
    this.#reject(error);
  }

  /** Looks after a while whether more has come. */
  #watch(afterMs: number): void {
    const { clock, bodyStallMs } = this.#options;
    if (this.#cancelStall === undefined) this.#movedAtMs = clock.monotonic();
    this.#cancelStall = clock.setTimer(afterMs, () => {
      const stillMs = clock.monotonic() - this.#movedAtMs;
      if (stillMs < bodyStallMs) this.#watch(bodyStallMs - stillMs);
      else this.#fail(Object.assign(new Error('the body stands still'), { code: 'UND_ERR_BODY_TIMEOUT' }));
    });
  }
}
