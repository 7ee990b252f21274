// Bounded reading of bodies that are small by nature, JSON options and answers, not streams of data.
import type { Readable } from 'node:stream';
import { isJsonObject, type JsonObject } from '../base/json.js';
import { ApiError } from './api-error.js';
import { parseJson } from './lossless-json.js';

/** A create body with large environments and labels stays far below; more than this is an attack or a mistake. */
export const maxJsonBytes = 16 * 1024 * 1024;

/** @throws ApiError 413 when the body is longer than `limit` */
export async function readAll(body: Readable, limit = maxJsonBytes): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw new ApiError(413, `request body too large: more than ${limit} bytes`);
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}

/** @throws ApiError 400 when the bytes are not one JSON object */
export function parseJsonObject(bytes: Uint8Array): JsonObject {
  let value: unknown;
  try {
    value = parseJson(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw new ApiError(400, `invalid JSON: ${error instanceof Error ? error.message : 'cannot be parsed'}`);
  }
  if (!isJsonObject(value)) throw new ApiError(400, 'invalid JSON: must be an object');
  return value;
}
