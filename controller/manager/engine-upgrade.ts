// Asking an engine to leave HTTP: the client's upgrade is repeated by hand, and the engine's answer read byte by byte.
import type net from 'node:net';
import { startDeadline } from '../base/deadline.js';
import { SwarmError } from '../base/errors.js';
import { formatHostPort } from '../api/engine-address.js';
import type { PooledEngine } from '../engine/cluster-view.js';
import { enginePath } from './engine-path.js';
import { pairs, requestHeaders } from './headers.js';
import type { RequestContext } from './route-context.js';
import { readChunk, readFramedBody } from './upgrade-body.js';

/** What to ask of which engine. */
export interface UpgradeTarget {
  readonly engine: PooledEngine;
  /** Encoded path without version; the client's query goes along. */
  readonly path: string;
  /** Body of the upgrade request towards the engine; absent: none. */
  readonly body?: Uint8Array;
}

/** An engine's refusal to upgrade: an ordinary answer. */
export interface Refusal {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

/** The head of an engine's answer to an upgrade. */
export interface AnswerHead {
  readonly status: number;
  /** Status line and headers with the empty line, as received. */
  readonly text: string;
  /** Alternating names and values. */
  readonly rawHeaders: readonly string[];
  /** Bytes after the head. */
  readonly rest: Buffer;
}

// Engines switch protocols before they start anything, in milliseconds; a minute is for one that is swapping.
const answerWithinMs = 60_000;
// Finds a peer whose host vanished within a few minutes, as engines and the docker CLI do.
const keepAliveMs = 30_000;
// The engine's own limit for a message head is 1 MiB; its answers to upgrades have ~300 bytes.
const maxHeadBytes = 64 * 1024;
const maxRefusalBytes = 1024 * 1024;

/**
 * Asks the engine to upgrade on a fresh connection, and reports how it did.
 * @returns its answer, a refusal too, and the socket, paused behind the head; the caller owns it
 * @throws SwarmError ENGINE_* when the engine cannot be reached or does not answer
 */
export async function openUpgrade(
  context: RequestContext,
  { target, protocol }: { readonly target: UpgradeTarget; readonly protocol: string },
): Promise<{ readonly socket: net.Socket; readonly answer: AnswerHead }> {
  const { cluster, clock } = context.services;
  const { engine } = target;
  const deadline = startDeadline(clock, {
    delayMs: answerWithinMs,
    parent: context.signal,
    reason: () =>
      new SwarmError(
        'ENGINE_TIMEOUT',
        `Cannot upgrade connection to engine "${engine.name}": no answer in ${answerWithinMs / 1000} s`,
      ),
  });
  let socket: net.Socket | undefined;
  try {
    const opened = await engine.transport.openSocket(deadline.signal);
    socket = opened;
    const onAbort = (): void => {
      opened.destroy(deadline.signal.reason instanceof Error ? deadline.signal.reason : undefined);
    };
    deadline.signal.addEventListener('abort', onAbort, { once: true });
    tune(opened);
    const [answer] = await Promise.all([
      readHead(opened, engine),
      // Node's HTTP/2 takes over the socket's handle, and must not find a write of ours still under way there.
      writeWhole(opened, formatUpgrade(context, target, protocol)),
    ]);
    deadline.signal.removeEventListener('abort', onAbort);
    cluster.reportOutcome(engine);
    return { socket: opened, answer };
  } catch (error) {
    socket?.destroy();
    if (!context.signal.aborted) cluster.reportOutcome(engine, error);
    throw error;
  } finally {
    deadline.clear();
  }
}

/** Resolves when the system has the bytes, or the socket is gone. */
export function writeWhole(socket: net.Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => socket.write(bytes, () => resolve()));
}

/** Socket options for interactive use: no delay, no idle time-out, dead peers found; no error without a listener. */
export function tune(socket: net.Socket): void {
  socket.on('error', () => socket.destroy());
  socket.setNoDelay(true);
  socket.setKeepAlive(true, keepAliveMs);
  socket.setTimeout(0);
}

function formatUpgrade(context: RequestContext, target: UpgradeTarget, protocol: string): Buffer {
  const { method, rawHeaders } = context.request;
  const path = enginePath(target.engine, {
    version: context.version,
    path: target.path,
    query: context.query,
  });
  const headers = requestHeaders(rawHeaders, {
    contentLength: false,
    contentType: target.body !== undefined,
  });
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${formatHostPort(target.engine.transport.endpoint.address)}`,
    'Connection: Upgrade',
    `Upgrade: ${protocol}`,
    ...Object.entries(headers).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((item) => `${name}: ${item}`),
    ),
    ...(method === 'GET' ? [] : [`Content-Length: ${target.body?.byteLength ?? 0}`]),
  ];
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return target.body === undefined ? head : Buffer.concat([head, target.body]);
}

async function readHead(socket: net.Socket, engine: PooledEngine): Promise<AnswerHead> {
  let bytes = Buffer.alloc(0);
  for (;;) {
    const end = bytes.indexOf('\r\n\r\n');
    if (end >= 0) {
      const text = bytes.subarray(0, end + 4).toString('latin1');
      const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? Number.NaN);
      if (Number.isNaN(status)) throw badAnswer(engine, 'it does not speak HTTP');
      return { status, text, rawHeaders: parseHeaders(text), rest: bytes.subarray(end + 4) };
    }
    if (bytes.length > maxHeadBytes)
      throw badAnswer(engine, `its answer has a head of more than ${maxHeadBytes} bytes`);
    const chunk = await readChunk(socket);
    if (chunk === undefined) throw badAnswer(engine, 'it closed the connection without an answer');
    bytes = Buffer.concat([bytes, chunk]);
  }
}

function badAnswer(engine: PooledEngine, what: string): SwarmError {
  return new SwarmError('ENGINE_ERROR', `Cannot upgrade connection to engine "${engine.name}": ${what}`);
}

function parseHeaders(text: string): string[] {
  return text
    .split('\r\n')
    .slice(1)
    .flatMap((line) => {
      const colon = line.indexOf(':');
      return colon < 1 ? [] : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
    });
}

/** The first value of a header, by its name in lower case. */
export function header(answer: AnswerHead, name: string): string | undefined {
  for (const [key, value] of pairs(answer.rawHeaders)) if (key.toLowerCase() === name) return value;
  return undefined;
}

/** Reads the body that came with a refusal; the socket is destroyed. */
export async function readRefusal(socket: net.Socket, answer: AnswerHead): Promise<Refusal> {
  try {
    const { body } = await readFramedBody(socket, {
      head: answer.rest,
      framing: {
        contentLength: header(answer, 'content-length'),
        transferEncoding: header(answer, 'transfer-encoding'),
        untilEnd: true,
      },
      limit: maxRefusalBytes,
    });
    return { status: answer.status, contentType: header(answer, 'content-type') ?? 'text/plain', body };
  } finally {
    socket.destroy();
  }
}
