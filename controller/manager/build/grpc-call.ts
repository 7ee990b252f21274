// One gRPC call passed on: the client's HTTP/2 stream and the engine's, both ways with backpressure, ends and resets included.
import http2 from 'node:http2';
import { SwarmError } from '../../base/errors.js';
import { errorTrailers } from './grpc-message.js';

export interface CallOptions {
  readonly client: http2.ServerHttp2Stream;
  readonly engine: http2.ClientHttp2Session;
  readonly engineName: string;
  readonly headers: http2.IncomingHttpHeaders;
  /** The request's message where it was read already; otherwise it streams. */
  readonly body?: Buffer;
  /** Awaited when the engine has said how the call ended, before the client hears of it. */
  readonly beforeEnd?: () => Promise<void>;
}

/** Resolves when the call is over, however it ended. Never rejects. */
export function passCall(options: CallOptions): Promise<void> {
  const { client, engine, headers } = options;
  return new Promise((resolve) => {
    if (client.destroyed) {
      resolve();
      return;
    }
    let trailers: http2.OutgoingHttpHeaders | undefined;
    // Whether the engine itself said how the call ended.
    let isAnswered = false;
    const upstream = engine.request(headers, { endStream: false });
    client.once('close', () => {
      upstream.close(
        client.rstCode === http2.constants.NGHTTP2_NO_ERROR ? http2.constants.NGHTTP2_CANCEL : client.rstCode,
      );
      resolve();
    });
    client.on('error', () => undefined);
    const end = async (): Promise<void> => {
      if (isAnswered) await options.beforeEnd?.();
      if (client.destroyed) return;
      if (client.headersSent) client.end();
      else endCall(client, trailers ?? {});
    };
    upstream.once('response', (answer, flags) => {
      if (client.destroyed) return;
      if ((flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0) {
        // An answer of headers alone: the status is among them.
        trailers = withoutPseudo(answer);
        isAnswered = true;
        upstream.resume();
        void end();
        return;
      }
      client.respond(answer, { waitForTrailers: true });
      client.once('wantTrailers', () => client.sendTrailers(trailers ?? {}));
      upstream.pipe(client, { end: false });
      upstream.once('end', () => {
        // Trailers come with the end; without them the engine has gone in the middle.
        trailers ??= errorTrailers(brokenOff(options.engineName));
        void end();
      });
    });
    upstream.once('trailers', (given: http2.IncomingHttpHeaders) => {
      trailers = { ...given };
      isAnswered = true;
    });
    upstream.on('error', () => undefined);
    upstream.once('close', () => {
      if (client.destroyed || client.writableEnded || trailers !== undefined) return;
      if (upstream.rstCode !== http2.constants.NGHTTP2_NO_ERROR && !engine.destroyed && !engine.closed) {
        client.close(upstream.rstCode);
        return;
      }
      trailers = errorTrailers(brokenOff(options.engineName));
      void end();
    });
    if (options.body === undefined) client.pipe(upstream);
    else upstream.end(options.body);
  });
}

/** An engine's whole answer to a call. */
export interface CallAnswer {
  readonly headers: http2.IncomingHttpHeaders;
  /** Messages with their frames. */
  readonly body: Buffer;
  /** With `grpc-status`, and `grpc-message` where it is no success. */
  readonly trailers: http2.OutgoingHttpHeaders;
}

/** Sends one message and reads the whole answer; given up when the client's stream closes. Never rejects. */
export function fetchCall(options: CallOptions & { readonly body: Buffer }): Promise<CallAnswer> {
  const { client, engine, headers } = options;
  return new Promise((resolve) => {
    const upstream = engine.request(headers, { endStream: false });
    const onLeave = (): void => upstream.close(http2.constants.NGHTTP2_CANCEL);
    client.once('close', onLeave);
    const chunks: Buffer[] = [];
    let answered: http2.IncomingHttpHeaders = {};
    let trailers: http2.OutgoingHttpHeaders | undefined;
    upstream.once('response', (given, flags) => {
      answered = given;
      if ((flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0) trailers = withoutPseudo(given);
    });
    upstream.once('trailers', (given: http2.IncomingHttpHeaders) => {
      trailers = { ...given };
    });
    upstream.on('data', (chunk: Buffer) => chunks.push(chunk));
    upstream.on('error', () => undefined);
    upstream.once('close', () => {
      client.off('close', onLeave);
      resolve({
        headers: answered,
        body: Buffer.concat(chunks),
        trailers: trailers ?? errorTrailers(brokenOff(options.engineName)),
      });
    });
    upstream.end(options.body);
  });
}

/** Gives the client an answer that was read whole. */
export function answerCall(client: http2.ServerHttp2Stream, answer: CallAnswer): void {
  if (client.destroyed) return;
  if (answer.body.length === 0) {
    endCall(client, answer.trailers);
    return;
  }
  client.respond(answer.headers, { waitForTrailers: true });
  client.once('wantTrailers', () => client.sendTrailers(answer.trailers));
  client.end(answer.body);
}

/** What the engine says against the call; undefined when it succeeded. */
export function failureOf({ trailers }: CallAnswer): string | undefined {
  if (String(trailers['grpc-status'] ?? '') === '0') return undefined;
  const message = String(trailers['grpc-message'] ?? '');
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}

/** Ends a call that got no answer yet with a status. */
export function endCall(client: http2.ServerHttp2Stream, status: http2.OutgoingHttpHeaders): void {
  if (client.destroyed || client.headersSent) return;
  client.on('error', () => undefined);
  client.respond({ ':status': 200, 'content-type': 'application/grpc', ...status }, { endStream: true });
  // What the client may still send is of no use, and unread it would hold the stream open.
  client.resume();
}

function brokenOff(engineName: string): SwarmError {
  return new SwarmError(
    'ENGINE_UNREACHABLE',
    `Cannot go on building: engine "${engineName}" ended the connection`,
  );
}

function withoutPseudo(headers: http2.IncomingHttpHeaders): http2.OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !name.startsWith(':') && name !== 'content-type'),
  );
}
