// Requests that a client sends ahead on one connection, one at a time as engines take them: a start that follows its
// create must not overtake it, and nobody can pile up work by sending without reading.
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

interface Line {
  /** The answer that was begun last or waits to begin. */
  last: ServerResponse;
  unanswered: number;
}

export class RequestOrder {
  readonly #maxAhead: number;
  readonly #lines = new WeakMap<Duplex, Line>();

  constructor(maxAhead: number) {
    this.#maxAhead = maxAhead;
  }

  /** Calls `serve` when every earlier request of the connection is answered; cuts a connection with too many. */
  enter(response: ServerResponse, serve: () => void): void {
    const { socket } = response;
    if (socket === null) {
      // A request that waits behind others gets its socket when its turn has come.
      this.#behind(response, serve);
      return;
    }
    const line: Line = { last: response, unanswered: 1 };
    this.#lines.set(socket, line);
    response.once('close', () => (line.unanswered -= 1));
    serve();
  }

  #behind(response: ServerResponse, serve: () => void): void {
    const { socket } = response.req;
    const line = this.#lines.get(socket);
    if (line === undefined) {
      serve();
      return;
    }
    line.unanswered += 1;
    if (line.unanswered > this.#maxAhead) {
      socket.destroy();
      return;
    }
    const before = line.last;
    line.last = response;
    response.once('close', () => (line.unanswered -= 1));
    before.once('close', () => {
      if (!socket.destroyed) serve();
    });
  }
}
