// A client that costs as little as it can: kept-alive connections, bodies counted and thrown away unless asked for.
import { Pool, type Dispatcher } from 'undici';

export interface ClientTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: string;
  /** Whether the text of the answer is wanted. */
  readonly isRead?: boolean;
}

export interface Outcome {
  readonly status: number;
  readonly bytes: number;
  readonly text: string;
}

export class BenchClient {
  readonly #pool: Pool;

  constructor(options: {
    /** `host:port`. */
    readonly address: string;
    readonly tls?: ClientTls | undefined;
    readonly connections: number;
  }) {
    const { address, tls, connections } = options;
    this.#pool = new Pool(`${tls === undefined ? 'http' : 'https'}://${address}`, {
      connections,
      pipelining: 1,
      headersTimeout: 60_000,
      bodyTimeout: 0,
      keepAliveTimeout: 60_000,
      connect: { ...tls, rejectUnauthorized: true },
    });
  }

  /** Rejects when there is no whole answer; an error status is an outcome. */
  call({ method, path, body, isRead = false }: Call): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      let status = 0;
      let bytes = 0;
      let text = '';
      const handler: Dispatcher.DispatchHandler = {
        // Without it undici takes the handler for one of its older kind.
        onRequestStart: () => undefined,
        onResponseStart: (_controller, statusCode) => {
          status = statusCode;
        },
        onResponseData: (_controller, chunk) => {
          bytes += chunk.length;
          if (isRead) text += chunk.toString('utf8');
        },
        onResponseEnd: () => resolve({ status, bytes, text }),
        onResponseError: (_controller, error) => reject(error),
      };
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      this.#pool.dispatch({ method, path, headers, ...(body === undefined ? {} : { body }) }, handler);
    });
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
