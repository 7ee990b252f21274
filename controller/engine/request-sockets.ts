// The connections of one engine that carry short requests: the one that was used last is used again.
import { formatHostPort } from '../api/engine-address.js';
import type { EngineDialer } from './dialer.js';
import { RequestSocket, type ExchangeHandler, type SmallRequestHead } from './request-socket.js';

export class RequestSockets {
  readonly #dialer: EngineDialer;
  readonly #authority: string;
  readonly #block: Buffer;
  readonly #all = new Set<RequestSocket>();
  /** The one that was used last comes last. */
  #idle: RequestSocket[] = [];
  /** Those that were opened with credentials that are in force no more. */
  #outdated = new WeakSet<RequestSocket>();

  /** @param block what connections read into, one after the other; most short answers fit into the default */
  constructor(dialer: EngineDialer, block: Buffer = Buffer.allocUnsafeSlow(16 * 1024)) {
    this.#dialer = dialer;
    this.#block = block;
    this.#authority = formatHostPort(dialer.endpoint.address);
  }

  /** Sends a request over an idle connection or a new one. @returns what ends it, or holds its answer up. @throws TypeError */
  send(
    head: SmallRequestHead,
    handler: ExchangeHandler,
  ): Pick<RequestSocket, 'destroy' | 'pause' | 'resume'> {
    const socket = this.#idle.pop() ?? this.#open();
    try {
      socket.send(head, handler);
    } catch (error) {
      socket.destroy();
      throw error;
    }
    return socket;
  }

  /** Later requests use new connections; those under way finish on their old ones. */
  renew(): void {
    for (const socket of this.#all) this.#outdated.add(socket);
    for (const socket of this.#idle) socket.destroy();
    this.#idle = [];
  }

  /** Ends every connection; requests under way fail with `reason`. Idempotent. */
  close(reason: Error): void {
    for (const socket of this.#all) socket.close(reason);
    this.#idle = [];
  }

  #open(): RequestSocket {
    const socket: RequestSocket = new RequestSocket({
      dialer: this.#dialer,
      authority: this.#authority,
      block: this.#block,
      onIdle: () => {
        if (this.#outdated.has(socket)) socket.destroy();
        else this.#idle.push(socket);
      },
      onGone: () => {
        this.#all.delete(socket);
        this.#idle = this.#idle.filter((other) => other !== socket);
      },
    });
    this.#all.add(socket);
    return socket;
  }
}
