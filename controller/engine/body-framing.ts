// Follows the framing of an HTTP/1.1 body while its bytes are handed on as they are (RFC 9112 6 and 7.1): says where it ends,
// and refuses what another reader could take for something else.
import { MalformedAnswer } from './malformed-answer.js';

/** How the end of a body is told: by chunks, by a length, by the end of the connection; or there is none. */
export type Framing =
  | { readonly type: 'chunked' }
  | { readonly type: 'length'; readonly bytes: number }
  | { readonly type: 'until-close' }
  | { readonly type: 'none' };

type State =
  | 'size'
  | 'extension'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'line-start'
  | 'trailer'
  | 'trailer-lf'
  | 'last-lf'
  | 'done';

const cr = 0x0d;
const lf = 0x0a;
/** 256 TB: what is longer does not fit a double exactly, with room to spare. */
const mostSizeDigits = 12;
/** Extensions and trailers, which no engine sends. */
const mostOtherBytes = 16 * 1024;

export class BodyFraming {
  readonly #isUntilClose: boolean;
  #state: State;
  /** Bytes of the chunk, or of the whole body, that are still to come. */
  #left: number;
  #isChunked: boolean;
  #sizeDigits = 0;
  #otherBytes = 0;

  constructor(framing: Framing) {
    this.#isUntilClose = framing.type === 'until-close';
    this.#isChunked = framing.type === 'chunked';
    this.#left = framing.type === 'length' ? framing.bytes : framing.type === 'until-close' ? Infinity : 0;
    this.#state = this.#isChunked ? 'size' : this.#left === 0 ? 'done' : 'data';
  }

  get isDone(): boolean {
    return this.#state === 'done';
  }

  /** The connection has ended. @returns whether that is where the body ends */
  end(): boolean {
    if (this.#isUntilClose) this.#state = 'done';
    return this.isDone;
  }

  /** @returns how many of the bytes belong to the body and its framing. @throws MalformedAnswer */
  take(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && this.#state !== 'done') {
      if (this.#state === 'data') {
        const taken = Math.min(this.#left, bytes.length - at);
        this.#left -= taken;
        at += taken;
        if (this.#left === 0) this.#state = this.#isChunked ? 'data-cr' : 'done';
      } else {
        this.#state = this.#next(this.#state, bytes[at] ?? 0);
        at += 1;
      }
    }
    return at;
  }

  #next(state: Exclude<State, 'data' | 'done'>, byte: number): State {
    switch (state) {
      case 'size':
        return this.#nextInSize(byte);
      case 'extension':
        return byte === cr ? 'size-lf' : this.#other('extension', byte);
      case 'size-lf':
        expect(byte, lf);
        this.#sizeDigits = 0;
        return this.#left === 0 ? 'line-start' : 'data';
      case 'data-cr':
        expect(byte, cr);
        return 'data-lf';
      case 'data-lf':
        expect(byte, lf);
        return 'size';
      case 'line-start':
        return byte === cr ? 'last-lf' : this.#other('trailer', byte);
      case 'trailer':
        return byte === cr ? 'trailer-lf' : this.#other('trailer', byte);
      case 'trailer-lf':
        expect(byte, lf);
        return 'line-start';
      case 'last-lf':
        expect(byte, lf);
        return 'done';
    }
  }

  #nextInSize(byte: number): State {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.#sizeDigits += 1;
      if (this.#sizeDigits > mostSizeDigits) throw new MalformedAnswer('a chunk too long');
      this.#left = this.#left * 16 + digit;
      return 'size';
    }
    if (this.#sizeDigits === 0) throw new MalformedAnswer('a chunk without size');
    if (byte === cr) return 'size-lf';
    if (byte === 0x3b || byte === 0x20 || byte === 0x09) return this.#other('extension', byte);
    throw new MalformedAnswer('a chunk without size');
  }

  #other(state: 'extension' | 'trailer', byte: number): State {
    this.#otherBytes += 1;
    if ((byte < 0x20 && byte !== 0x09) || byte === 0x7f || this.#otherBytes > mostOtherBytes)
      throw new MalformedAnswer('a line that is none');
    return state;
  }
}

function expect(byte: number, wanted: number): void {
  if (byte !== wanted) throw new MalformedAnswer('a chunk longer than its size');
}

/** -1 for what is none. */
function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}
