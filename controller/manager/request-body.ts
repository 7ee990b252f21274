// The body of a client's request as routes read it: asked for when it is wanted, and given up without giving up the
// client, who is still to get an answer.
import { Readable } from 'node:stream';
import type { IncomingMessage } from 'node:http';

export class RequestBody extends Readable {
  readonly #request: IncomingMessage;
  readonly #onWanted: () => void;
  #isWanted = false;

  /** @param options.onWanted called once, before the first byte is read: the moment to send `100 Continue` */
  constructor(request: IncomingMessage, options: { readonly onWanted: () => void }) {
    super();
    this.#request = request;
    this.#onWanted = options.onWanted;
  }

  override _read(): void {
    if (this.#isWanted) this.#request.resume();
    else this.#start();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // What is left is read and forgotten: on a kept connection it would be taken for the next request.
    this.#request.resume();
    done(error);
  }

  #start(): void {
    this.#isWanted = true;
    const request = this.#request;
    if (request.destroyed && !request.complete) {
      this.destroy(brokenOff());
      return;
    }
    this.#onWanted();
    request.on('data', (chunk: Buffer) => {
      if (!this.destroyed && !this.push(chunk)) request.pause();
    });
    request.once('end', () => this.push(null));
    request.once('error', (error) => this.destroy(error));
    request.once('close', () => {
      if (!request.complete) this.destroy(brokenOff());
    });
  }
}

function brokenOff(): Error {
  return Object.assign(new Error('the client broke off its request'), { code: 'ECONNRESET' });
}

/** Whether the head of the request announces a body. */
export function announcesBody(request: Pick<IncomingMessage, 'headers'>): boolean {
  const { headers } = request;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
