// The manager's data path to one engine: requests through undici, uploads through node:http, hijacks on fresh sockets.
// Bodies stream with backpressure both ways and are never collected here, except by `requestJson`.
import type net from 'node:net';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import PQueue from 'p-queue';
import { Pool, type Dispatcher } from 'undici';
import { formatHostPort } from '../api/engine-address.js';
import type { Clock } from '../base/clock.js';
import { SwarmError, systemCodeOf } from '../base/errors.js';
import { EngineDialer } from './dialer.js';
import type { EngineEndpoint, EngineTls } from './endpoint.js';
import type { EngineRequest, EngineResponse } from './engine-request.js';
import { describeEndpoint, engineAnswerError, engineTimeout } from './translate-error.js';
import { endToEndHeaders, headersFromRaw } from './wire-headers.js';
import { upload } from './upload.js';

export type { EngineRequest, EngineResponse };

const defaultHeadersTimeoutMs = 30_000;
// 16 requests that wait for headers keep a dockerd of 2 cores busy, and bound what one hung engine holds of our memory;
// requests without time limit and bodies already flowing are not counted, so streams never starve short calls.
const waitingRequests = 16;
// Engines keep idle connections for minutes; 30 s spares the handshake of bursts and frees ~70 KB per engine after.
const idleConnectionMs = 30_000;
// A pool drops a client object only by age; this bounds what a burst of thousands of streams leaves behind.
const connectionLifeMs = 600_000;
// dockerd accepts and sends headers up to 1 MiB.
const maxHeaderBytes = 1 << 20;
const defaultMaxJsonBytes = 64 * 1024 * 1024;

export class EngineTransport {
  readonly #clock: Clock;
  readonly #dialer: EngineDialer;
  readonly #waiting = new PQueue({ concurrency: waitingRequests });
  readonly #underWay = new Set<AbortController>();
  readonly #draining = new Set<Pool>();
  #pool: Pool;
  #isClosed = false;

  constructor(options: { readonly endpoint: EngineEndpoint; readonly clock: Clock }) {
    this.#clock = options.clock;
    this.#dialer = new EngineDialer(options);
    this.#pool = this.#newPool();
  }

  get endpoint(): EngineEndpoint {
    return this.#dialer.endpoint;
  }

  /** IP of the engine as last connected to; `''` before. */
  get remoteAddress(): string {
    return this.#dialer.remoteAddress;
  }

  /** When the engine's certificate expires, epoch ms; undefined without TLS or before the first connection. */
  get certificateNotAfterMs(): number | undefined {
    return this.#dialer.certificateNotAfterMs;
  }

  /**
   * Sends a request and resolves when the answer's headers are there, whatever the status.
   * @throws ENGINE_* when there is no answer; the signal's reason when it was aborted
   */
  async request(request: EngineRequest): Promise<EngineResponse> {
    if (this.#isClosed) throw new SwarmError('ABORTED', `Connection to ${this.endpoint.name} is closed`);
    request.signal?.throwIfAborted();
    const attempt = request.attempt ?? 'reach';
    const timeoutMs = request.headersTimeoutMs ?? defaultHeadersTimeoutMs;
    const controller = new AbortController();
    this.#underWay.add(controller);
    const onAbort = (): void => controller.abort(request.signal?.reason);
    request.signal?.addEventListener('abort', onAbort, { once: true });
    const detach = (): void => {
      this.#underWay.delete(controller);
      request.signal?.removeEventListener('abort', onAbort);
    };
    let isSettled = false;
    let cancelTimer = (): void => undefined;
    const startTimer = (): void => {
      if (timeoutMs === 0 || controller.signal.aborted) return;
      // The immediate lets sockets be read first: after a stall of this process the answer may be waiting there.
      const expire = (): void => {
        setImmediate(() => {
          if (!isSettled) controller.abort(engineTimeout(this.endpoint, { attempt, ms: timeoutMs }));
        });
      };
      cancelTimer = this.#clock.setTimer(timeoutMs, expire);
    };
    const send = (): Promise<EngineResponse> => this.#send(request, controller.signal, startTimer);
    try {
      if (!(request.body instanceof Readable)) startTimer();
      const response = await (timeoutMs === 0
        ? send()
        : this.#waiting.add(send, { signal: controller.signal }));
      this.#dialer.noteAnswer();
      // Nobody needs to read a body that cannot be there, so its end may never show.
      if (request.method === 'HEAD' || response.status === 204 || response.status === 304) detach();
      else response.body.once('close', detach);
      return response;
    } catch (error) {
      detach();
      const reason: unknown = controller.signal.reason;
      if (controller.signal.aborted)
        throw reason instanceof Error ? reason : new SwarmError('ABORTED', 'Aborted');
      throw await this.#dialer.explain(error, attempt);
    } finally {
      isSettled = true;
      cancelTimer();
    }
  }

  /**
   * GET /_ping without the machinery of `request`: of a fleet it is sent hundreds of times a second. No body is kept.
   * @returns the status. @throws ENGINE_* when there is no answer in time; the signal's reason when it was aborted
   */
  async ping(options: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<number> {
    const { timeoutMs, signal } = options;
    if (this.#isClosed) throw new SwarmError('ABORTED', `Connection to ${this.endpoint.name} is closed`);
    signal.throwIfAborted();
    let cancel = (): void => undefined;
    let onAbort = (): void => undefined;
    try {
      const status = await new Promise<number>((resolve, reject) => {
        let reason: Error | undefined;
        let exchange: Dispatcher.DispatchController | undefined;
        const give = (error: Error): void => {
          reason = error;
          exchange?.abort(error);
          reject(error);
        };
        onAbort = (): void =>
          give(signal.reason instanceof Error ? signal.reason : new SwarmError('ABORTED', 'Aborted'));
        signal.addEventListener('abort', onAbort, { once: true });
        // The immediate lets sockets be read first, as in `request`.
        cancel = this.#clock.setTimer(timeoutMs, () =>
          setImmediate(() => give(engineTimeout(this.endpoint, { attempt: 'ping', ms: timeoutMs }))),
        );
        this.#pool.dispatch(
          { method: 'GET', path: '/_ping' },
          {
            onRequestStart: (started) => {
              exchange = started;
              if (reason !== undefined) started.abort(reason);
            },
            onResponseStart: (_exchange, statusCode) => resolve(statusCode),
            onResponseError: (_exchange, error) => reject(error),
          },
        );
      });
      this.#dialer.noteAnswer();
      return status;
    } catch (error) {
      if (error instanceof SwarmError) throw error;
      throw await this.#dialer.explain(error, 'ping');
    } finally {
      cancel();
      signal.removeEventListener('abort', onAbort);
    }
  }

  /**
   * A whole JSON answer; an empty body is undefined. The time limit covers the body too.
   * @throws OBJECT_NOT_FOUND (404), OBJECT_CONFLICT (409) or ENGINE_ERROR with the engine's message on status ≥ 400, or
   *   when the body is longer than `maxBytes` (default 64 MiB) or no JSON
   */
  async requestJson(
    request: EngineRequest & { readonly maxBytes?: number },
  ): Promise<{ readonly status: number; readonly body: unknown }> {
    const { status, bytes } = await this.requestBytes(request);
    const text = bytes.toString('utf8');
    if (status >= 400)
      throw engineAnswerError(this.endpoint, { attempt: request.attempt ?? 'reach', status, body: text });
    if (text === '') return { status, body: undefined };
    try {
      return { status, body: JSON.parse(text) as unknown };
    } catch (error) {
      throw new SwarmError(
        'ENGINE_ERROR',
        `Cannot read the answer of engine "${this.endpoint.name}": it is not JSON`,
        { cause: error },
      );
    }
  }

  /** A whole answer, whatever its status; bounded in size and time like `requestJson`. */
  async requestBytes(
    request: EngineRequest & { readonly maxBytes?: number },
  ): Promise<Pick<EngineResponse, 'status' | 'headers'> & { readonly bytes: Buffer }> {
    const { maxBytes = defaultMaxJsonBytes } = request;
    const timeoutMs = request.headersTimeoutMs ?? defaultHeadersTimeoutMs;
    const startMs = this.#clock.monotonic();
    const response = await this.request(request);
    const leftMs = Math.max(1, timeoutMs - (this.#clock.monotonic() - startMs));
    const attempt = request.attempt ?? 'reach';
    const cancel =
      timeoutMs === 0
        ? () => undefined
        : this.#clock.setTimer(leftMs, () =>
            response.body.destroy(
              engineTimeout(this.endpoint, { attempt, ms: timeoutMs, what: 'no whole answer' }),
            ),
          );
    try {
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
        size += chunk.length;
        if (size > maxBytes)
          throw new SwarmError(
            'ENGINE_ERROR',
            `Cannot read the answer of engine "${this.endpoint.name}": it is longer than ${maxBytes} bytes`,
          );
        chunks.push(chunk);
      }
      // undici offers a connection again one turn after its answer ended; without the turn a caller that asks one thing
      // after the other gets a second connection, and pays a second TLS handshake.
      await nextTurn();
      return { status: response.status, headers: response.headers, bytes: Buffer.concat(chunks) };
    } catch (error) {
      if (request.signal?.aborted) throw request.signal.reason;
      throw await this.#dialer.explain(error, attempt);
    } finally {
      cancel();
      response.body.destroy();
    }
  }

  /** A fresh connection for a hijack; it stays writable after the engine ended. The caller owns it. */
  async openSocket(signal?: AbortSignal): Promise<net.Socket> {
    return this.#dialer.open({ allowHalfOpen: true, signal });
  }

  /** New connections use `tlsMaterial`; requests under way finish on their old ones. */
  setTls(tlsMaterial: EngineTls | undefined): void {
    this.#dialer.setTls(tlsMaterial);
    const old = this.#pool;
    this.#pool = this.#newPool();
    this.#draining.add(old);
    void old.close().then(
      () => this.#draining.delete(old),
      () => this.#draining.delete(old),
    );
  }

  /** Ends every request under way; sockets of `openSocket` belong to their callers. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const reason = new SwarmError(
      'ENGINE_UNREACHABLE',
      `Cannot reach ${describeEndpoint(this.endpoint)}: the connection was shut down`,
    );
    for (const controller of this.#underWay) controller.abort(reason);
    await Promise.all([this.#pool, ...this.#draining].map((pool) => pool.destroy()));
  }

  async #send(request: EngineRequest, signal: AbortSignal, onSent: () => void): Promise<EngineResponse> {
    signal.throwIfAborted();
    const headers = endToEndHeaders(request.headers ?? {}, { keepLength: request.body instanceof Readable });
    if (request.body instanceof Readable)
      return upload({ dialer: this.#dialer, clock: this.#clock, request, headers, signal, onSent });
    const answer = await this.#pool.request({
      method: request.method, // undici sends any token; its type lists the usual ones
      path: request.path,
      headers,
      body: request.body ?? null,
      signal,
      responseHeaders: 'raw',
      headersTimeout: 0,
      // undici looks at it once a second, and not while the reader holds the body up.
      bodyTimeout: request.bodyStallMs ?? 0,
    });
    // With responseHeaders: 'raw' undici gives the flat list that its type does not describe.
    const rawHeaders = answer.headers as unknown as readonly string[];
    return {
      status: answer.statusCode,
      statusText: answer.statusText,
      rawHeaders,
      headers: headersFromRaw(rawHeaders),
      body: answer.body,
    };
  }

  #newPool(): Pool {
    const dialer = this.#dialer;
    const scheme = this.endpoint.tls === undefined ? 'http' : 'https';
    return new Pool(`${scheme}://${formatHostPort(this.endpoint.address)}`, {
      connections: null,
      pipelining: 1,
      keepAliveTimeout: idleConnectionMs,
      keepAliveMaxTimeout: idleConnectionMs,
      clientTtl: connectionLifeMs,
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (_options, callback) => {
        const socket = dialer.connect();
        const onError = (error: Error): void => callback(error, null);
        socket.once('error', onError);
        socket.once(dialer.readyEvent, () => {
          socket.off('error', onError);
          callback(null, socket);
        });
      },
    });
  }
}

/** Whether an error of a body stream only says that our side gave it up. */
export function isOwnAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || systemCodeOf(error) === 'UND_ERR_ABORTED');
}
