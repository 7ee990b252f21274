// One request as a route sees it: parsed once at the edge, with the answer to write and the services to use.
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { Departure } from '../base/departure.js';
import type { ManagerServices } from './services.js';

export interface RequestHead {
  readonly method: string;
  /** As received: alternating names and values, repeats kept. */
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingHttpHeaders;
}

export interface RequestContext {
  readonly request: RequestHead;
  /** API version the client is answered in. */
  readonly version: string;
  /** Named parts of the path, decoded once. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Goes away before the answer is complete, or does not. */
  readonly client: Departure;
  /** That of `client`. */
  readonly signal: AbortSignal;
  readonly services: ManagerServices;
}

export interface RouteContext extends RequestContext {
  /** The body without its framing. */
  readonly body: Readable;
  readonly response: ServerResponse;
}

/** Answers a request; throws ApiError or SwarmError for everything that is not a success. */
export type RouteHandler = (context: RouteContext) => Promise<void>;

/** The part of a path that the table promises; missing means that the table and the handler disagree. */
export function param(context: RequestContext, name: string): string {
  const value = context.params[name];
  if (value === undefined) throw new Error(`route has no parameter "${name}"`);
  return value;
}

export function userAgent(context: RequestContext): string {
  return context.request.headers['user-agent'] ?? '';
}
