// Connections to one engine that are opened before they are asked for: whoever makes a container for a terminal attaches to
// it next and waits for its end, each on a connection of its own, and would wait for a TLS handshake first.
import type net from 'node:net';
import type { CancelTimer, Clock } from '../base/clock.js';
import type { EngineDialer } from './dialer.js';

/** Clients go on as soon as they have the answer to what went before; what they do not use is closed. */
const keptMs = 10_000;

type Dialer = Pick<EngineDialer, 'connect' | 'endpoint' | 'readyEvent'>;

interface Spare {
  readonly socket: net.Socket;
  readonly isReady: () => boolean;
  /** Stops looking after it: it is somebody else's. */
  readonly letGo: () => void;
}

export class SpareSockets {
  readonly #dialer: Dialer;
  readonly #clock: Pick<Clock, 'setTimer'>;
  readonly #spares = new Set<Spare>();

  constructor(options: { readonly dialer: Dialer; readonly clock: Pick<Clock, 'setTimer'> }) {
    this.#dialer = options.dialer;
    this.#clock = options.clock;
  }

  /** Opens what is missing to `count`. Of several clients at once the others dial, as they would without. */
  open(count: number): void {
    // Without TLS a connection costs less than looking after one.
    if (this.#dialer.endpoint.tls === undefined) return;
    while (this.#spares.size < count) this.#spares.add(this.#dial());
  }

  /**
   * A connection on which nothing was said, for the caller to own; it stays writable after the engine ended. Undefined
   * when there is none. It may still be on its way: see `isReady`.
   */
  take(): { readonly socket: net.Socket; readonly isReady: boolean } | undefined {
    for (const spare of this.#spares) {
      this.#spares.delete(spare);
      spare.letGo();
      const { socket } = spare;
      // An engine says nothing unasked: whatever it is, it must not be taken for an answer.
      if (!socket.destroyed && socket.readable && socket.readableLength === 0)
        return { socket, isReady: spare.isReady() };
      socket.destroy();
    }
    return undefined;
  }

  /** Ends those that nobody took. */
  clear(): void {
    for (const { socket, letGo } of this.#spares) {
      letGo();
      socket.destroy();
    }
    this.#spares.clear();
  }

  #dial(): Spare {
    const socket = this.#dialer.connect({ allowHalfOpen: true });
    let isReady = false;
    const onReady = (): void => void (isReady = true);
    const drop = (): void => {
      spare.letGo();
      this.#spares.delete(spare);
      socket.destroy();
    };
    const cancel: CancelTimer = this.#clock.setTimer(keptMs, drop);
    const spare: Spare = {
      socket,
      isReady: () => isReady,
      letGo: () => {
        cancel();
        socket.off('error', drop).off('end', drop).off('close', drop);
      },
    };
    socket.once(this.#dialer.readyEvent, onReady);
    socket.once('error', drop).once('end', drop).once('close', drop);
    return spare;
  }
}
