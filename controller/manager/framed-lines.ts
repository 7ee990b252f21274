// Lines for many readers of HTTP: encoded and framed as one chunk (RFC 9112 7.1) once, written as they are to each.
import type { ServerResponse } from 'node:http';

export interface FramedLines {
  readonly lines: Buffer;
  /** The same bytes in the framing of a chunk; `lines` is a part of it. */
  readonly chunk: Buffer;
}

/** @param text JSON lines, not empty */
export function frameLines(text: string): FramedLines {
  const head = `${Buffer.byteLength(text).toString(16)}\r\n`;
  const chunk = Buffer.from(`${head}${text}\r\n`);
  return { lines: chunk.subarray(head.length, -2), chunk };
}

/** Writes lines after the headers of an answer without a length; nothing else may be written behind its back. */
export class LineWriter {
  readonly #response: ServerResponse;
  readonly #isChunked: boolean;

  /** @param response its headers are sent */
  constructor(response: ServerResponse) {
    this.#response = response;
    // Clients of HTTP/1.0 know no chunks.
    this.#isChunked = response.chunkedEncoding;
    // What has its framing is nothing for Node's response to frame again: it makes three writes of each.
    response.chunkedEncoding = false;
  }

  write({ lines, chunk }: FramedLines): boolean {
    return this.#response.write(this.#isChunked ? chunk : lines);
  }

  end(): void {
    if (this.#isChunked && !this.#response.destroyed) this.#response.end('0\r\n\r\n');
    else this.#response.end();
  }
}
