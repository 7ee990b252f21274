// Writing answers: JSON, empty statuses, and text, with the headers every Docker answer carries.
import type { ServerResponse } from 'node:http';
import { stringifyJson } from './lossless-json.js';

export function replyJson(response: ServerResponse, status: number, value: unknown): void {
  replyBytes(response, status, Buffer.from(`${stringifyJson(value)}\n`), 'application/json');
}

export function replyBytes(
  response: ServerResponse,
  status: number,
  body: Uint8Array,
  contentType: string,
): void {
  replyPieces(response, status, [body], contentType);
}

/** A body in pieces, which must stay as they are until the response is closed. */
export function replyPieces(
  response: ServerResponse,
  status: number,
  pieces: readonly Uint8Array[],
  contentType: string,
): void {
  response.statusCode = status;
  response.setHeader('Content-Type', contentType);
  response.setHeader(
    'Content-Length',
    pieces.reduce((sum, { byteLength }) => sum + byteLength, 0),
  );
  const last = pieces.at(-1);
  if (response.req.method === 'HEAD' || last === undefined) {
    response.end();
    return;
  }
  if (pieces.length > 1) response.cork();
  for (const piece of pieces.slice(0, -1)) response.write(piece);
  response.end(last);
}

export function replyEmpty(response: ServerResponse, status: number): void {
  response.statusCode = status;
  // 204 and 304 must not carry a length; the others are closed with an explicit zero.
  if (status !== 204 && status !== 304) response.setHeader('Content-Length', 0);
  response.end();
}

export function replyError(response: ServerResponse, status: number, message: string): void {
  replyJson(response, status, { message });
}

/** Writes with backpressure. @returns false when the client is gone */
export async function writeChunk(response: ServerResponse, chunk: string | Uint8Array): Promise<boolean> {
  if (response.destroyed || response.writableEnded) return false;
  if (response.write(chunk)) return true;
  return new Promise((resolve) => {
    const settle = (): void => {
      response.off('drain', settle);
      response.off('close', settle);
      resolve(!response.destroyed);
    };
    response.on('drain', settle);
    response.on('close', settle);
  });
}
