// The manager's listeners: HTTP or HTTPS on TCP and unix sockets, certificates replaced while they serve, an orderly end.
import { chmod, rm } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { formatHostPort } from '../api/engine-address.js';
import type { Clock } from '../base/clock.js';
import { SwarmError, systemCodeOf, messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';

export type ListenTarget =
  | { readonly type: 'tcp'; readonly host: string; readonly port: number }
  | { readonly type: 'unix'; readonly path: string };

/** PEM text. */
export interface ServerTls {
  readonly cert: string;
  readonly key: string;
  /** With `requireClientCert`: what client certificates must chain to. */
  readonly ca?: string;
  readonly requireClientCert: boolean;
}

export interface RequestHandler {
  handleRequest(request: http.IncomingMessage, response: http.ServerResponse): Promise<void>;
  handleUpgrade(request: http.IncomingMessage, socket: net.Socket, head: Buffer): Promise<void>;
}

// A TLS handshake of a distant client takes 3 round trips; a peer that needs longer is not going to ask anything.
const handshakeTimeoutMs = 5_000;
const serverOptions = {
  // dockerd takes 1 MiB of headers: registry credentials and build arguments travel in them.
  maxHeaderSize: 1 << 20,
  // Uploads last as long as they last; slow headers are what a slow-loris lives on.
  requestTimeout: 0,
  headersTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  // Go clients keep idle connections for 30 s; closing first would lose requests that cannot be repeated.
  keepAliveTimeout: 75_000,
} as const satisfies http.ServerOptions;

type AnyServer = http.Server | https.Server;

export class ManagerServer {
  readonly #handler: RequestHandler;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #servers: { readonly server: AnyServer; readonly target: ListenTarget }[] = [];
  readonly #sockets = new Set<net.Socket>();
  readonly #responses = new Set<http.ServerResponse>();
  #tls: ServerTls | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: {
    readonly handler: RequestHandler;
    readonly clock: Clock;
    readonly logger: Logger;
    /** Absent: plain HTTP. */
    readonly tls?: ServerTls | undefined;
  }) {
    this.#handler = options.handler;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#tls = options.tls;
  }

  /**
   * Opens a listener. @returns where it listens, with the port the system chose for port 0
   * @throws SwarmError LISTEN_FAILED with the classic's hint when another docker has the port
   */
  async listen(target: ListenTarget): Promise<ListenTarget> {
    const server = this.#tls === undefined ? this.#createPlain() : this.#createTls(this.#tls);
    server.on('request', (request, response) => {
      this.#responses.add(response);
      response.once('close', () => this.#responses.delete(response));
      void this.#handler.handleRequest(request, response);
    });
    server.on('upgrade', (request: http.IncomingMessage, socket: Duplex, head: Buffer) => {
      if (socket instanceof net.Socket) void this.#handler.handleUpgrade(request, socket, head);
      else socket.destroy();
    });
    server.on('clientError', (error: Error, socket: Duplex) => answerBadRequest(error, socket));
    server.on('connection', (socket: net.Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    if (target.type === 'unix') await rm(target.path, { force: true });
    await listenOn(server, target);
    // Whoever can connect controls the engines.
    if (target.type === 'unix') await chmod(target.path, 0o600);
    this.#servers.push({ server, target });
    const address = server.address();
    const bound: ListenTarget =
      target.type === 'tcp' && typeof address === 'object' && address !== null
        ? { ...target, port: address.port }
        : target;
    this.#logger.info('Listening for HTTP', describe(bound));
    return bound;
  }

  /** New connections get these certificates; those that are open go on with theirs. */
  setTls(tls: ServerTls): void {
    const contexts = this.#servers.flatMap(({ server }) => (server instanceof https.Server ? [server] : []));
    for (const server of contexts) server.setSecureContext(contextOptions(tls));
    this.#tls = tls;
  }

  /**
   * Stops accepting, lets requests finish for `graceMs`, then cuts what is left. Idempotent.
   * @param options.endStreams called at once: ends what never finishes by itself
   */
  close(options: { readonly graceMs: number; readonly endStreams: () => Promise<void> }): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  async #close(options: {
    readonly graceMs: number;
    readonly endStreams: () => Promise<void>;
  }): Promise<void> {
    const closed = this.#servers.map(
      ({ server }) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    for (const response of this.#responses) {
      // Kept-alive connections would wait for a next request until the grace is over.
      if (!response.headersSent) response.setHeader('Connection', 'close');
    }
    for (const { server } of this.#servers) server.closeIdleConnections();
    await options.endStreams();
    this.#dropIdle();
    const cancel = this.#clock.setTimer(options.graceMs, () => {
      for (const socket of this.#sockets) socket.destroy();
    });
    await Promise.all(closed);
    cancel();
    for (const { target } of this.#servers) {
      if (target.type === 'unix') await rm(target.path, { force: true });
    }
  }

  /** Ends connections without a request under way; those in the middle of a TLS handshake are not known to HTTP. */
  #dropIdle(): void {
    const busyPorts = new Set([...this.#responses].map((response) => response.socket?.remotePort));
    for (const socket of this.#sockets) {
      // A port tells the raw socket of a TLS connection; unix sockets have none and end with the handshake's limit.
      if (socket.remotePort !== undefined && !busyPorts.has(socket.remotePort)) socket.destroy();
    }
  }

  #createPlain(): http.Server {
    return http.createServer(serverOptions);
  }

  #createTls(tls: ServerTls): https.Server {
    return https.createServer({
      ...serverOptions,
      ...contextOptions(tls),
      requestCert: tls.requireClientCert,
      rejectUnauthorized: tls.requireClientCert,
      // Hijacked connections need HTTP/1.1.
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: handshakeTimeoutMs,
      // Without it Node answers the end of a client's input by ending the output, and `exec -i` loses it.
      allowHalfOpen: true,
    } as https.ServerOptions);
  }
}

function contextOptions(tls: ServerTls): https.ServerOptions {
  return {
    cert: tls.cert,
    key: tls.key,
    minVersion: 'TLSv1.2',
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
  };
}

async function listenOn(server: AnyServer, target: ListenTarget): Promise<void> {
  const where = target.type === 'tcp' ? { host: target.host, port: target.port } : { path: target.path };
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, target)));
    server.listen(target.type === 'tcp' && target.host === '' ? { port: target.port } : where, resolve);
  });
}

function listenError(error: Error, target: ListenTarget): SwarmError {
  const { addr } = describe(target);
  const isTaken = systemCodeOf(error) === 'EADDRINUSE';
  const hint =
    isTaken && addr.includes(':2375')
      ? ': is Docker already running on this machine? Try using a different port'
      : '';
  return new SwarmError(
    'LISTEN_FAILED',
    `Cannot listen on "${addr}": ${isTaken ? 'address already in use' : messageOf(error)}${hint}`,
    {
      cause: error,
    },
  );
}

function describe(target: ListenTarget): { addr: string; proto: string } {
  return target.type === 'tcp'
    ? { addr: target.host === '' ? `:${target.port}` : formatHostPort(target), proto: 'tcp' }
    : { addr: target.path, proto: 'unix' };
}

/** What is no HTTP gets the answer that engines give, then the end of the connection. */
function answerBadRequest(error: Error, socket: Duplex): void {
  if (socket.destroyed || !socket.writable || systemCodeOf(error) === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const code = systemCodeOf(error);
  const status =
    code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  socket.on('error', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status}`,
    () => socket.destroy(),
  );
}
