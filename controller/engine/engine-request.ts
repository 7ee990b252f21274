// A request to an engine and its answer, as transport.ts carries them.
import type { Readable } from 'node:stream';
import type { Departure } from '../base/departure.js';
import { headersFromRaw } from './wire-headers.js';

export interface EngineRequest {
  readonly method: string;
  /** Path with the `/vX.Y` prefix and the query. */
  readonly path: string;
  /** Hop-by-hop headers, `Host` and `Expect` are left out; `Content-Length` counts only for a streamed body. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Uint8Array | Readable;
  /** Aborts the request, and after the answer has begun its body. */
  readonly signal?: AbortSignal;
  /**
   * Milliseconds until the answer's headers, counted from the call (from the end of a streamed body); 0 = no limit,
   * for what may last (wait, stop, build, pull, follow). Default 30000.
   */
  readonly headersTimeoutMs?: number;
  /**
   * Milliseconds that the body of the answer may stand still while it is being read; 0 = no limit, for what follows
   * something. A reader that is slow itself is not counted. Default 0. Not for streamed request bodies.
   */
  readonly bodyStallMs?: number;
  /** What messages call the request, before the engine's name. Default `reach`. */
  readonly attempt?: string;
}

export interface EngineResponse {
  readonly status: number;
  readonly statusText: string;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  /** Lower-case names; a repeated header is an array. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** Destroying it ends the request at the engine. */
  readonly body: Readable;
}

/** A request whose answer is read whole. The time limit covers its body too, unless `bodyStallMs` is given. */
export interface SmallRequest extends EngineRequest {
  /** Longest body that is taken. Default 64 MiB. */
  readonly maxBytes?: number;
  /**
   * Whoever asked for it may leave: then the request has this long to finish, so that a change is not cut halfway and an
   * engine that never answers does not hold its connection for ever. Not for streamed bodies.
   */
  readonly leaving?: { readonly client: Departure; readonly graceMs: number };
}

export class SmallAnswer {
  readonly status: number;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly bytes: Buffer;

  constructor(parts: {
    readonly status: number;
    readonly rawHeaders: readonly string[];
    readonly bytes: Buffer;
  }) {
    this.status = parts.status;
    this.rawHeaders = parts.rawHeaders;
    this.bytes = parts.bytes;
  }

  /** Lower-case names; a repeated header is an array. Made when asked for: most answers are passed on as they came. */
  get headers(): Readonly<Record<string, string | string[]>> {
    return headersFromRaw(this.rawHeaders);
  }
}
