// A client of an event stream that counts what it is told and how old it is then.
import http from 'node:http';
import https from 'node:https';
import type { ClientTls } from '../http-client.js';

export interface EventSource {
  /** `host:port`. */
  readonly address: string;
  readonly path: string;
  readonly tls: ClientTls | undefined;
}

export class Subscriber {
  readonly #request: http.ClientRequest;
  readonly #response: http.IncomingMessage;
  readonly #isListed: boolean;
  /** Lines so far. */
  count = 0;
  /** Age of the oldest line of each piece when it came, milliseconds. */
  lags: number[] = [];
  /** `timeNano` of each line, where they are listed. */
  readonly times: string[] = [];
  isClosed = false;
  #rest = '';

  private constructor(request: http.ClientRequest, response: http.IncomingMessage, isListed: boolean) {
    this.#request = request;
    this.#response = response;
    this.#isListed = isListed;
    response.on('data', (chunk: Buffer) => this.#take(chunk.toString('latin1')));
    response.on('error', () => undefined).once('close', () => (this.isClosed = true));
  }

  /** @param options.isListed whether the time of each line is kept; the others cost as little as they can */
  static open(source: EventSource, options: { readonly isListed: boolean }): Promise<Subscriber> {
    const { address, path, tls } = source;
    const [host = '', port = ''] = address.split(':');
    const request = { host, port: Number(port), path, agent: false as const };
    return new Promise((resolve, reject) => {
      const onResponse = (response: http.IncomingMessage): void =>
        resolve(new Subscriber(sent, response, options.isListed));
      const sent: http.ClientRequest =
        tls === undefined ? http.get(request, onResponse) : https.get({ ...request, ...tls }, onResponse);
      sent.on('error', reject);
    });
  }

  /** Reads no more: what is sent stays with the sender once the sockets are full. */
  stall(): void {
    this.#response.pause();
  }

  /** Reads what the sockets still hold. */
  resume(): void {
    this.#response.resume();
  }

  reset(): void {
    this.count = 0;
    this.lags = [];
  }

  close(): void {
    this.#request.destroy();
  }

  #take(text: string): void {
    const nowMs = Date.now();
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    this.count += lines.length;
    const oldest = timeNanoOf(lines[0] ?? '');
    if (oldest !== undefined) this.lags.push(nowMs - Number(BigInt(oldest) / 1_000_000n));
    if (this.#isListed) this.times.push(...lines.flatMap((line) => timeNanoOf(line) ?? []));
  }
}

function timeNanoOf(line: string): string | undefined {
  return /"timeNano":(\d+)/.exec(line)?.[1];
}
