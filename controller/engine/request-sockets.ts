// The connections of one engine that carry short requests: the one that was used last is used again.
import { formatHostPort } from '../api/engine-address.js';
import type { EngineDialer } from './dialer.js';
import { RequestSocket, type ExchangeHandler, type SmallRequestHead } from './request-socket.js';

type Exchange = Pick<RequestSocket, 'destroy' | 'pause' | 'resume'>;

/** A request that waits for a connection, and once it has one, what ends it. */
interface Waiting {
  readonly head: SmallRequestHead;
  readonly handler: ExchangeHandler;
  socket?: RequestSocket;
}

export class RequestSockets {
  readonly #dialer: EngineDialer;
  readonly #authority: string;
  readonly #block: Buffer;
  readonly #all = new Set<RequestSocket>();
  /** The one that was used last comes last. */
  #idle: RequestSocket[] = [];
  /** Those that were opened with credentials that are in force no more. */
  #outdated = new WeakSet<RequestSocket>();
  readonly #most: number;
  readonly #line = new Set<Waiting>();

  /**
   * @param o.block what connections read into, one after the other; most short answers fit into the default
   * @param o.most connections at the same time, above which requests wait; default no limit
   */
  constructor(
    dialer: EngineDialer,
    { block, most }: { readonly block?: Buffer | undefined; readonly most?: number | undefined } = {},
  ) {
    this.#dialer = dialer;
    this.#block = block ?? Buffer.allocUnsafeSlow(16 * 1024);
    this.#most = most ?? Infinity;
    this.#authority = formatHostPort(dialer.endpoint.address);
  }

  /** Sends a request over an idle connection or a new one. @returns what ends it, or holds its answer up. @throws TypeError */
  send(head: SmallRequestHead, handler: ExchangeHandler): Exchange {
    const socket = this.#idle.pop() ?? (this.#all.size < this.#most ? this.#open() : undefined);
    if (socket !== undefined) return this.#sendOver(socket, head, handler);
    const waiting: Waiting = { head, handler };
    this.#line.add(waiting);
    return {
      destroy: () => {
        this.#line.delete(waiting);
        waiting.socket?.destroy();
      },
      pause: () => waiting.socket?.pause(),
      resume: () => waiting.socket?.resume(),
    };
  }

  #sendOver(socket: RequestSocket, head: SmallRequestHead, handler: ExchangeHandler): RequestSocket {
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
    const line = [...this.#line];
    this.#line.clear();
    for (const { handler } of line) handler.onError(reason);
    for (const socket of this.#all) socket.close(reason);
    this.#idle = [];
  }

  /** Sends what has waited longest, where there is a connection for it now. */
  #next(): void {
    const [waiting] = this.#line;
    if (waiting === undefined) return;
    const socket = this.#idle.pop() ?? (this.#all.size < this.#most ? this.#open() : undefined);
    if (socket === undefined) return;
    this.#line.delete(waiting);
    const { head, handler } = waiting;
    try {
      waiting.socket = this.#sendOver(socket, head, handler);
    } catch (error) {
      handler.onError(error instanceof Error ? error : new Error('not sent', { cause: error }));
    }
  }

  #open(): RequestSocket {
    const socket: RequestSocket = new RequestSocket({
      dialer: this.#dialer,
      authority: this.#authority,
      block: this.#block,
      onIdle: () => {
        if (this.#outdated.has(socket)) socket.destroy();
        else this.#idle.push(socket);
        this.#next();
      },
      onGone: () => {
        this.#all.delete(socket);
        this.#idle = this.#idle.filter((other) => other !== socket);
        this.#next();
      },
    });
    this.#all.add(socket);
    return socket;
  }
}
