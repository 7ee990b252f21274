// One request and its answer as handlers see them: no sockets, so that handlers can be tested as functions.
import type { JsonObject } from '../base/json.js';
import { StatusError } from './status.js';

export interface ApiRequest {
  readonly method: string;
  /** Decoded parts of the path: `/apis/swarmctl.io` is ['apis', 'swarmctl.io']. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly accept: string;
  /** Media type of the body in lower case, without parameters; '' when there is none. */
  readonly contentType: string;
  /** Name that the client gives itself, for field managers. */
  readonly userAgent: string;
  /** The whole body. @throws StatusError RequestEntityTooLarge */
  readonly body: () => Promise<Buffer>;
  /** Aborted when the client is gone, the deadline has passed or the server closes. */
  readonly signal: AbortSignal;
}

/** Where a streaming answer is written to. */
export interface StreamSink {
  /** Sends one chunk. @returns false when the client is too slow to be kept */
  write(chunk: string): boolean;
}

export type ApiResponse =
  | {
      readonly type: 'json';
      readonly status: number;
      readonly body: JsonObject;
      readonly contentType?: string;
      readonly warnings?: readonly string[];
    }
  | {
      readonly type: 'bytes';
      readonly status: number;
      readonly body: Buffer | string;
      readonly contentType: string;
    }
  | { readonly type: 'stream'; readonly run: (sink: StreamSink, signal: AbortSignal) => Promise<void> };

export function json(
  body: JsonObject,
  o: { readonly status?: number; readonly warnings?: readonly string[] } = {},
): ApiResponse {
  return {
    type: 'json',
    status: o.status ?? 200,
    body,
    ...(o.warnings === undefined ? {} : { warnings: o.warnings }),
  };
}

export function text(body: string, status = 200): ApiResponse {
  return { type: 'bytes', status, body, contentType: 'text/plain; charset=utf-8' };
}

/** A query parameter that is true as Kubernetes reads booleans; absent is false. */
export function booleanParameter(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  if (value === null) return false;
  if (['', 'true', '1', 'True', 'TRUE', 't', 'T'].includes(value)) return true;
  if (['false', '0', 'False', 'FALSE', 'f', 'F'].includes(value)) return false;
  throw new StatusError(
    'BadRequest',
    `Cannot read parameter "${name}": must be true or false, got ${JSON.stringify(value)}`,
  );
}

/** A query parameter that is a whole number of at least 0. @returns undefined when absent or empty */
export function numberParameter(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === '') return undefined;
  if (/^\d{1,15}$/.test(value)) return Number(value);
  throw new StatusError(
    'BadRequest',
    `Cannot read parameter "${name}": must be a whole number, got ${JSON.stringify(value)}`,
  );
}

/** A query parameter that must be one of a few words. */
export function choiceParameter<T extends string>(
  query: URLSearchParams,
  name: string,
  o: { readonly choices: readonly T[]; readonly otherwise: T },
): T {
  const value = query.get(name);
  if (value === null || value === '') return o.otherwise;
  const found = o.choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw new StatusError(
    'BadRequest',
    `Cannot read parameter "${name}": must be one of ${o.choices.join(', ')}, got ${JSON.stringify(value)}`,
  );
}
