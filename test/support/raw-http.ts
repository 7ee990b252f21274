// Requests byte by byte, good and bad, on bare sockets: what Node's own client would never send.
import net from 'node:net';
import type { Duplex } from 'node:stream';

export interface RawAnswer {
  /** 0 when nothing came that looks like an answer. */
  readonly status: number;
  /** Status line and headers. */
  readonly head: string;
  /** What followed the first head, chunk framing removed. */
  readonly body: string;
  /** Whether the server ended the connection. */
  readonly isClosed: boolean;
}

export type RawTarget = { readonly port: number } | { readonly path: string };

/**
 * Sends `text` (latin1) on a new connection. Resolves at the end of the connection, or when the first answer is
 * complete by its Content-Length or its last chunk, unless `toEnd` waits for the server to end it.
 */
export function sendRaw(
  target: RawTarget,
  text: string,
  options: { readonly toEnd?: boolean } = {},
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connectRaw(target);
    let received = '';
    const settle = (isClosed: boolean): void => {
      socket.destroy();
      resolve(parseAnswer(received, isClosed));
    };
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      received += chunk;
      if (options.toEnd !== true && isComplete(received, text.startsWith('HEAD '))) settle(false);
    });
    socket.on('error', (error) => (received === '' ? reject(error) : settle(true)));
    socket.on('end', () => settle(true));
    socket.write(text, 'latin1');
  });
}

export function connectRaw(target: RawTarget): net.Socket {
  return 'port' in target
    ? net.connect({ port: target.port, host: '127.0.0.1', allowHalfOpen: true })
    : net.connect({ path: target.path, allowHalfOpen: true });
}

/** A request with the usual headers. */
export function requestText(
  method: string,
  path: string,
  options: { readonly body?: string; readonly headers?: string } = {},
): string {
  const { body, headers = body === undefined ? '' : 'Content-Type: application/json\r\n' } = options;
  const length = body === undefined ? '' : `Content-Length: ${Buffer.byteLength(body, 'latin1')}\r\n`;
  return `${method} ${path} HTTP/1.1\r\nHost: test\r\n${headers}${length}\r\n${body ?? ''}`;
}

/** Everything that arrives until the peer ends or breaks the connection. */
export function readToEnd(socket: Duplex): Promise<string> {
  return new Promise((resolve) => {
    let received = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (received += chunk));
    socket.on('error', () => resolve(received));
    socket.on('end', () => resolve(received));
    socket.on('close', () => resolve(received));
    // A stream that was paused by hand does not begin by itself.
    socket.resume();
  });
}

function isComplete(received: string, isHead: boolean): boolean {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const head = received.slice(0, end);
  if (/^HTTP\/1\.1 1\d\d /.test(head) || isHead || /^HTTP\/1\.1 304 /.test(head)) return true;
  const body = received.slice(end + 4);
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) return body.endsWith('0\r\n\r\n');
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  return length !== undefined && body.length >= Number(length);
}

function parseAnswer(received: string, isClosed: boolean): RawAnswer {
  const end = received.indexOf('\r\n\r\n');
  const head = end < 0 ? received : received.slice(0, end);
  const rest = end < 0 ? '' : received.slice(end + 4);
  return {
    status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? 0),
    head,
    body: /\r\ntransfer-encoding: *chunked/i.test(head) ? unchunk(rest) : rest,
    isClosed,
  };
}

function unchunk(text: string): string {
  let body = '';
  for (let at = 0; ;) {
    const lineEnd = text.indexOf('\r\n', at);
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (lineEnd < 0 || Number.isNaN(size) || size === 0) return body;
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 4 + size;
  }
}
