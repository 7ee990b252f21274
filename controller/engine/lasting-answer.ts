// One answer that lasts, like the events of an engine, on a connection for short requests: a manager holds one for each
// engine of its fleet, and a general client takes many times the memory of the connection itself.
import { Readable } from 'node:stream';
import type { ExchangeHandler, SmallRequestHead } from './request-socket.js';
import type { RequestSockets } from './request-sockets.js';

/** What came and was not read yet, before the engine has to wait. */
const maxUnreadBytes = 64 * 1024;

export interface Lasting {
  readonly status: number;
  /** Destroying it ends the request at the engine. */
  readonly body: Readable;
}

type Connection = ReturnType<RequestSockets['send']>;

export class LastingAnswer implements ExchangeHandler {
  /** Resolves with the head; rejects with the transport's error, or the reason of `abort`. */
  readonly begun: Promise<Lasting>;
  readonly #body: Readable;
  #resolve: (answer: Lasting) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  #connection: Connection | undefined;
  #hasBegun = false;
  #abortReason: Error | undefined;

  constructor() {
    this.begun = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#body = new Readable({
      highWaterMark: maxUnreadBytes,
      read: () => this.#connection?.resume(),
      destroy: (error, done) => {
        this.#end()?.destroy();
        done(error);
      },
    });
    // It may break off in the turn its head came in, before anybody can listen; whoever reads it then is told all the same.
    this.#body.on('error', () => undefined);
  }

  /** Why it was aborted; undefined while it was not. */
  get abortReason(): Error | undefined {
    return this.#abortReason;
  }

  /** To be called once; nothing is sent when it was aborted before. @throws TypeError when it cannot be written as HTTP */
  start(sockets: RequestSockets, request: SmallRequestHead): void {
    if (this.#abortReason === undefined) this.#connection = sockets.send(request, this);
  }

  onHead(status: number): void {
    this.#hasBegun = true;
    this.#resolve({ status, body: this.#body });
  }

  onData(chunk: Buffer): void {
    if (!this.#body.push(chunk)) this.#connection?.pause();
  }

  onEnd(): void {
    // From now on the connection is somebody else's.
    this.#end()?.resume();
    this.#body.push(null);
  }

  onError(error: Error): void {
    this.#end();
    this.#fail(error);
  }

  /** Ends it with this reason when its head has not come. */
  expire(reason: Error): void {
    if (!this.#hasBegun) this.abort(reason);
  }

  /** Ends it with this reason, wherever it is; nothing after its end. */
  abort(reason: Error): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    this.#end()?.destroy();
    this.#fail(reason);
  }

  #end(): Connection | undefined {
    const connection = this.#connection;
    this.#connection = undefined;
    return connection;
  }

  #fail(error: Error): void {
    // Before the head nobody has the body, who could hear of an error.
    if (this.#hasBegun) this.#body.destroy(error);
    else this.#reject(error);
  }
}
