// Connections that leave HTTP: attach, exec and websocket attach. The upgrade is repeated towards the engine by hand, its
// answer passed on as it came, and the two sockets are joined. Routes only say where it goes.
import type { Duplex } from 'node:stream';
import type net from 'node:net';
import type { Clock } from '../base/clock.js';
import { startDeadline } from '../base/deadline.js';
import { SwarmError } from '../base/errors.js';
import { formatHostPort } from '../api/engine-address.js';
import type { PooledEngine } from '../engine/cluster-view.js';
import { enginePath } from './engine-path.js';
import { needsStreamType, streamType } from './forward.js';
import { pairs, requestHeaders } from './headers.js';
import type { RequestContext } from './route-context.js';
import { splice, type Tunnel } from './splice.js';
import { readChunk, readFramedBody } from './upgrade-body.js';

export interface HijackTarget {
  readonly engine: PooledEngine;
  /** Encoded path without version; the client's query goes along. */
  readonly path: string;
  /** Body of the upgrade request towards the engine; absent: none. */
  readonly body?: Uint8Array;
  /** Whether the stream is a terminal's, asked only of engines that do not say it themselves. */
  readonly isTerminal: () => Promise<boolean>;
}

/** Decides where an upgraded connection goes. `body` is the declared body of the upgrade request. */
export type HijackRoute = (context: RequestContext, body: Buffer) => Promise<HijackTarget>;

/** An engine's refusal to upgrade: an ordinary answer. */
export interface Refusal {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

// Engines switch protocols before they start anything, in milliseconds; a minute is for one that is swapping.
const answerWithinMs = 60_000;
// The engine's own limit for a message head is 1 MiB; its answers to upgrades have ~300 bytes.
const maxHeadBytes = 64 * 1024;
const maxRefusalBytes = 1024 * 1024;
// Finds a peer whose host vanished within a few minutes, as engines and the docker CLI do.
const keepAliveMs = 30_000;

/** Owns every open tunnel, so that a shutdown can end them. */
export class Hijacker {
  readonly #clock: Clock;
  readonly #tunnels = new Set<Tunnel>();

  constructor(options: { readonly clock: Clock }) {
    this.#clock = options.clock;
  }

  get openTunnels(): number {
    return this.#tunnels.size;
  }

  /**
   * Upgrades towards the engine and joins the connections; resolves when the tunnel is open or refused.
   * @param client the client's socket, paused; `rest` = what it sent after the body of its request
   * @returns the engine's refusal, for the caller to answer with; undefined when the tunnel is open
   * @throws SwarmError ENGINE_* when the engine cannot be reached or does not answer
   */
  async relay(
    context: RequestContext,
    {
      client,
      rest,
      target,
      protocol,
    }: { client: Duplex; rest: Buffer; target: HijackTarget; protocol: string },
  ): Promise<Refusal | undefined> {
    const { cluster } = context.services;
    const deadline = startDeadline(this.#clock, {
      delayMs: answerWithinMs,
      parent: context.signal,
      reason: () =>
        new SwarmError(
          'ENGINE_TIMEOUT',
          `Cannot upgrade connection to engine "${target.engine.name}": no answer in ${answerWithinMs / 1000} s`,
        ),
    });
    let engine: net.Socket | undefined;
    try {
      engine = await target.engine.transport.openSocket(deadline.signal);
      const socket = engine;
      const onAbort = (): void => {
        socket.destroy(deadline.signal.reason instanceof Error ? deadline.signal.reason : undefined);
      };
      deadline.signal.addEventListener('abort', onAbort, { once: true });
      tune(engine);
      engine.write(formatUpgrade(context, target, protocol));
      const answer = await readHead(engine, target.engine);
      deadline.signal.removeEventListener('abort', onAbort);
      cluster.reportOutcome(target.engine);
      if (answer.status !== 101 && answer.status !== 200) {
        return await readRefusal(engine, answer);
      }
      const head = await this.#adaptHead(context, { target, answer });
      this.#join({ client, engine, head, rest, early: answer.rest });
      return undefined;
    } catch (error) {
      engine?.destroy();
      if (!context.signal.aborted) cluster.reportOutcome(target.engine, error);
      throw error;
    } finally {
      deadline.clear();
    }
  }

  /** Ends all tunnels. */
  async close(): Promise<void> {
    const tunnels = [...this.#tunnels];
    for (const tunnel of tunnels) tunnel.destroy();
    await Promise.all(tunnels.map((tunnel) => tunnel.closed));
  }

  #join(ends: { client: Duplex; engine: net.Socket; head: string; rest: Buffer; early: Buffer }): void {
    const { client, engine } = ends;
    client.write(ends.head, 'latin1');
    if (ends.early.length > 0) client.write(ends.early);
    // Only now: before its 101, the engine would take these bytes for the body of the request and drop them.
    if (ends.rest.length > 0) engine.write(ends.rest);
    const tunnel = splice(client, engine, this.#clock);
    this.#tunnels.add(tunnel);
    void tunnel.closed.then(() => this.#tunnels.delete(tunnel));
  }

  /** The engine's head verbatim, but for the stream type that old engines cannot tell. */
  async #adaptHead(
    context: RequestContext,
    { target, answer }: { target: HijackTarget; answer: AnswerHead },
  ): Promise<string> {
    if (
      !needsStreamType(target.engine, context.version) ||
      header(answer, 'sec-websocket-accept') !== undefined
    ) {
      return answer.text;
    }
    const type = streamType(await target.isTerminal());
    return answer.text.replace(/^(content-type:)[^\r\n]*/im, `$1 ${type}`);
  }
}

/** Socket options for interactive use: no delay, no idle time-out, dead peers found; no error without a listener. */
export function tune(socket: net.Socket): void {
  socket.on('error', () => socket.destroy());
  socket.setNoDelay(true);
  socket.setKeepAlive(true, keepAliveMs);
  socket.setTimeout(0);
}

function formatUpgrade(context: RequestContext, target: HijackTarget, protocol: string): Buffer {
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

interface AnswerHead {
  readonly status: number;
  /** Status line and headers with the empty line, as received. */
  readonly text: string;
  /** Alternating names and values. */
  readonly rawHeaders: readonly string[];
  /** Bytes after the head. */
  readonly rest: Buffer;
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

function header(answer: AnswerHead, name: string): string | undefined {
  for (const [key, value] of pairs(answer.rawHeaders)) if (key.toLowerCase() === name) return value;
  return undefined;
}

async function readRefusal(socket: net.Socket, answer: AnswerHead): Promise<Refusal> {
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
