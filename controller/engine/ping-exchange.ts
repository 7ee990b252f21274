// One ping: of a fleet there are hundreds a second, so that it has no promise, no signal, and where it is answered as usual
// no parser.
import type { Clock } from '../base/clock.js';
import { TooLong } from './small-exchange.js';
import type { ExchangeHandler } from './request-socket.js';
import type { RequestSockets } from './request-sockets.js';
import type { UsualAnswers } from './usual-answers.js';

// Engines answer OK; what is longer is no engine.
const maxBytes = 64 * 1024;

const pingRequest = { method: 'GET', path: '/_ping', headers: {} } as const;

export interface PingLateness {
  readonly afterMs: number;
  readonly onLate: () => void;
}

interface PingOptions {
  readonly usual: UsualAnswers;
  readonly setTimer: Clock['setTimer'];
  readonly timeoutMs: number;
  /** What to do meanwhile when there is no answer after a part of that time. */
  readonly late?: PingLateness;
  /** The failure when there is no answer in time. */
  readonly lateness: () => Error;
  /** Called once: why there is no answer, or its status. */
  readonly onEnd: (failure: Error | undefined, status: number) => void;
}

/** Sends one, over a connection that is open or a new one. Never throws. */
export function sendPing(sockets: RequestSockets, options: PingOptions): void {
  const exchange = new PingExchange(options);
  try {
    exchange.startedOn(sockets.send(pingRequest, exchange));
  } catch (error) {
    exchange.onError(error instanceof Error ? error : new Error('not sent', { cause: error }));
  }
}

class PingExchange implements ExchangeHandler {
  readonly usual: UsualAnswers;
  readonly #onEnd: PingOptions['onEnd'];
  #cancelTimer: () => void = () => undefined;
  #connection: { readonly destroy: () => void } | undefined;
  #status = 0;
  #size = 0;
  #isOver = false;

  constructor({ usual, setTimer, timeoutMs, late, lateness, onEnd }: PingOptions) {
    this.usual = usual;
    this.#onEnd = onEnd;
    // The immediate lets sockets be read first: after a stall of this process the answer may be waiting there.
    const wait = (delayMs: number, callback: () => void): void => {
      this.#cancelTimer = setTimer(delayMs, () => setImmediate(callback));
    };
    const giveUp = (): void => this.#abort(lateness());
    if (late === undefined) wait(timeoutMs, giveUp);
    else
      wait(late.afterMs, () => {
        if (this.#isOver) return;
        wait(timeoutMs - late.afterMs, giveUp);
        late.onLate();
      });
  }

  /** What it is sent over; to be called at once. */
  startedOn(connection: { readonly destroy: () => void }): void {
    if (!this.#isOver) this.#connection = connection;
  }

  onHead(status: number): void {
    this.#status = status;
  }

  onData(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > maxBytes) this.#abort(new TooLong(`more than ${maxBytes} bytes`));
  }

  onEnd(): void {
    this.#end(undefined);
  }

  onError(error: Error): void {
    this.#end(error);
  }

  #abort(reason: Error): void {
    const connection = this.#connection;
    this.#end(reason);
    connection?.destroy();
  }

  #end(failure: Error | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer();
    // From now on the connection is somebody else's.
    this.#connection = undefined;
    this.#onEnd(failure, this.#status);
  }
}
