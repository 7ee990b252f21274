// The declared body of a message on a bare socket: exactly its bytes, with whatever follows them handed back.
// Node's HTTP server stops parsing at an upgrade, so the body of `exec start` is found raw in the head and on the socket.
import type { Duplex } from 'node:stream';
import { ApiError } from './api-error.js';

export interface FramedBody {
  readonly body: Buffer;
  /** Bytes that came after the body: the beginning of the tunnelled stream. */
  readonly rest: Buffer;
}

export interface Framing {
  /** Value of Content-Length, if any. */
  readonly contentLength?: string | undefined;
  /** Value of Transfer-Encoding, if any. */
  readonly transferEncoding?: string | undefined;
  /** For answers: no length at all means "until the end". Requests without a length have no body. */
  readonly untilEnd?: boolean;
}

/** One read of the parser: done, or more bytes needed. */
type Step = FramedBody | undefined;

/**
 * Reads the body that `framing` declares from `head` and then `socket`. The socket is paused when it returns.
 * @throws ApiError 400 for broken framing, 413 above `limit` bytes
 */
export async function readFramedBody(
  socket: Duplex,
  { head, framing, limit }: { readonly head: Buffer; readonly framing: Framing; readonly limit: number },
): Promise<FramedBody> {
  const parse = parserFor(framing, limit);
  let buffered: Buffer = head;
  let step = parse(buffered, false);
  while (step === undefined) {
    const chunk = await readChunk(socket);
    if (chunk === undefined) {
      step = parse(buffered, true);
      if (step === undefined) throw new ApiError(400, 'request body ended before its declared length');
      break;
    }
    buffered = Buffer.concat([buffered, chunk]);
    step = parse(buffered, false);
  }
  return step;
}

/** The next bytes of a paused stream; undefined at its end. @throws the stream's error */
export function readChunk(socket: Duplex): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void): void => {
      socket.off('readable', onReadable);
      socket.off('end', onEnd);
      socket.off('close', onEnd);
      socket.off('error', onError);
      finish();
    };
    const onReadable = (): void => {
      const chunk = socket.read() as Buffer | null; // a socket without an encoding gives buffers
      if (chunk !== null) settle(() => resolve(chunk));
      else if (socket.readableEnded) onEnd();
    };
    const onEnd = (): void => settle(() => resolve(undefined));
    const onError = (error: Error): void => settle(() => reject(error));
    if (socket.readableEnded || socket.destroyed) {
      resolve(undefined);
      return;
    }
    socket.on('readable', onReadable);
    socket.on('end', onEnd);
    socket.on('close', onEnd);
    socket.on('error', onError);
    onReadable();
  });
}

function parserFor(framing: Framing, limit: number): (bytes: Buffer, ended: boolean) => Step {
  const encoding = framing.transferEncoding?.trim().toLowerCase();
  if (encoding !== undefined && encoding !== '' && encoding !== 'identity') {
    if (encoding !== 'chunked') throw new ApiError(400, `unsupported transfer encoding: ${encoding}`);
    return (bytes) => parseChunked(bytes, limit);
  }
  if (framing.contentLength === undefined) {
    if (framing.untilEnd !== true) return (bytes) => ({ body: Buffer.alloc(0), rest: bytes });
    return (bytes, ended) => {
      checkLimit(bytes.length, limit);
      return ended ? { body: bytes, rest: Buffer.alloc(0) } : undefined;
    };
  }
  if (!/^\d{1,15}$/.test(framing.contentLength)) throw new ApiError(400, 'bad Content-Length');
  const length = Number(framing.contentLength);
  checkLimit(length, limit);
  return (bytes) =>
    bytes.length < length ? undefined : { body: bytes.subarray(0, length), rest: bytes.subarray(length) };
}

function parseChunked(bytes: Buffer, limit: number): Step {
  const parts: Buffer[] = [];
  let size = 0;
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const sizeText = bytes.subarray(at, lineEnd).toString('latin1').split(';')[0]?.trim() ?? '';
    if (!/^[0-9a-fA-F]{1,8}$/.test(sizeText)) throw new ApiError(400, 'bad chunk size');
    const chunkSize = Number.parseInt(sizeText, 16);
    at = lineEnd + 2;
    if (chunkSize === 0) {
      // Trailers end with an empty line; without trailers that line is all there is.
      if (bytes.subarray(at, at + 2).toString('latin1') === '\r\n') {
        return { body: Buffer.concat(parts), rest: bytes.subarray(at + 2) };
      }
      const end = bytes.indexOf('\r\n\r\n', at);
      return end < 0 ? undefined : { body: Buffer.concat(parts), rest: bytes.subarray(end + 4) };
    }
    size += chunkSize;
    checkLimit(size, limit);
    if (bytes.length < at + chunkSize + 2) return undefined;
    parts.push(bytes.subarray(at, at + chunkSize));
    at += chunkSize + 2;
  }
}

function checkLimit(size: number, limit: number): void {
  if (size > limit) throw new ApiError(413, `request body too large: more than ${limit} bytes`);
}
