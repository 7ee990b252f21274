// The body of a streamed answer, when all of it is wanted at once.
import type { Readable } from 'node:stream';
import { TooLong } from './small-exchange.js';

/** @throws TooLong above `maxBytes`, or why it broke off */
export async function readWhole(body: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > maxBytes) throw new TooLong(`more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
