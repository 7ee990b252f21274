// One answer on a connection of its own, for large bodies: they are handed on as they come, framing and all, so that the only
// work is the system's. Where there is no TLS every byte goes through one block of memory, which is never given up.
import type net from 'node:net';
import { formatHostPort } from '../api/engine-address.js';
import type { Clock } from '../base/clock.js';
import { takeAnswerHead, type AnswerHead } from './answer-head.js';
import { BodyFraming, type Framing } from './body-framing.js';
import type { EngineDialer } from './dialer.js';
import type { EngineRequest } from './engine-request.js';
import { endToEndHeaders } from './wire-headers.js';

/** Read and written at a time: with Node's 64 KiB the system calls, and memory that is always new, cost twice as much. */
const blockBytes = 256 * 1024;
/** Without a body; time limits other than `bodyStallMs` are not looked at. */
export type DirectRequest = Pick<EngineRequest, 'method' | 'path' | 'headers' | 'signal' | 'bodyStallMs'>;

export interface BodySink {
  /**
   * Takes the next bytes of the body in its framing. @returns false when no more is wanted until `resume`
   * @param isLent the memory is used again after that: then true means that the bytes are gone already
   */
  write(bytes: Buffer, isLent: boolean): boolean;
}

export class DirectAnswer {
  readonly #clock: Clock;
  readonly #request: DirectRequest;
  readonly #isLent: boolean;
  readonly #socket: net.Socket;
  readonly #settled: Promise<void>;
  #head: AnswerHead | undefined;
  #body: BodyFraming | undefined;
  #sink: BodySink | undefined;
  /** The beginning of a head, or what came of the body before its reader. */
  #early = Buffer.alloc(0);
  #isWanted = true;
  #movedAtMs = 0;
  #cancelStall: (() => void) | undefined;
  #settle: () => void = () => undefined;
  #failure: Error | undefined;
  #onHead: () => void = () => undefined;

  constructor(options: {
    readonly dialer: EngineDialer;
    readonly clock: Clock;
    readonly request: DirectRequest;
  }) {
    const { dialer, clock, request } = options;
    const { signal } = request;
    this.#clock = clock;
    this.#request = request;
    this.#settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const onAbort = (): void => this.abort(signal?.reason instanceof Error ? signal.reason : undefined);
    signal?.addEventListener('abort', onAbort, { once: true });
    void this.#settled.then(() => signal?.removeEventListener('abort', onAbort));
    // A TLS socket gives several records at once, whether or not it was told to stop.
    this.#isLent = dialer.endpoint.tls === undefined;
    const take = (bytes: Buffer): boolean => this.#take(bytes);
    this.#socket = dialer.connect(
      this.#isLent
        ? {
            onread: {
              buffer: Buffer.allocUnsafeSlow(blockBytes),
              callback: (length, block) => take(Buffer.from(block.buffer, block.byteOffset, length)),
            },
          }
        : {},
    );
    this.#socket.once(dialer.readyEvent, () => {
      this.#socket.write(headText(request, formatHostPort(dialer.endpoint.address)), 'latin1');
    });
    if (!this.#isLent)
      this.#socket.on('data', (chunk: Buffer) => {
        if (!take(chunk)) this.#socket.pause();
      });
    this.#socket.once('end', () => this.#end());
    this.#socket.once('error', (error) => this.abort(error));
    this.#socket.once('close', () => this.#end());
  }

  /** Resolves when the head of the answer is there. @throws why it did not come */
  async begun(): Promise<void> {
    const head = new Promise<void>((resolve) => {
      this.#onHead = resolve;
    });
    await Promise.race([head, this.#settled]);
    if (this.#head === undefined && this.#failure !== undefined) throw this.#failure;
  }

  get status(): number {
    return this.#head?.status ?? 0;
  }

  get rawHeaders(): readonly string[] {
    return this.#head?.rawHeaders ?? [];
  }

  get framing(): Framing {
    return this.#head?.framing ?? { type: 'none' };
  }

  /** Resolves when the answer is over, however it ends. */
  get over(): Promise<void> {
    return this.#settled;
  }

  /** Hands the body on, to be called once; resolves at its end. @throws when it breaks off, stands still or was aborted */
  async relay(sink: BodySink): Promise<void> {
    this.#sink = sink;
    const early = this.#early;
    this.#early = Buffer.alloc(0);
    this.#movedAtMs = this.#clock.monotonic();
    const { bodyStallMs = 0 } = this.#request;
    if (bodyStallMs > 0) this.#watch(bodyStallMs);
    this.#isWanted = this.#pass(early, false);
    if (this.#isWanted) this.#socket.resume();
    await this.#settled;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** The sink wants more. */
  resume(): void {
    if (this.#isWanted || this.#sink === undefined) return;
    this.#isWanted = true;
    this.#movedAtMs = this.#clock.monotonic();
    this.#socket.resume();
  }

  /** Ends it with this reason, wherever it is; nothing after its end. */
  abort(reason: Error = new Error('aborted')): void {
    if (this.#body?.isDone !== true) this.#failure ??= reason;
    this.#finish();
  }

  /** @returns whether more may come */
  #take(bytes: Buffer): boolean {
    if (this.#body === undefined) return this.#takeHead(bytes);
    this.#movedAtMs = this.#clock.monotonic();
    this.#isWanted = this.#pass(bytes, this.#isLent);
    return this.#isWanted;
  }

  /** @returns whether more of the head is to come */
  #takeHead(bytes: Buffer): boolean {
    this.#early = Buffer.concat([this.#early, bytes]);
    try {
      for (;;) {
        const taken = takeAnswerHead(this.#early, { at: 0, method: this.#request.method });
        if (taken === undefined) return true;
        const { head, end } = taken;
        this.#early = this.#early.subarray(end);
        // Interim answers (1xx) come before the one that counts.
        if (head.status < 200) continue;
        this.#head = head;
        this.#body = new BodyFraming(head.framing);
        this.#onHead();
        return false;
      }
    } catch (error) {
      this.abort(error instanceof Error ? error : undefined);
      return false;
    }
  }

  #pass(bytes: Buffer, isLent: boolean): boolean {
    const body = this.#body;
    if (body === undefined || this.#sink === undefined) return false;
    try {
      const length = body.take(bytes);
      const isOpen = length === 0 || this.#sink.write(bytes.subarray(0, length), isLent);
      if (body.isDone) this.#finish();
      return isOpen && !body.isDone;
    } catch (error) {
      this.abort(error instanceof Error ? error : undefined);
      return false;
    }
  }

  /** The engine has ended the connection. */
  #end(): void {
    if (this.#body?.end() === true) this.#finish();
    else this.abort(Object.assign(new Error('other side closed'), { code: 'ECONNRESET' }));
  }

  #finish(): void {
    this.#cancelStall?.();
    this.#socket.destroy();
    this.#settle();
  }

  /** Looks after a while whether more has come; a sink that wants nothing is not the engine's fault. */
  #watch(afterMs: number): void {
    const { bodyStallMs = 0 } = this.#request;
    this.#cancelStall = this.#clock.setTimer(afterMs, () => {
      const stillMs = this.#isWanted ? this.#clock.monotonic() - this.#movedAtMs : 0;
      if (stillMs < bodyStallMs) this.#watch(bodyStallMs - stillMs);
      else this.abort(Object.assign(new Error('the body stands still'), { code: 'UND_ERR_BODY_TIMEOUT' }));
    });
  }
}

function headText({ method, path, headers = {} }: DirectRequest, authority: string): string {
  const lines = Object.entries(endToEndHeaders(headers, { keepLength: false })).flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : value).map((one) => `${name}: ${one}`),
  );
  return [`${method} ${path} HTTP/1.1`, `Host: ${authority}`, 'Connection: close', ...lines, '', ''].join(
    '\r\n',
  );
}
