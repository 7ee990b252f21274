// The manager's listeners: HTTP or HTTPS on TCP and unix sockets, certificates replaced while they serve, an orderly end.
import { chmod, rm } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type tls from 'node:tls';
import type { Duplex } from 'node:stream';
import { formatHostPort } from '../api/engine-address.js';
import type { Clock } from '../base/clock.js';
import { SwarmError, systemCodeOf, messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { crowdedShare, defaultConnectionLimits, type ConnectionLimits } from './connection-limits.js';
import { findMalformation } from './malformed-request.js';
import { refuseConnection, statusOfParseError } from './refuse-connection.js';
import { RequestOrder } from './request-order.js';
import { createWrongProtocol, type WrongProtocol } from './wrong-protocol.js';

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

function serverOptions(limits: ConnectionLimits): http.ServerOptions {
  return {
    // dockerd takes 1 MiB of headers: registry credentials and build arguments travel in them.
    maxHeaderSize: 1 << 20,
    // Each time this much is on its way a stream waits: with TLS and Node's 16 KiB the waits cost as much as the bytes.
    highWaterMark: 64 * 1024,
    // Uploads last as long as they last.
    requestTimeout: 0,
    headersTimeout: limits.headersMs,
    connectionsCheckingInterval: 1_000,
    keepAliveTimeout: limits.idleMs,
    // Clients whose host vanished in the middle of a stream are found by the kernel's probes.
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    // Answered in the engine's words by `findMalformation`.
    requireHostHeader: false,
  };
}

type AnyServer = http.Server | https.Server;

export class ManagerServer {
  readonly #handler: RequestHandler;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #servers: { readonly server: AnyServer; readonly target: ListenTarget }[] = [];
  readonly #sockets = new Set<net.Socket>();
  readonly #responses = new Set<http.ServerResponse>();
  readonly #limits: ConnectionLimits;
  readonly #order: RequestOrder;
  readonly #wrongProtocol: WrongProtocol;
  #tls: ServerTls | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: {
    readonly handler: RequestHandler;
    readonly clock: Clock;
    readonly logger: Logger;
    /** Absent: plain HTTP. */
    readonly tls?: ServerTls | undefined;
    readonly limits?: Partial<ConnectionLimits> | undefined;
  }) {
    this.#handler = options.handler;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#tls = options.tls;
    this.#limits = { ...defaultConnectionLimits, ...options.limits };
    this.#order = new RequestOrder(this.#limits.requestsAhead);
    this.#wrongProtocol = createWrongProtocol(options);
  }

  /**
   * Opens a listener. @returns where it listens, with the port the system chose for port 0
   * @throws SwarmError LISTEN_FAILED with the classic's hint when another docker has the port
   */
  async listen(target: ListenTarget): Promise<ListenTarget> {
    const server = this.#tls === undefined ? this.#createPlain() : this.#createTls(this.#tls);
    this.#attend(server);
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

  #attend(server: AnyServer): void {
    const serve = (request: http.IncomingMessage, response: http.ServerResponse): void => {
      this.#serve(request, response);
    };
    server.on('request', serve);
    // The handler says when it wants the body: a refusal costs the client no upload.
    server.on('checkContinue', serve);
    server.on('upgrade', (request: http.IncomingMessage, socket: Duplex, head: Buffer) => {
      if (socket instanceof net.Socket) this.#upgrade(request, socket, head);
      else socket.destroy();
    });
    const ending = { clock: this.#clock, lingerMs: this.#limits.lingerMs };
    // Engines know no tunnels to elsewhere; without a listener there would not even be an answer.
    server.on('connect', (_request: http.IncomingMessage, socket: Duplex) => {
      refuseConnection(socket, '404 Not Found', ending);
    });
    server.on('tlsClientError', (error: Error, { remoteAddress, remotePort }: tls.TLSSocket) => {
      this.#wrongProtocol.onHandshakeError(error, () => this.#connectionFrom(remoteAddress, remotePort));
    });
    server.on('clientError', (error: Error, socket: Duplex) => {
      if (socket instanceof net.Socket) this.#wrongProtocol.onParseError(error, socket.remoteAddress);
      const due = this.#answersDue(socket);
      // What is written here must not be taken for a part of another answer, or for the answer to another request.
      const isItsOwn = due.every((response) => !response.headersSent && !response.req.complete);
      if (!isItsOwn || systemCodeOf(error) === 'ECONNRESET') socket.destroy();
      else refuseConnection(socket, statusOfParseError(error), ending);
    });
    // Node would drop what comes after 2,000 headers without a word; 1 MiB is the limit.
    server.maxHeadersCount = 0;
    server.maxConnections = this.#limits.connections;
    const crowded = Math.floor(this.#limits.connections * crowdedShare);
    server.on('connection', (socket: net.Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      if (this.#sockets.size > crowded) server.closeIdleConnections();
    });
    let isFull = false;
    server.on('drop', () => {
      if (!isFull)
        this.#logger.warn(
          `Connections are refused: ${this.#limits.connections} are open, none of them is idle`,
        );
      isFull = true;
    });
    server.on('connection', () => (isFull = false));
  }

  #serve(request: http.IncomingMessage, response: http.ServerResponse): void {
    this.#responses.add(response);
    response.once('close', () => this.#responses.delete(response));
    response.once('prefinish', () => {
      // Node takes this back when the answer is read, and ends the connection when nothing of it is any more.
      if ((response.socket?.writableLength ?? 0) > 0) response.socket?.setTimeout(this.#limits.unreadMs);
    });
    response.once('finish', () => this.#endRequest(request));
    const malformation = findMalformation(request);
    if (malformation !== undefined) {
      response.writeHead(malformation.status, {
        'Content-Type': 'text/plain; charset=utf-8',
        'Content-Length': malformation.text.length,
        Connection: 'close',
      });
      response.end(malformation.text);
      return;
    }
    this.#order.enter(response, () => void this.#handler.handleRequest(request, response));
  }

  #upgrade(request: http.IncomingMessage, socket: net.Socket, head: Buffer): void {
    const due = this.#answersDue(socket);
    // Sent behind a request that is not answered yet, it would write into the middle of that answer.
    if (due.some((response) => !response.writableEnded)) {
      socket.destroy();
      return;
    }
    const serve = (): void => void this.#handler.handleUpgrade(request, socket, head);
    // A client may have read an answer to its end before this process learns that it is sent.
    const last = due.at(-1);
    if (last === undefined) serve();
    else last.once('close', serve);
  }

  /** The rest of an upload that was answered early is not worth reading for long. */
  #endRequest(request: http.IncomingMessage): void {
    if (request.complete || request.destroyed) return;
    const cancel = this.#clock.setTimer(this.#limits.lingerMs, () => request.socket.destroy());
    request.once('end', cancel);
    request.once('close', cancel);
  }

  /** Undefined on unix sockets, where nothing tells connections apart. */
  #connectionFrom(address: string | undefined, port: number | undefined): net.Socket | undefined {
    if (port === undefined) return undefined;
    return [...this.#sockets].find((one) => one.remotePort === port && one.remoteAddress === address);
  }

  #answersDue(socket: Duplex): readonly http.ServerResponse[] {
    return [...this.#responses].filter((response) => response.req.socket === socket);
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
    // A port tells the raw socket of a TLS connection. On unix sockets there is none to tell them apart by, so they are
    // ended together when no request is under way on any of them.
    const busyPorts = new Set([...this.#responses].map((response) => response.req.socket.remotePort));
    for (const socket of this.#sockets) if (!busyPorts.has(socket.remotePort)) socket.destroy();
  }

  #createPlain(): http.Server {
    return http.createServer(serverOptions(this.#limits));
  }

  #createTls(tls: ServerTls): https.Server {
    return https.createServer({
      ...serverOptions(this.#limits),
      ...contextOptions(tls),
      requestCert: tls.requireClientCert,
      rejectUnauthorized: tls.requireClientCert,
      // Hijacked connections need HTTP/1.1.
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: this.#limits.handshakeMs,
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
