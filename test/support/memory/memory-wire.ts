// Carries the requests of an EngineClient to an engine in memory, where the client's own sockets would be.
import { PassThrough, Readable } from 'node:stream';
import { formatHostPort } from '../../../controller/api/engine-address.js';
import type { EngineEndpoint } from '../../../controller/engine/endpoint.js';
import {
  SmallAnswer,
  type EngineRequest,
  type EngineResponse,
  type SmallRequest,
} from '../../../controller/engine/engine-request.js';
import { engineAnswerError } from '../../../controller/engine/translate-error.js';
import type { EngineWire } from '../../../controller/engine/engine-wire.js';
import type { MemoryAnswer, MemoryCall } from './memory-engine.js';

/** One life of an operator: once it is over, nothing of it has an effect, and nothing answers it. */
export interface Process {
  isOver: boolean;
}

/** What brings calls to engines. */
export interface Carrier {
  carry(
    address: string,
    call: MemoryCall,
    o: { readonly process: Process; readonly signal: AbortSignal | undefined },
  ): Promise<MemoryAnswer>;
}

export class MemoryWire implements EngineWire {
  readonly certificateNotAfterMs = undefined;
  readonly #address: string;
  readonly #endpoint: EngineEndpoint;
  readonly #world: Carrier;
  readonly #process: Process;

  constructor(options: {
    readonly endpoint: EngineEndpoint;
    readonly world: Carrier;
    readonly process: Process;
  }) {
    this.#endpoint = options.endpoint;
    this.#address = formatHostPort(options.endpoint.address);
    this.#world = options.world;
    this.#process = options.process;
  }

  async request(request: EngineRequest): Promise<EngineResponse> {
    const answer = await this.#carry(request);
    if (answer.type === 'stream') {
      const { body } = answer;
      const { signal } = request;
      signal?.addEventListener('abort', () => body.destroy(), { once: true });
      if (signal?.aborted === true) body.destroy();
      return { status: 200, statusText: '', rawHeaders: [], headers: {}, body };
    }
    const { status, headers, bytes } = await smallAnswer(answer);
    const body = new PassThrough();
    body.end(bytes);
    return { status, statusText: '', rawHeaders: [], headers, body };
  }

  async requestBytes(request: SmallRequest): Promise<SmallAnswer> {
    return smallAnswer(await this.#carry(request));
  }

  async requestJson(request: SmallRequest): Promise<{ readonly status: number; readonly body: unknown }> {
    const { status, bytes } = await this.requestBytes(request);
    const text = bytes.toString('utf8');
    if (status >= 400) {
      throw engineAnswerError(this.#endpoint, { attempt: request.attempt ?? 'reach', status, body: text });
    }
    return { status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
  }

  follow(request: Parameters<EngineWire['follow']>[0]): ReturnType<EngineWire['follow']> {
    return this.request({ ...request, method: 'GET' });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #carry(request: EngineRequest): Promise<MemoryAnswer> {
    const [pathname = '', query = ''] = request.path.split('?');
    const call: MemoryCall = {
      method: request.method,
      path: pathname.replace(/^\/v[0-9.]+(?=\/)/, ''),
      query: new URLSearchParams(query),
      body: await bytesOf(request.body),
    };
    request.signal?.throwIfAborted();
    return this.#world.carry(this.#address, call, { process: this.#process, signal: request.signal });
  }
}

async function smallAnswer(carried: MemoryAnswer): Promise<SmallAnswer> {
  if (carried.type === 'stream') {
    return new SmallAnswer({ status: 200, rawHeaders: [], bytes: await bytesOf(carried.body) });
  }
  const { answer } = carried;
  const isJson = 'json' in answer;
  return new SmallAnswer({
    status: answer.status,
    rawHeaders: ['Content-Type', isJson ? 'application/json' : 'text/plain'],
    bytes: Buffer.from(isJson ? JSON.stringify(answer.json) : (answer.text ?? '')),
  });
}

async function bytesOf(body: EngineRequest['body']): Promise<Buffer> {
  if (body === undefined) return Buffer.alloc(0);
  if (!(body instanceof Readable)) return Buffer.from(body);
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(Buffer.from(chunk as Uint8Array)); // request bodies are bytes
  return Buffer.concat(chunks);
}
