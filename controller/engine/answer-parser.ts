// Reads one HTTP/1.1 answer from the bytes of a connection, in whatever pieces they come (RFC 9112 6 and 7). What is no
// such answer is refused, never guessed: the next answer on the connection would begin in the wrong place.

/** Called as the answer comes; interim answers (1xx) are left out. */
export interface AnswerHandler {
  /** @param rawHeaders names and values in turn, as they came */
  onHead(status: number, rawHeaders: readonly string[]): void;
  onData(chunk: Buffer): void;
  onEnd(): void;
}

/** dockerd accepts and sends headers up to 1 MiB. */
const maxHeadBytes = 1 << 20;
/** The size of a chunk in hexadecimal, and extensions that nobody uses. */
const maxSizeLineBytes = 1_024;

const headEnd = Buffer.from('\r\n\r\n');
const lineEnd = Buffer.from('\r\n');
const beginning = Buffer.from('HTTP/1.');

type State = 'head' | 'fixed' | 'size' | 'chunk' | 'chunk-end' | 'trailer' | 'until-close' | 'done';

export class AnswerParser {
  readonly #handler: AnswerHandler;
  readonly #isHead: boolean;
  #state: State = 'head';
  /** Bytes of the body, or of its chunk, that are still to come. */
  #left = 0;
  /** The beginning of a head or a line whose end has not come. */
  #partial: Buffer | undefined;
  #canStay = true;
  #idleSeconds: number | undefined;

  /** @param options.isHead the answer is to a HEAD request, and has no body */
  constructor(handler: AnswerHandler, options: { readonly isHead: boolean }) {
    this.#handler = handler;
    this.#isHead = options.isHead;
  }

  get isDone(): boolean {
    return this.#state === 'done';
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
    const length = Math.min(beginning.length, bytes.length - at);
    if (bytes.compare(beginning, 0, length, at, at + length) !== 0)
      throw new MalformedAnswer('another protocol');
    const end = bytes.indexOf(headEnd, at);
    if (end < 0 && bytes.length - at < maxHeadBytes) return undefined;
    if (end < 0 || end - at > maxHeadBytes) throw new MalformedAnswer('a head longer than 1 MiB');
    this.#begin(bytes.toString('latin1', at, end));
    return end + headEnd.length;
  }

  #begin(head: string): void {
    const [first = '', ...lines] = head.split('\r\n');
    const match = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/.exec(first);
    if (match === null) throw new MalformedAnswer('no status');
    const status = Number(match[2]);
    const { rawHeaders, length, isChunked, hasCoding, connection, idleSeconds } = readHeaders(lines);
    // Nobody asked for another protocol.
    if (status === 101) throw new MalformedAnswer('another protocol');
    if (status < 200) return;
    this.#canStay = match[1] === '1' ? !/\bclose\b/i.test(connection) : /\bkeep-alive\b/i.test(connection);
    this.#idleSeconds = idleSeconds;
    this.#handler.onHead(status, rawHeaders);
    if (this.#isHead || status === 204 || status === 304) this.#finish();
    else if (isChunked) this.#state = 'size';
    else if (hasCoding || length === undefined) {
      this.#canStay = false;
      this.#state = 'until-close';
    } else if (length === 0) this.#finish();
    else {
      this.#left = length;
      this.#state = 'fixed';
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
    const limit = this.#state === 'trailer' ? maxHeadBytes : maxSizeLineBytes;
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

/** What came is no HTTP answer, or not the whole of one. */
export class MalformedAnswer extends Error {
  /** As the parser of Node names its own, so that messages are the same. */
  readonly code = 'HPE_INVALID_ANSWER';
}

interface Head {
  readonly rawHeaders: readonly string[];
  readonly length: number | undefined;
  readonly isChunked: boolean;
  /** Whether the body is coded for the way, chunked or otherwise. */
  readonly hasCoding: boolean;
  readonly connection: string;
  readonly idleSeconds: number | undefined;
}

function readHeaders(lines: readonly string[]): Head {
  const rawHeaders: string[] = [];
  const lengths = new Set<string>();
  let coding = '';
  let connection = '';
  let keepAlive = '';
  for (const line of lines) {
    const match = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line);
    if (match === null) throw new MalformedAnswer('a header without name');
    const [, name = '', value = ''] = match;
    rawHeaders.push(name, value);
    switch (name.toLowerCase()) {
      case 'content-length':
        lengths.add(value);
        break;
      case 'transfer-encoding':
        coding = coding === '' ? value : `${coding},${value}`;
        break;
      case 'connection':
        connection += `${value},`;
        break;
      case 'keep-alive':
        keepAlive = value;
        break;
    }
  }
  const [length] = lengths;
  if (lengths.size > 1 || (length !== undefined && (!/^\d{1,15}$/.test(length) || coding !== '')))
    throw new MalformedAnswer('two lengths');
  const idle = /\btimeout=(\d{1,9})\b/i.exec(keepAlive)?.[1];
  return {
    rawHeaders,
    length: length === undefined ? undefined : Number(length),
    isChunked: /(^|,)[ \t]*chunked$/i.test(coding),
    hasCoding: coding !== '',
    connection,
    idleSeconds: idle === undefined ? undefined : Number(idle),
  };
}
