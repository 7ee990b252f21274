// Lets dockerode speak through EngineTransport. dockerode's own modem merges DOCKER_* of the environment under whatever
// it is given and has no deadlines; this one knows only the endpoint it was made for.
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { isJsonObject, type JsonObject } from '../base/json.js';
import type { EngineRequest } from './engine-request.js';
import type { EngineWire } from './engine-wire.js';

/** What dockerode's classes pass to `modem.dial`; only what the engine client's calls use. */
export interface DialRequest {
  readonly path: string;
  readonly method: string;
  /** Query, or body of a POST; `_query` and `_body` tell them apart. */
  readonly options?: unknown;
  /** Body: a file's path, bytes or a stream. */
  readonly file?: string | Uint8Array | Readable;
  /** Statuses that mean success have the value true. */
  readonly statusCodes: Readonly<Record<string, boolean | string>>;
  /** Hand out the body as a stream instead of its parsed JSON. */
  readonly isStream?: boolean;
  readonly abortSignal?: AbortSignal;
  readonly hijack?: boolean;
  readonly openStdin?: boolean;
}

export type DialCallback = (error: Error | null, data: unknown) => void;

/** An answer whose status is not among the expected ones. */
export class UnexpectedStatus extends Error {
  constructor(
    readonly status: number,
    readonly body: string,
  ) {
    super(`HTTP status ${status}`);
  }
}

/** 304 says that the container already is as asked for. */
export async function unlessUnmodified(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof UnexpectedStatus && error.status === 304)) throw error;
  }
}

/** 404. @returns whether what the work is about was there */
export async function isThere(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof UnexpectedStatus && error.status === 404) return false;
    throw error;
  }
}

const maxAnswerBytes = 16 * 1024 * 1024;

export class EngineModem {
  // dockerode builds its promises with this constructor; it writes the property itself.
  Promise: PromiseConstructor = Promise;
  readonly #transport: Pick<EngineWire, 'request' | 'requestBytes'>;

  constructor(transport: Pick<EngineWire, 'request' | 'requestBytes'>) {
    this.#transport = transport;
  }

  dial(request: DialRequest, callback: DialCallback): void {
    this.#send(request).then(
      (data) => callback(null, data),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
    );
  }

  async #send(request: DialRequest): Promise<unknown> {
    if (request.hijack === true || request.openStdin === true)
      throw new Error('hijacked streams go through EngineTransport.openSocket');
    const wire = engineRequestOf(request);
    if (request.isStream === true) {
      const response = await this.#transport.request(wire);
      if (request.statusCodes[response.status] === true) return response.body;
      throw new UnexpectedStatus(response.status, await readStart(response.body));
    }
    const { status, headers, bytes } = await this.#transport.requestBytes({
      ...wire,
      maxBytes: maxAnswerBytes,
    });
    if (request.statusCodes[status] !== true) throw new UnexpectedStatus(status, bytes.toString('utf8'));
    // By content type, not by trial: a log whose only line is `5` is no JSON number.
    const isJson = String(headers['content-type'] ?? '').includes('json');
    return isJson ? (JSON.parse(bytes.toString('utf8')) as unknown) : bytes;
  }
}

function engineRequestOf(request: DialRequest): EngineRequest {
  const options = { ...asObject(request.options) };
  delete options['abortSignal'];
  const body = bodyOf(request, options);
  return {
    method: request.method,
    path: withQuery(request.path, asObject(options['_query'] ?? options)),
    // The client sets one deadline per call, around whatever dockerode does for it.
    headersTimeoutMs: 0,
    ...(body === undefined ? {} : body),
    ...(request.abortSignal === undefined ? {} : { signal: request.abortSignal }),
  };
}

/** dockerode marks paths that take a query by a trailing `?`. */
function withQuery(path: string, query: JsonObject): string {
  if (!path.endsWith('?')) return path;
  const flat = new URLSearchParams();
  for (const [key, value] of Object.entries(query))
    if (value !== undefined) flat.append(key, typeof value === 'string' ? value : JSON.stringify(value));
  return flat.size === 0 ? path.slice(0, -1) : path + flat.toString();
}

function bodyOf(
  request: DialRequest,
  options: JsonObject,
): Pick<EngineRequest, 'body' | 'headers'> | undefined {
  if (request.file !== undefined) {
    const body = typeof request.file === 'string' ? createReadStream(request.file) : request.file;
    return { body, headers: { 'Content-Type': 'application/x-tar' } };
  }
  if (request.method !== 'POST') return undefined;
  const content = asObject(options['_body'] ?? options);
  if (Object.keys(content).length === 0) return undefined;
  return { body: Buffer.from(JSON.stringify(content)), headers: { 'Content-Type': 'application/json' } };
}

function asObject(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

async function readStart(body: Readable): Promise<string> {
  let text = '';
  for await (const chunk of body as AsyncIterable<Buffer>) {
    text += chunk.toString('utf8');
    if (text.length > 4096) break;
  }
  return text;
}
