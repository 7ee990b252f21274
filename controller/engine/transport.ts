// The manager's data path to one engine: short requests on kept sockets, streams through undici, uploads through
// node:http, hijacks on fresh sockets. Bodies stream with backpressure both ways; only short answers are collected.
import type net from 'node:net';
import { Readable } from 'node:stream';
import type { Pool } from 'undici';
import type { Clock } from '../base/clock.js';
import { SwarmError } from '../base/errors.js';
import { abortReason, rejectionOf } from './abort-reason.js';
import { EngineDialer } from './dialer.js';
import { DirectAnswer } from './direct-answer.js';
import type { EngineEndpoint, EngineTls } from './endpoint.js';
import { SmallAnswer, type EngineRequest, type EngineResponse, type SmallRequest } from './engine-request.js';
import type { SecureContexts } from './secure-contexts.js';
import { Slots } from './slots.js';
import { SpareSockets } from './spare-sockets.js';
import { streamPool } from './stream-pool.js';
import { sendPing, type PingLateness } from './ping-exchange.js';
import { RequestSockets } from './request-sockets.js';
import { LastingAnswer, type Lasting } from './lasting-answer.js';
import { SmallExchange, TooLong } from './small-exchange.js';
import { describeEndpoint, engineAnswerError, engineTimeout } from './translate-error.js';
import { UsualAnswers } from './usual-answers.js';
import { endToEndHeaders, headersFromRaw } from './wire-headers.js';
import { upload } from './upload.js';
import { readWhole } from './whole-body.js';

export type { EngineRequest, EngineResponse, SmallRequest };

const defaultHeadersTimeoutMs = 30_000;
// 16 requests that wait for headers keep a dockerd of 2 cores busy, and bound what one hung engine holds of our memory;
// requests without time limit and bodies already flowing are not counted, so streams never starve short calls.
const waitingRequests = 16;
const defaultMaxJsonBytes = 64 * 1024 * 1024;

export class EngineTransport {
  readonly #clock: Clock;
  readonly #dialer: EngineDialer;
  readonly #waiting = new Slots(waitingRequests);
  readonly #underWay = new Set<{ abort(reason: Error): void }>();
  readonly #draining = new Set<Pool>();
  readonly #sockets: RequestSockets;
  readonly #usual: UsualAnswers;
  readonly #spares: SpareSockets;
  /** Made for the first stream that a client wants: it takes more memory than all that a fleet at rest needs. */
  #pool: Pool | undefined;
  #isClosed = false;

  constructor(options: {
    readonly endpoint: EngineEndpoint;
    readonly clock: Clock;
    /** TLS contexts, memory that short requests read into, and answers to pings, which engines share; absent: this one's own. */
    readonly contexts?: SecureContexts | undefined;
    readonly block?: Buffer | undefined;
    readonly usual?: UsualAnswers | undefined;
    /** Connections for short requests at the same time; more requests wait for one. Default no limit. */
    readonly mostConnections?: number | undefined;
  }) {
    this.#clock = options.clock;
    this.#dialer = new EngineDialer(options);
    this.#sockets = new RequestSockets(this.#dialer, { block: options.block, most: options.mostConnections });
    this.#usual = options.usual ?? new UsualAnswers();
    this.#spares = new SpareSockets({ dialer: this.#dialer, clock: options.clock });
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
    this.#checkOpen(request);
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
      // An engine may answer before it has the whole body; then the end of the body starts nothing.
      if (timeoutMs === 0 || isSettled || controller.signal.aborted) return;
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
      const response = await (timeoutMs === 0 ? send() : this.#inTurn(send, controller.signal));
      this.#dialer.noteAnswer();
      // Nobody needs to read a body that cannot be there, so its end may never show.
      if (request.method === 'HEAD' || response.status === 204 || response.status === 304) detach();
      else response.body.once('close', detach);
      return response;
    } catch (error) {
      detach();
      if (controller.signal.aborted) throw abortReason(controller.signal);
      throw await this.#dialer.explain(error, attempt);
    } finally {
      isSettled = true;
      cancelTimer();
    }
  }

  /**
   * GET /_ping without the machinery of `request`: of a fleet it is sent hundreds of times a second. It waits for no other
   * request, and ends with the transport.
   * @param options.setTimer for the deadline; default the clock's
   * @param options.onEnd called once: with ENGINE_* when there is no answer in time, else with the status
   */
  ping(options: {
    readonly timeoutMs: number;
    readonly late?: PingLateness;
    readonly setTimer?: Clock['setTimer'];
    readonly onEnd: (failure: SwarmError | undefined, status: number) => void;
  }): void {
    const { timeoutMs, setTimer = this.#clock.setTimer, onEnd } = options;
    if (this.#isClosed) {
      onEnd(new SwarmError('ABORTED', `Connection to ${this.endpoint.name} is closed`), 0);
      return;
    }
    sendPing(this.#sockets, {
      ...options,
      ...{ usual: this.#usual, setTimer },
      lateness: () => engineTimeout(this.endpoint, { attempt: 'ping', ms: timeoutMs }),
      onEnd: (failure, status) => {
        if (failure === undefined) this.#dialer.noteAnswer();
        if (failure === undefined || failure instanceof SwarmError) onEnd(failure, status);
        else void this.#dialer.explain(failure, 'ping').then((error) => onEnd(error, 0));
      },
    });
  }

  /**
   * An answer that lasts, read as it comes; `request` without its machinery. It waits for no other request, and ends with
   * the transport. The time limit is for its headers.
   * @throws ENGINE_* when there is no answer; the signal's reason when it was aborted
   */
  async follow(request: {
    readonly path: string;
    readonly attempt: string;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  }): Promise<Lasting> {
    const { path, attempt, timeoutMs, signal } = request;
    this.#checkOpen({ method: 'GET', path, signal });
    const answer = new LastingAnswer();
    const onAbort = (): void => answer.abort(abortReason(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    // The immediate lets sockets be read first, as in `request`.
    const expire = (): void => answer.expire(engineTimeout(this.endpoint, { attempt, ms: timeoutMs }));
    const cancel = this.#clock.setTimer(timeoutMs, () => setImmediate(expire));
    try {
      answer.start(this.#sockets, { method: 'GET', path, headers: {} });
      const lasting = await answer.begun;
      this.#dialer.noteAnswer();
      lasting.body.once('close', () => signal.removeEventListener('abort', onAbort));
      return lasting;
    } catch (error) {
      signal.removeEventListener('abort', onAbort);
      if (answer.abortReason !== undefined) throw answer.abortReason;
      throw await this.#dialer.explain(error, attempt);
    } finally {
      cancel();
    }
  }

  /**
   * A whole JSON answer; an empty body is undefined. The time limit covers the body too.
   * @throws OBJECT_NOT_FOUND (404), OBJECT_CONFLICT (409) or ENGINE_ERROR with the engine's message on status ≥ 400, or
   *   when the body is longer than `maxBytes` (default 64 MiB) or no JSON
   */
  async requestJson(request: SmallRequest): Promise<{ readonly status: number; readonly body: unknown }> {
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
  async requestBytes(request: SmallRequest): Promise<SmallAnswer> {
    const { body, signal, leaving, maxBytes = defaultMaxJsonBytes, attempt = 'reach' } = request;
    if (body instanceof Readable) return this.#uploadForBytes(request);
    this.#checkOpen(request);
    const timeoutMs = request.headersTimeoutMs ?? defaultHeadersTimeoutMs;
    const { bodyStallMs = 0 } = request;
    const exchange = new SmallExchange({ maxBytes, clock: this.#clock, bodyStallMs });
    const onAbort = (): void => exchange.abort(abortReason(signal));
    signal?.addEventListener('abort', onAbort, { once: true });
    let cancelGrace = (): void => undefined;
    const stay = leaving?.client.onGone(() => {
      cancelGrace = this.#clock.setTimer(leaving.graceMs, () => exchange.abort(abortReason(leaving.client)));
    });
    this.#underWay.add(exchange);
    const expire = (): void => {
      if (exchange.hasBegun && request.bodyStallMs !== undefined) return;
      const what = exchange.hasBegun ? 'no whole answer' : 'no answer';
      // As in `request`: what waits in the sockets is read first.
      setImmediate(() => exchange.abort(engineTimeout(this.endpoint, { attempt, ms: timeoutMs, what })));
    };
    const cancelTimer = timeoutMs === 0 ? undefined : this.#clock.setTimer(timeoutMs, expire);
    let hasSlot = false;
    try {
      if (timeoutMs > 0) {
        if (!this.#waiting.tryTake()) await this.#waiting.take(exchange.answer);
        hasSlot = true;
      }
      exchange.start(this.#sockets, {
        method: request.method,
        path: request.path,
        headers: endToEndHeaders(request.headers ?? {}, { keepLength: false }),
        body,
      });
      const answer = await exchange.answer;
      this.#dialer.noteAnswer();
      return new SmallAnswer(answer);
    } catch (error) {
      if (exchange.abortReason !== undefined) throw exchange.abortReason;
      if (error instanceof TooLong) throw this.#tooLong(maxBytes);
      throw await this.#dialer.explain(error, exchange.hasBegun ? 'read the answer of' : attempt);
    } finally {
      cancelTimer?.();
      cancelGrace();
      signal?.removeEventListener('abort', onAbort);
      stay?.();
      this.#underWay.delete(exchange);
      if (hasSlot) this.#waiting.give();
    }
  }

  /**
   * Like `request`, for large bodies: on a connection of its own, the body in the framing it comes in, no time limit until it
   * begins, no body of the request. The caller relays or aborts it.
   */
  async requestDirect(request: EngineRequest): Promise<DirectAnswer> {
    this.#checkOpen(request);
    const answer = new DirectAnswer({ dialer: this.#dialer, clock: this.#clock, request });
    this.#underWay.add(answer);
    void answer.over.then(() => this.#underWay.delete(answer));
    try {
      await answer.begun();
    } catch (error) {
      if (request.signal?.aborted === true) throw abortReason(request.signal);
      throw await this.#dialer.explain(error, request.attempt ?? 'reach');
    }
    this.#dialer.noteAnswer();
    return answer;
  }

  /** A fresh connection for a hijack; it stays writable after the engine ended. The caller owns it. */
  async openSocket(signal?: AbortSignal): Promise<net.Socket> {
    signal?.throwIfAborted();
    const spare = this.#spares.take();
    if (spare === undefined) return this.#dialer.open({ allowHalfOpen: true, signal });
    return spare.isReady ? spare.socket : this.#dialer.whenReady(spare.socket, signal);
  }

  /** So many connections for `openSocket` and streams will be wanted in a moment: opens them while something else goes on. */
  openAhead(count: number): void {
    if (!this.#isClosed) this.#spares.open(count);
  }

  /** What messages call the engine from now on. */
  setName(name: string): void {
    this.#dialer.setName(name);
  }

  /** New connections use `tlsMaterial`; requests under way finish on their old ones. */
  setTls(tlsMaterial: EngineTls | undefined): void {
    this.#dialer.setTls(tlsMaterial);
    this.#sockets.renew();
    this.#spares.clear();
    const old = this.#pool;
    this.#pool = undefined;
    if (old === undefined) return;
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
    this.#sockets.close(reason);
    this.#spares.clear();
    const pools = this.#pool === undefined ? [...this.#draining] : [this.#pool, ...this.#draining];
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  #checkOpen(request: EngineRequest): void {
    if (this.#isClosed) throw new SwarmError('ABORTED', `Connection to ${this.endpoint.name} is closed`);
    if (request.signal?.aborted === true) throw abortReason(request.signal);
  }

  #tooLong(maxBytes: number): SwarmError {
    return new SwarmError(
      'ENGINE_ERROR',
      `Cannot read the answer of engine "${this.endpoint.name}": it is longer than ${maxBytes} bytes`,
    );
  }

  async #inTurn<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (!this.#waiting.tryTake()) await this.#waiting.take(rejectionOf(signal));
    try {
      return await work();
    } finally {
      this.#waiting.give();
    }
  }

  /** The small answer to a streamed body. */
  async #uploadForBytes(request: SmallRequest): Promise<SmallAnswer> {
    const { maxBytes = defaultMaxJsonBytes, attempt = 'reach' } = request;
    const timeoutMs = request.headersTimeoutMs ?? defaultHeadersTimeoutMs;
    const response = await this.request(request);
    const expire = (): void => {
      const reason = engineTimeout(this.endpoint, { attempt, ms: timeoutMs, what: 'no whole answer' });
      response.body.destroy(reason);
    };
    const cancel = timeoutMs === 0 ? undefined : this.#clock.setTimer(timeoutMs, expire);
    try {
      const { status, rawHeaders } = response;
      return new SmallAnswer({ status, rawHeaders, bytes: await readWhole(response.body, maxBytes) });
    } catch (error) {
      if (error instanceof TooLong) throw this.#tooLong(maxBytes);
      if (request.signal?.aborted) throw abortReason(request.signal);
      throw await this.#dialer.explain(error, attempt);
    } finally {
      cancel?.();
      response.body.destroy();
    }
  }

  async #send(request: EngineRequest, signal: AbortSignal, onSent: () => void): Promise<EngineResponse> {
    signal.throwIfAborted();
    const headers = endToEndHeaders(request.headers ?? {}, { keepLength: request.body instanceof Readable });
    if (request.body instanceof Readable)
      return upload({ dialer: this.#dialer, clock: this.#clock, request, headers, signal, onSent });
    this.#pool ??= streamPool(this.#dialer, this.#spares);
    const answer = await this.#pool.request({
      method: request.method,
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
}
