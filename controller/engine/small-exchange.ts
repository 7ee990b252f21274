// One request whose answer is collected whole, straight on undici's dispatch: without streams, signals and iterators in
// between, which cost more than the request itself. Its life is one object that can be aborted at any time.
import type { Dispatcher } from 'undici';

export interface WholeAnswer {
  readonly status: number;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly bytes: Buffer;
}

/** The answer is longer than was asked for. */
export class TooLong extends Error {}

export class SmallExchange {
  /** Rejects with the transport's error, `TooLong`, or the reason of `abort`. */
  readonly answer: Promise<WholeAnswer>;
  readonly #maxBytes: number;
  readonly #chunks: Buffer[] = [];
  #resolve: (answer: WholeAnswer) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  #wire: Dispatcher.DispatchController | undefined;
  #status = 0;
  #rawHeaders: readonly string[] = [];
  #size = 0;
  #abortReason: Error | undefined;

  constructor(options: { readonly maxBytes: number }) {
    this.#maxBytes = options.maxBytes;
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

  /** To be called once. */
  start(dispatcher: Dispatcher, options: Dispatcher.DispatchOptions): void {
    dispatcher.dispatch(options, {
      onRequestStart: (wire) => {
        this.#wire = wire;
        if (this.#abortReason !== undefined) wire.abort(this.#abortReason);
      },
      onResponseStart: (wire, status) => {
        // Interim answers (1xx) come before the one that counts.
        if (status < 200) return;
        this.#status = status;
        this.#rawHeaders = textsOf(wire.rawHeaders);
      },
      onResponseData: (wire, chunk) => {
        this.#size += chunk.length;
        if (this.#size > this.#maxBytes) {
          wire.abort(new TooLong(`more than ${this.#maxBytes} bytes`));
          return;
        }
        this.#chunks.push(chunk);
      },
      onResponseEnd: () => {
        const [first] = this.#chunks;
        const bytes =
          this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks, this.#size);
        this.#resolve({ status: this.#status, rawHeaders: this.#rawHeaders, bytes });
      },
      onResponseError: (_wire, error) => this.#reject(error),
    });
  }

  /** Ends it with this reason, wherever it is; nothing after its end. */
  abort(reason: Error): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    this.#wire?.abort(reason);
    this.#reject(reason);
  }
}

/** The type of undici leaves open in which form it keeps them. */
function textsOf(rawHeaders: unknown): readonly string[] {
  if (!Array.isArray(rawHeaders)) return [];
  return (rawHeaders as readonly unknown[]).map((part) =>
    Buffer.isBuffer(part) ? part.toString('latin1') : String(part),
  );
}
