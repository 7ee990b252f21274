// Reads one HTTP/1.1 answer from the bytes of a connection, in whatever pieces they come (RFC 9112 6 and 7). What is no
// such answer is refused, never guessed: the next answer on the connection would begin in the wrong place.
import { takeAnswerHead } from './answer-head.js';
import type { Framing } from './body-framing.js';
import { MalformedAnswer } from './malformed-answer.js';

/** Called as the answer comes; interim answers (1xx) are left out. */
export interface AnswerHandler {
  /** @param rawHeaders names and values in turn, as they came */
  onHead(status: number, rawHeaders: readonly string[]): void;
  onData(chunk: Buffer): void;
  onEnd(): void;
}

/** The size of a chunk in hexadecimal, and extensions that nobody uses. */
const maxSizeLineBytes = 1_024;
/** As long as a head. */
const maxTrailerBytes = 1 << 20;

const lineEnd = Buffer.from('\r\n');

type State = 'head' | 'fixed' | 'size' | 'chunk' | 'chunk-end' | 'trailer' | 'until-close' | 'done';

export class AnswerParser {
  readonly #handler: AnswerHandler;
  readonly #method: string;
  #state: State = 'head';
  /** Bytes of the body, or of its chunk, that are still to come. */
  #left = 0;
  /** The beginning of a head or a line whose end has not come. */
  #partial: Buffer | undefined;
  #canStay = true;
  #status = 0;
  #idleSeconds: number | undefined;

  /** @param options.method of the request that is answered: what HEAD asks for has no body */
  constructor(handler: AnswerHandler, options: { readonly method: string }) {
    this.#handler = handler;
    this.#method = options.method;
  }

  get isDone(): boolean {
    return this.#state === 'done';
  }

  /** 0 before its head. */
  get status(): number {
    return this.#status;
  }

  /** Whether the connection takes another request after this answer. */
  get canStay(): boolean {
    return this.#canStay && this.#state === 'done';
  }

  /** How long the peer keeps the connection without a request, where it says so. */
  get idleSeconds(): number | undefined {
    return this.#idleSeconds;
  }

  /** @throws MalformedAnswer, after which the connection is of no use */
  push(chunk: Buffer): void {
    const bytes = this.#partial === undefined ? chunk : Buffer.concat([this.#partial, chunk]);
    this.#partial = undefined;
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === 'done') throw new MalformedAnswer('bytes after its end');
      const next = this.#take(bytes, at);
      if (next === undefined) {
        this.#partial = bytes.subarray(at);
        return;
      }
      at = next;
    }
  }

  /** The connection has ended. @returns whether that is where the answer ends */
  end(): boolean {
    if (this.#state === 'until-close') this.#finish();
    return this.#state === 'done';
  }

  /** @returns where it goes on, undefined when more bytes are needed */
  #take(bytes: Buffer, at: number): number | undefined {
    switch (this.#state) {
      case 'head':
        return this.#takeHead(bytes, at);
      case 'fixed':
      case 'chunk':
        return this.#takeBody(bytes, at);
      case 'size':
        return this.#takeLine(bytes, at, (line) => this.#beginChunk(line));
      case 'chunk-end':
        return this.#takeLine(bytes, at, (line) => {
          if (line !== '') throw new MalformedAnswer('a chunk is longer than its size');
          this.#state = 'size';
        });
      case 'trailer':
        return this.#takeLine(bytes, at, (line) => {
          if (line === '') this.#finish();
        });
      case 'until-close':
      case 'done':
        this.#handler.onData(bytes.subarray(at));
        return bytes.length;
    }
  }

  #takeHead(bytes: Buffer, at: number): number | undefined {
    const taken = takeAnswerHead(bytes, { at, method: this.#method });
    if (taken === undefined) return undefined;
    const { head, end } = taken;
    // Interim answers (1xx) come before the one that counts.
    if (head.status < 200) return end;
    this.#canStay = head.canStay;
    this.#status = head.status;
    this.#idleSeconds = head.idleSeconds;
    this.#handler.onHead(head.status, head.rawHeaders);
    this.#begin(head.framing);
    return end;
  }

  #begin(framing: Framing): void {
    switch (framing.type) {
      case 'chunked':
        this.#state = 'size';
        return;
      case 'until-close':
        this.#state = 'until-close';
        return;
      case 'length':
        this.#left = framing.bytes;
        this.#state = 'fixed';
        if (framing.bytes === 0) this.#finish();
        return;
      case 'none':
        this.#finish();
    }
  }

  #takeBody(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    this.#handler.onData(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
    if (this.#left > 0) return end;
    if (this.#state === 'chunk') this.#state = 'chunk-end';
    else this.#finish();
    return end;
  }

  #takeLine(bytes: Buffer, at: number, take: (line: string) => void): number | undefined {
    const end = bytes.indexOf(lineEnd, at);
    if (end < 0 && bytes.length - at < maxSizeLineBytes) return undefined;
    const limit = this.#state === 'trailer' ? maxTrailerBytes : maxSizeLineBytes;
    if (end < 0 || end - at > limit) throw new MalformedAnswer('a line without end');
    take(bytes.toString('latin1', at, end));
    return end + lineEnd.length;
  }

  #beginChunk(line: string): void {
    const digits = /^([0-9a-f]{1,12})[ \t]*(?:;.*)?$/i.exec(line)?.[1];
    if (digits === undefined) throw new MalformedAnswer('a chunk without size');
    this.#left = Number.parseInt(digits, 16);
    this.#state = this.#left === 0 ? 'trailer' : 'chunk';
  }

  #finish(): void {
    this.#state = 'done';
    this.#handler.onEnd();
  }
}
