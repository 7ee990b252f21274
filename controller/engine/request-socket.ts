// One connection to an engine that carries short requests, one after the other. With nothing between the socket and the
// request it costs a third of what a general client does, and of a fleet there are hundreds of such requests a second.
import type net from 'node:net';
import { AnswerParser, type AnswerHandler } from './answer-parser.js';
import type { EngineDialer } from './dialer.js';
import type { UsualAnswers } from './usual-answers.js';

/** Spares the handshake of bursts, and frees ~70 KB per engine after; a probed engine's connection is never idle so long. */
export const idleMs = 30_000;
/** A peer that tells when it closes idle connections may do so this much earlier than told. */
const hintMarginMs = 1_000;

export interface SmallRequestHead {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Uint8Array | undefined;
}

export interface ExchangeHandler extends AnswerHandler {
  /** There will be no whole answer. */
  onError(error: Error): void;
  /** Whole answers with status 200 and a body that nobody reads: one of them is taken without a look inside. */
  readonly usual?: UsualAnswers;
}

export class RequestSocket {
  readonly #socket: net.Socket;
  readonly #authority: string;
  readonly #onIdle: (socket: RequestSocket) => void;
  readonly #onGone: (socket: RequestSocket) => void;
  #isConnected = false;
  #waiting: (() => void) | undefined;
  #handler: ExchangeHandler | undefined;
  /** Made when something comes that has to be parsed. */
  #parser: AnswerParser | undefined;
  #method = '';

  /**
   * @param options.authority `host:port` of the engine
   * @param options.onIdle an answer is over, and another request may be sent
   */
  constructor(options: {
    readonly dialer: EngineDialer;
    readonly authority: string;
    /** What every connection without TLS reads into: memory that is new for each answer costs more than the answer. */
    readonly block: Buffer;
    readonly onIdle: (socket: RequestSocket) => void;
    readonly onGone: (socket: RequestSocket) => void;
  }) {
    this.#authority = options.authority;
    this.#onIdle = options.onIdle;
    this.#onGone = options.onGone;
    const { block } = options;
    const socket = options.dialer.connect({
      onread: {
        buffer: block,
        callback: (length) => {
          // Before the next read, of whichever connection, its bytes are somewhere else.
          if (!this.#takeUsual(block, length)) this.#take(Buffer.from(block.subarray(0, length)));
          return true;
        },
      },
    });
    this.#socket = socket;
    socket.once(options.dialer.readyEvent, () => {
      this.#isConnected = true;
      this.#waiting?.();
      this.#waiting = undefined;
      socket.setTimeout(idleMs);
    });
    socket.on('timeout', () => {
      if (this.#handler === undefined) this.destroy();
    });
    // With TLS; without, nothing is emitted.
    socket.on('data', (chunk: Buffer) => {
      if (!this.#takeUsual(chunk, chunk.length)) this.#take(chunk);
    });
    socket.once('end', () => this.#end());
    socket.once('error', (error) => this.#fail(error));
    socket.once('close', () => {
      this.#end();
      this.#onGone(this);
    });
  }

  /** To be called while nothing else is under way. @throws TypeError when the request cannot be written as HTTP */
  send(head: SmallRequestHead, handler: ExchangeHandler): void {
    const text = headText(head, this.#authority);
    this.#handler = handler;
    this.#method = head.method;
    this.#socket.ref();
    // Nothing is said before the engine has shown its certificate.
    if (this.#isConnected) this.#write(text, head.body);
    else this.#waiting = () => this.#write(text, head.body);
  }

  /** Reads no more until `resume`: what the engine still says waits with it. */
  pause(): void {
    this.#socket.pause();
  }

  /** Reads on; to be called before the connection takes another request. */
  resume(): void {
    this.#socket.resume();
  }

  /** Ends the connection; a handler that waits for an answer hears nothing more. Idempotent. */
  destroy(): void {
    this.#handler = undefined;
    this.#parser = undefined;
    this.#socket.destroy();
  }

  /** Ends the connection; a request under way fails with `reason`. Idempotent. */
  close(reason: Error): void {
    this.#fail(reason);
  }

  #write(text: string, body: Uint8Array | undefined): void {
    if (body === undefined || body.length === 0) {
      this.#socket.write(text, 'latin1');
      return;
    }
    this.#socket.cork();
    this.#socket.write(text, 'latin1');
    this.#socket.write(body);
    this.#socket.uncork();
  }

  /** Takes an answer that is known by its bytes. @returns false when it is not */
  #takeUsual(bytes: Buffer, length: number): boolean {
    const handler = this.#handler;
    if (handler?.usual === undefined || this.#parser !== undefined || !this.#isConnected) return false;
    if (!handler.usual.has(bytes, length)) return false;
    this.#handler = undefined;
    handler.onHead(200, []);
    handler.onEnd();
    this.#stay();
    return true;
  }

  #take(chunk: Buffer): void {
    const handler = this.#handler;
    if (handler === undefined) {
      // An engine says nothing unasked: whatever this is, it must not be taken for the next answer.
      this.destroy();
      return;
    }
    const isFirst = this.#parser === undefined;
    const parser = (this.#parser ??= new AnswerParser(handler, { method: this.#method }));
    try {
      parser.push(chunk);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error('no answer', { cause: error }));
      return;
    }
    if (!parser.isDone || this.#parser !== parser) return;
    if (isFirst && parser.status === 200 && parser.canStay && parser.idleSeconds === undefined)
      handler.usual?.learn(chunk);
    this.#settle(parser);
  }

  #settle(parser: AnswerParser): void {
    this.#handler = undefined;
    this.#parser = undefined;
    const keptMs = (parser.idleSeconds ?? Infinity) * 1000 - hintMarginMs;
    if (!parser.canStay || keptMs <= 0) {
      this.#socket.destroy();
      return;
    }
    if (keptMs < idleMs) this.#socket.setTimeout(keptMs);
    this.#stay();
  }

  #stay(): void {
    this.#socket.unref();
    this.#onIdle(this);
  }

  /** The engine has ended the connection. */
  #end(): void {
    const parser = this.#parser;
    if (this.#handler === undefined) this.#socket.destroy();
    else if (parser?.end() === true) this.#settle(parser);
    else this.#fail(Object.assign(new Error('other side closed'), { code: 'ECONNRESET' }));
  }

  #fail(error: Error): void {
    const handler = this.#handler;
    this.destroy();
    handler?.onError(error);
  }
}

const methodsWithBody = new Set(['POST', 'PUT', 'PATCH']);

/** @throws TypeError for text that would end a line, or begin another request */
function headText({ method, path, headers, body }: SmallRequestHead, authority: string): string {
  if (!/^[A-Z]+$/.test(method)) throw new TypeError(`invalid method ${JSON.stringify(method)}`);
  if (!/^[\x21-\x7e\x80-\xff]+$/.test(path)) throw new TypeError(`invalid path ${JSON.stringify(path)}`);
  let text = `${method} ${path} HTTP/1.1\r\nhost: ${authority}\r\nconnection: keep-alive\r\n`;
  for (const [name, value] of Object.entries(headers))
    for (const one of typeof value === 'string' ? [value] : value) {
      if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(one))
        throw new TypeError(`invalid header ${JSON.stringify(name)}`);
      text += `${name}: ${one}\r\n`;
    }
  const length = body?.length ?? 0;
  if (length > 0 || methodsWithBody.has(method)) text += `content-length: ${length}\r\n`;
  return `${text}\r\n`;
}
