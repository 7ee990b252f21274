// The API server: the router on a unix socket and on TCP with mutual TLS, from listening to a clean end.
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import { lstat, rm } from 'node:fs/promises';
import type { ObjectKey } from '../api/object-key.js';
import type { Clock } from '../base/clock.js';
import { messageOf, SwarmError, systemCodeOf } from '../base/errors.js';
import type { JsonObject } from '../base/json.js';
import type { Logger } from '../base/log.js';
import type { CrdSet } from '../schema/crd.js';
import { EventFeed } from './event-feed.js';
import { serveExchange } from './http-exchange.js';
import type { ObjectStore } from './object-store.js';
import type { PlanFor } from './plan-route.js';
import type { StoryOf } from './story-route.js';
import type { ObjectValidator } from './read-objects.js';
import { withProvenance, type Provenance } from './provenance.js';
import { createRouter, type MetricsText, type ReadinessCheck, type Router } from './router.js';

export interface ApiServerOptions {
  readonly store: ObjectStore;
  readonly crds: CrdSet;
  readonly validator: ObjectValidator;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Version of this program, for /version. */
  readonly version?: string;
  /** Checks of /readyz; asked at each request. */
  readonly readiness?: () => readonly ReadinessCheck[];
  /** Called when an object's reconcile-request annotation gets a new value. */
  readonly onReconcileRequest?: (key: ObjectKey) => void;
  readonly planFor?: PlanFor;
  readonly storyOf?: StoryOf;
  /** Dump of the flight recorder, for /debug/flight. */
  readonly flight?: () => JsonObject;
  /** For /metrics. */
  readonly metrics?: MetricsText;
  /** The commit in force, where objects come from a git repository. */
  readonly provenance?: () => Provenance | undefined;
}

/** PEM texts. `ca` signs the clients that are let in. */
export interface ApiServerTls {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

// A request is small and comes from a program; who needs longer to send one is not a client.
const headersTimeoutMs = 15_000;
const requestTimeoutMs = 60_000;
const keepAliveTimeoutMs = 90_000;
// Each connection costs some 50 kB; people, pipelines and dashboards together stay far below.
const mostConnections = 1000;
// sun_path has 108 bytes on Linux and 104 elsewhere, a closing zero included.
const longestSocketPath = 103;
// What running answers get to finish before their connections are cut.
const closeGraceMs = 2000;

export class ApiServer {
  readonly #o: ApiServerOptions;
  readonly #events: EventFeed;
  readonly #router: Router;
  readonly #servers = new Set<Server>();
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  constructor(options: ApiServerOptions) {
    this.#o = options;
    this.#events = new EventFeed(options.store, options.clock);
    const { provenance } = options;
    this.#router = createRouter({
      store: provenance === undefined ? options.store : withProvenance(options.store, provenance),
      crds: options.crds,
      validator: options.validator,
      clock: options.clock,
      events: this.#events,
      version: options.version ?? '0.0.0',
      readiness: options.readiness ?? (() => []),
      planFor: options.planFor,
      storyOf: options.storyOf,
      flight: options.flight,
      metrics: options.metrics,
      onReconcileRequest: options.onReconcileRequest,
    });
  }

  /**
   * Serves on a unix socket that only this user may open. A socket left behind by a crash is replaced.
   * @throws {STATE_LOCKED} another operator answers on it
   * @throws {USAGE} the path is too long for a socket
   */
  async listenUnix(path: string): Promise<void> {
    if (Buffer.byteLength(path) > longestSocketPath) {
      // The system would cut it off silently, and listen somewhere else.
      throw new SwarmError(
        'USAGE',
        `Cannot listen on "${path}": the path of a unix socket must have at most ${longestSocketPath} bytes`,
        { hint: 'Use a shorter --state-dir' },
      );
    }
    await removeStaleSocket(path, this.#o.clock);
    const server = createServer(serverOptions, this.#listener);
    await this.#listen(server, () => {
      // The socket is made inside this call; between that and a chmod nobody else may connect either.
      const umask = process.umask(0o177);
      try {
        server.listen(path);
      } finally {
        process.umask(umask);
      }
    });
  }

  /** Serves on TCP; clients must present a certificate that `ca` signed. @param o.port 0 chooses a free one */
  async listenTls(
    o: ApiServerTls & { readonly host: string; readonly port: number },
  ): Promise<{ readonly port: number }> {
    const server = createTlsServer(
      {
        ...serverOptions,
        cert: o.cert,
        key: o.key,
        ca: o.ca,
        requestCert: true,
        rejectUnauthorized: true,
        minVersion: 'TLSv1.2',
        handshakeTimeout: headersTimeoutMs,
      },
      this.#listener,
    );
    await this.#listen(server, () => server.listen(o.port, o.host));
    return { port: (server.address() as AddressInfo).port }; // a TCP server has such an address
  }

  /** Ends watches, lets running answers finish, then cuts what is left. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  readonly #listener: RequestListener = (incoming, response) => {
    const { clock, logger } = this.#o;
    void serveExchange(incoming, response, {
      router: this.#router,
      clock,
      logger,
      closing: this.#closing.signal,
    });
  };

  async #listen(server: Server, start: () => void): Promise<void> {
    if (this.#closing.signal.aborted)
      throw new SwarmError('ABORTED', 'Cannot listen: the API server is closed');
    server.maxConnections = mostConnections;
    server.on('clientError', (_error, socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.once('listening', resolve);
      start();
    });
    server.on('error', (error) => this.#o.logger.error('API server failed', { error: messageOf(error) }));
    this.#servers.add(server);
  }

  async #close(): Promise<void> {
    this.#closing.abort(new SwarmError('ABORTED', 'The API server is closing'));
    this.#events.close();
    await Promise.all(
      [...this.#servers].map(async (server) => {
        const cancel = this.#o.clock.setTimer(closeGraceMs, () => server.closeAllConnections());
        await new Promise<void>((resolve) => {
          server.close(() => resolve());
          server.closeIdleConnections();
        });
        cancel();
      }),
    );
  }
}

const serverOptions = {
  headersTimeout: headersTimeoutMs,
  requestTimeout: requestTimeoutMs,
  keepAliveTimeout: keepAliveTimeoutMs,
} as const;

async function removeStaleSocket(path: string, clock: Clock): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new SwarmError(
      'STATE_CORRUPT',
      `Cannot listen on "${path}": something that is not a socket is there`,
    );
  }
  if (await answers(path, clock)) {
    throw new SwarmError('STATE_LOCKED', `Cannot listen on "${path}": another operator answers there`);
  }
  await rm(path, { force: true });
}

/** Whether a program accepts connections on the socket. Silence for a second counts as an answer: better not to steal. */
function answers(path: string, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const finish = (result: boolean): void => {
      cancel();
      socket.destroy();
      resolve(result);
    };
    const cancel = clock.setTimer(1000, () => finish(true));
    socket.once('connect', () => finish(true));
    socket.once('error', (error) => finish(!['ECONNREFUSED', 'ENOENT'].includes(systemCodeOf(error) ?? '')));
  });
}
