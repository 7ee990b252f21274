// Docker's progress streams: JSON objects one a line, the last of which may say that it all failed.
import { isJsonObject, stringAt, type JsonObject } from '../base/json.js';
import { parseJson } from './lossless-json.js';

/** One message of a progress stream; undefined for what is no JSON object. */
export function parseMessage(line: string): JsonObject | undefined {
  try {
    const value = parseJson(line);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The failure that a message tells of, if any. */
export function errorOf(message: JsonObject): string | undefined {
  return stringAt(message['errorDetail'], 'message') ?? stringAt(message, 'error');
}

/** The failure that a whole stream ended with, if any. */
export function lastError(text: string): string | undefined {
  return text
    .split('\n')
    .map((line) => parseMessage(line))
    .flatMap((message) => (message === undefined ? [] : (errorOf(message) ?? [])))
    .at(-1);
}

/** The image that a message of a load tells of: a name with tag, or an ID of an image without name. */
export function loadedReference(message: JsonObject | undefined): string | undefined {
  return /^Loaded image(?: ID)?: (\S+)/.exec(stringAt(message, 'stream') ?? '')?.[1];
}
