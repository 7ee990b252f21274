// The small bodies of requests, whole, and the JSON in them checked as engines check it.
import { withDeadline } from '../base/deadline.js';
import { isJsonObject, type JsonObject } from '../base/json.js';
import { ApiError } from './api-error.js';
import { parseJsonObject, readAll } from './read-all.js';
import type { RouteContext } from './route-context.js';

// The largest body that is read whole, 16 MiB, takes this long at 2 Mbit/s; a client that needs longer is holding on.
export const bodyWithinMs = 60_000;
// The options of an exec have a few dozen bytes; engines refuse what is too long to be them.
const maxOptionsBytes = 64 * 1024;

/** The request body, read whole. @throws ApiError 408 when it does not come within a minute, 413 above 16 MiB */
export function readBody(context: RouteContext): Promise<Buffer> {
  return readWithin(context, () => readAll(context.body));
}

/** Like `readBody`, but a client may leave its request open behind the JSON object of options, as for input to come. */
export function readOptions(context: RouteContext): Promise<Buffer> {
  return readWithin(context, async () => {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of context.body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > maxOptionsBytes) break;
      if (chunk.includes('}') && isObject(Buffer.concat(chunks))) break;
    }
    return Buffer.concat(chunks);
  });
}

export function bodyTooSlow(): ApiError {
  return new ApiError(408, `request body did not arrive within ${bodyWithinMs / 1000} s`);
}

function isObject(bytes: Buffer): boolean {
  try {
    return isJsonObject(JSON.parse(bytes.toString('utf8')));
  } catch {
    return false;
  }
}

function readWithin(context: RouteContext, read: () => Promise<Buffer>): Promise<Buffer> {
  const { body, services } = context;
  return withDeadline(
    services.clock,
    {
      delayMs: bodyWithinMs,
      reason: () => {
        body.destroy();
        return bodyTooSlow();
      },
    },
    read,
  );
}

/**
 * The request body as a JSON object.
 * @param options.optional an empty body counts as `{}`
 * @throws ApiError 400 in the engine's wording
 */
export async function readJsonBody(
  context: RouteContext,
  options: { readonly optional?: boolean } = {},
): Promise<JsonObject> {
  const bytes = await readBody(context);
  if (bytes.length === 0 && options.optional === true) return {};
  if (bytes.length > 0) checkJsonType(context.request.headers['content-type']);
  if (bytes.length === 0) throw new ApiError(400, 'invalid JSON: got EOF while reading request body');
  return parseJsonObject(bytes);
}

function checkJsonType(contentType = ''): void {
  const mediaType = contentType.split(';')[0]?.trim().toLowerCase();
  if (mediaType === '') {
    throw new ApiError(400, `malformed Content-Type header (${contentType}): mime: no media type`);
  }
  if (mediaType !== 'application/json') {
    throw new ApiError(400, `unsupported Content-Type header (${contentType}): must be 'application/json'`);
  }
}
