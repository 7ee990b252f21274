// The token service on a socket: HTTP or TLS 1.2+, bounded in every direction, certificates replaceable while it runs.
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer, Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../base/clock.js';
import { SwarmError, messageOf, systemCodeOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { formatHostPort } from '../api/engine-address.js';
import { LeaseFile, readLeaseFile } from './lease-file.js';
import { requireCertificate, requireKeyPair } from './pem.js';
import { TokenService, problem, type TokenAnswer, type TokenServiceOptions } from './token-service.js';

/** PEM texts. */
export interface ServerTls {
  readonly cert: string;
  readonly key: string;
  /** CAs that sign client certificates. */
  readonly ca?: string;
  /** Nobody without a certificate of `ca` gets an answer. */
  readonly requireClientCert: boolean;
}

export interface TokenServerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Absent: plain HTTP. */
  readonly tls?: ServerTls;
  /** Leases are kept here across restarts; without it, heartbeats restore them. */
  readonly dataFile?: string;
  /** Only these tokens exist. */
  readonly allowedTokens?: readonly string[];
  /** Longest lease in seconds. Default 86400. */
  readonly ttlMaxSeconds?: number;
  readonly createToken?: () => string;
}

// An entry has at most 300 bytes; a request of this protocol fits in one packet.
const largestBodyBytes = 1024;
// 5,000 engines that beat every minute are 83 short requests a second; ten times that many idle or slow peers still fit.
const mostConnections = 1024;

export class TokenServer {
  readonly #options: TokenServerOptions;
  #server: Server | HttpsServer | undefined;
  #service: TokenService | undefined;
  #file: LeaseFile | undefined;

  constructor(options: TokenServerOptions) {
    this.#options = options;
  }

  /** Restores the data file and starts to listen. @throws {DISCOVERY_FAILED | CREDENTIALS_INVALID} */
  async listen(address: { readonly host: string; readonly port: number }): Promise<{ port: number }> {
    const { clock, logger, dataFile, tls } = this.#options;
    // The certificate is checked before the data is touched.
    const server = this.#createServer(tls);
    this.#server = server;
    const snapshot =
      dataFile === undefined ? undefined : await readLeaseFile({ path: dataFile, clock, logger });
    const options: TokenServiceOptions = {
      ...this.#options,
      snapshot,
      onChange: (change) => this.#file?.note(change),
    };
    const service = new TokenService(options);
    this.#service = service;
    if (dataFile !== undefined) {
      this.#file = new LeaseFile({ path: dataFile, clock, logger, snapshot: () => service.snapshot() });
    }
    try {
      await listenOn(server, address);
    } catch (cause) {
      await this.close();
      throw new SwarmError('DISCOVERY_FAILED', listenErrorText(address, cause), {
        cause,
        hint: 'Choose another address with --host',
      });
    }
    // Now, so that a place that cannot be written to is in the log from the start.
    await this.#file?.flush();
    // listening on TCP, so the address is not a path
    return { port: (server.address() as AddressInfo).port };
  }

  /** Uses other certificates for new connections. @throws {CREDENTIALS_INVALID}; the old ones stay then */
  reloadTls(tls: ServerTls): void {
    if (!(this.#server instanceof HttpsServer)) return;
    try {
      // Tried on its own first: the server must never be left with half of the new material.
      createSecureContext(secureOptions(tls));
      this.#server.setSecureContext(secureOptions(tls));
    } catch (cause) {
      throw invalidTls(cause);
    }
  }

  /** Stops listening, ends all connections and writes the data file. Idempotent. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined) {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      if (server.listening) await closed;
    }
    this.#service?.close();
    await this.#file?.close();
  }

  #createServer(tls: ServerTls | undefined): Server | HttpsServer {
    const limits = {
      headersTimeout: 10_000,
      requestTimeout: 10_000,
      connectionsCheckingInterval: 1000,
      keepAliveTimeout: 5000,
      maxHeaderSize: 8192,
    };
    const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
      this.#answer(request, response).catch((error: unknown) => {
        this.#options.logger.debug('Request ended early', { error: messageOf(error) });
        response.destroy();
      });
    };
    const server =
      tls === undefined ? createHttpServer(limits, onRequest) : this.#createTlsServer(tls, limits, onRequest);
    server.maxConnections = mostConnections;
    server.maxRequestsPerSocket = 1000;
    return server;
  }

  #createTlsServer(
    tls: ServerTls,
    limits: object,
    onRequest: (request: IncomingMessage, response: ServerResponse) => void,
  ): HttpsServer {
    try {
      const server = createHttpsServer(
        { ...limits, handshakeTimeout: 5000, ...secureOptions(tls) },
        onRequest,
      );
      server.on('tlsClientError', (error, socket) => {
        const client = clientAddress(socket);
        this.#options.logger.debug('TLS handshake failed', { client, error: messageOf(error) });
      });
      return server;
    } catch (cause) {
      throw invalidTls(cause);
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    const answer = body === undefined ? bodyTooLarge : this.#handle(request, body);
    response.writeHead(answer.status, {
      ...answer.headers,
      'content-length': Buffer.byteLength(answer.body),
      'cache-control': 'no-store',
      // What is left of an over-long body is not read.
      ...(body === undefined ? { connection: 'close' } : {}),
    });
    response.end(answer.body);
  }

  #handle(request: IncomingMessage, body: string): TokenAnswer {
    const { service, logger } = { service: this.#service, logger: this.#options.logger };
    if (service === undefined) return problem(503, 'the service is starting');
    try {
      return service.handle({
        method: request.method ?? '',
        target: request.url ?? '',
        body,
        client: clientAddress(request.socket),
      });
    } catch (error) {
      logger.error(`Cannot answer a request: ${messageOf(error)}`);
      return problem(500, 'internal error');
    }
  }
}

/** An IPv4 client of a socket that also serves IPv6 is told, and counted, as what it is. */
function clientAddress({ remoteAddress = '' }: { readonly remoteAddress?: string | undefined }): string {
  return remoteAddress.replace(/^::ffff:(?=\d+\.)/, '');
}

const bodyTooLarge = problem(413, `the body must have at most ${largestBodyBytes} bytes`);

/** @returns undefined when the body is too large */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving the loop must not end the connection: the answer still travels on it.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largestBodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** @throws Error when the texts cannot belong to a server that anybody could reach */
function secureOptions(tls: ServerTls): object {
  requireKeyPair(tls);
  if (tls.ca !== undefined) requireCertificate(tls.ca);
  return {
    cert: tls.cert,
    key: tls.key,
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    requestCert: tls.requireClientCert,
    rejectUnauthorized: tls.requireClientCert,
    minVersion: 'TLSv1.2',
  };
}

function invalidTls(cause: unknown): SwarmError {
  return new SwarmError('CREDENTIALS_INVALID', `Cannot use the server certificate: ${messageOf(cause)}`, {
    cause,
  });
}

function listenOn(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host === '' ? {} : { host }) }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function listenErrorText({ host, port }: { host: string; port: number }, cause: unknown): string {
  const known: Readonly<Record<string, string>> = {
    EADDRINUSE: 'the address is in use',
    EADDRNOTAVAIL: 'this machine does not have that address',
    EACCES: 'permission denied',
    ENOTFOUND: 'no such host',
  };
  const why = known[systemCodeOf(cause) ?? ''] ?? messageOf(cause);
  return `Cannot listen on "${formatHostPort({ host, port })}": ${why}`;
}
