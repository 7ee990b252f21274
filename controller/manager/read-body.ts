// The JSON body of a request, checked as engines check it.
import type { JsonObject } from '../base/json.js';
import { ApiError } from './api-error.js';
import { parseJsonObject, readAll } from './read-all.js';
import type { RouteContext } from './route-context.js';

/**
 * The request body as a JSON object.
 * @param options.optional an empty body counts as `{}`
 * @throws ApiError 400 in the engine's wording
 */
export async function readJsonBody(
  context: RouteContext,
  options: { readonly optional?: boolean } = {},
): Promise<JsonObject> {
  const bytes = await readAll(context.body);
  if (bytes.length === 0 && options.optional === true) return {};
  const contentType = context.request.headers['content-type'];
  if (bytes.length > 0 && contentType !== undefined && !isJsonType(contentType)) {
    throw new ApiError(400, `unsupported Content-Type header (${contentType}): must be 'application/json'`);
  }
  if (bytes.length === 0) throw new ApiError(400, 'invalid JSON: got EOF while reading request body');
  return parseJsonObject(bytes);
}

function isJsonType(contentType: string): boolean {
  return contentType.split(';')[0]?.trim().toLowerCase() === 'application/json';
}
