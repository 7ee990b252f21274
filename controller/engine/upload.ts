// A request with a streamed body. It goes through node:http because it can wait for `100 Continue`: an engine that
// refuses (no such container, disk full) answers before a byte is sent, instead of resetting us in mid-upload.
import http from 'node:http';
import { pipeline, type Readable } from 'node:stream';
import type { Clock } from '../base/clock.js';
import type { EngineDialer } from './dialer.js';
import type { EngineRequest, EngineResponse } from './engine-request.js';
import { headersFromRaw } from './wire-headers.js';
import { formatHostPort } from '../api/engine-address.js';

/** Not every server answers `Expect`; after this long the body is sent all the same (RFC 9110 10.1.1). */
const continueTimeoutMs = 1_000;

export interface UploadOptions {
  readonly dialer: EngineDialer;
  readonly clock: Clock;
  readonly request: EngineRequest & { readonly body?: Uint8Array | Readable };
  readonly headers: Record<string, string | string[]>;
  readonly signal: AbortSignal;
  /** Called once the whole body is with the engine: from here on an answer is due. */
  readonly onSent: () => void;
}

/** Sends the request; resolves with the answer's headers, which may come while the body is still flowing. */
export async function upload(options: UploadOptions): Promise<EngineResponse> {
  const { dialer, clock, request, headers, signal } = options;
  const source = request.body as Readable; // the caller sends only streamed bodies here
  const socket = await dialer.open({ signal });
  return new Promise((resolve, reject) => {
    let isAnswered = false;
    const outgoing = http.request({
      method: request.method,
      path: request.path,
      headers: {
        ...headers,
        Host: formatHostPort(dialer.endpoint.address),
        Expect: '100-continue',
        Connection: 'close',
      },
      setHost: false,
      createConnection: () => socket,
      maxHeaderSize: 1 << 20,
    });
    const onAbort = (): void => {
      outgoing.destroy(signal.reason instanceof Error ? signal.reason : undefined);
    };
    const sendBody = (): void => {
      cancelWait();
      if (isAnswered || outgoing.destroyed || source.readableFlowing !== null) return;
      pipeline(source, outgoing, (error) => {
        // After an early answer a failed write says nothing new; the answer is what the caller needs.
        if (!error) options.onSent();
        else if (!isAnswered) fail(error);
      });
    };
    const cancelWait = clock.setTimer(continueTimeoutMs, sendBody);
    const fail = (error: unknown): void => {
      cancelWait();
      signal.removeEventListener('abort', onAbort);
      outgoing.destroy();
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    outgoing.on('error', (error) => {
      if (!isAnswered) fail(error);
    });
    outgoing.once('continue', sendBody);
    outgoing.once('response', (incoming) => {
      isAnswered = true;
      cancelWait();
      incoming.once('close', () => {
        signal.removeEventListener('abort', onAbort);
        socket.destroy();
      });
      resolve({
        status: incoming.statusCode ?? 0,
        statusText: incoming.statusMessage ?? '',
        rawHeaders: incoming.rawHeaders,
        headers: headersFromRaw(incoming.rawHeaders),
        body: incoming,
      });
    });
    outgoing.flushHeaders();
  });
}
