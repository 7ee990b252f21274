// Opens TCP and TLS connections to one engine: one secure context per credential generation, session reuse, a deadline.
// It knows nothing of HTTP; transport.ts and stream uploads build on it.
import net from 'node:net';
import tls from 'node:tls';
import { SwarmError, isSwarmError, messageOf } from '../base/errors.js';
import type { Clock } from '../base/clock.js';
import type { EngineEndpoint, EngineTls } from './endpoint.js';
import { checkPeerIdentity } from './peer-identity.js';
import { SecureContexts, secureContextOf } from './secure-contexts.js';
import {
  clientRejected,
  describeEndpoint,
  engineTimeout,
  isReset,
  translateEngineError,
} from './translate-error.js';

/** TCP connect plus TLS handshake. An engine that needs longer is as good as down: classic waited 30 s. */
export const connectTimeoutMs = 5_000;

/** First keep-alive probe after this idle time, so that a vanished peer ends a silent stream within minutes. */
const keepAliveMs = 30_000;

/** Long enough for a refusal to travel; it is only waited for after a first contact failed. */
const hangUpWaitMs = 500;

export interface DialOptions {
  /** Keep writing allowed after the peer ended: hijacked streams need it. Default false. */
  readonly allowHalfOpen?: boolean;
  /** Reads into this one block of memory instead of emitting `data`; only without TLS. */
  readonly onread?: net.OnReadOpts;
  /** Newest TLS version offered; only diagnosis lowers it. */
  readonly maxVersion?: tls.SecureVersion;
}

export class EngineDialer {
  #endpoint: EngineEndpoint;
  readonly #clock: Clock;
  readonly #contexts: SecureContexts;
  #session: Buffer | undefined;
  #isProven = false;
  #remoteAddress = '';
  #certificateNotAfterMs: number | undefined;

  constructor(options: {
    readonly endpoint: EngineEndpoint;
    readonly clock: Clock;
    /** Where engines share their contexts; absent: this one's own. */
    readonly contexts?: SecureContexts | undefined;
  }) {
    this.#endpoint = options.endpoint;
    this.#clock = options.clock;
    this.#contexts = options.contexts ?? new SecureContexts();
  }

  get endpoint(): EngineEndpoint {
    return this.#endpoint;
  }

  /** IP the last connection went to; `''` before the first. */
  get remoteAddress(): string {
    return this.#remoteAddress;
  }

  /** When the certificate that the engine showed last expires, epoch ms; undefined without TLS. */
  get certificateNotAfterMs(): number | undefined {
    return this.#certificateNotAfterMs;
  }

  /** New credentials for connections from now on; sessions of the old ones are forgotten. */
  setTls(tlsMaterial: EngineTls | undefined): void {
    const { name, address } = this.#endpoint;
    this.#endpoint = tlsMaterial === undefined ? { name, address } : { name, address, tls: tlsMaterial };
    this.#session = undefined;
    this.#isProven = false;
  }

  /** What messages call the engine from now on. */
  setName(name: string): void {
    this.#endpoint = { ...this.#endpoint, name };
  }

  /** Tells that an answer came over a connection: these credentials are accepted. */
  noteAnswer(): void {
    this.#isProven = true;
  }

  /** Starts a connection; it emits `connect` (plain) or `secureConnect` (TLS), or is destroyed with an error. */
  connect(options: DialOptions = {}): net.Socket {
    const socket = this.#open(options);
    const endpoint = this.#endpoint;
    const cancel = this.#clock.setTimer(connectTimeoutMs, () => {
      socket.destroy(
        engineTimeout(endpoint, { attempt: 'connect to', ms: connectTimeoutMs, what: 'no connection' }),
      );
    });
    socket.once(this.readyEvent, () => {
      cancel();
      this.#remoteAddress = socket.remoteAddress ?? this.#remoteAddress;
      // A certificate that is taken as it comes was not looked at before.
      if (endpoint.tls?.verify === false && socket instanceof tls.TLSSocket && !socket.isSessionReused())
        this.#noteEnd(socket.getPeerX509Certificate()?.validTo ?? '');
    });
    socket.once('close', cancel);
    return socket;
  }

  get readyEvent(): 'connect' | 'secureConnect' {
    return this.#endpoint.tls === undefined ? 'connect' : 'secureConnect';
  }

  /** A connected socket. @throws ENGINE_* when it cannot be made, or the signal's reason when aborted first. */
  async open(options: DialOptions & { readonly signal?: AbortSignal | undefined } = {}): Promise<net.Socket> {
    options.signal?.throwIfAborted();
    return this.whenReady(this.connect(options), options.signal);
  }

  /** A connection that was started, when it stands. @throws like `open` */
  whenReady(socket: net.Socket, signal?: AbortSignal): Promise<net.Socket> {
    const readyEvent = this.readyEvent;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        socket.destroy();
        reject(
          signal?.reason instanceof Error
            ? signal.reason
            : new SwarmError('ABORTED', 'Connection was aborted'),
        );
      };
      const onError = (error: unknown): void => {
        signal?.removeEventListener('abort', onAbort);
        reject(translateEngineError(error, this.#endpoint, 'connect to'));
      };
      const onClose = (): void => onError(Object.assign(new Error('closed'), { code: 'ECONNRESET' }));
      signal?.addEventListener('abort', onAbort, { once: true });
      socket.once('error', onError).once('close', onClose);
      socket.once(readyEvent, () => {
        signal?.removeEventListener('abort', onAbort);
        socket.off('error', onError).off('close', onClose);
        resolve(socket);
      });
    });
  }

  /**
   * Translates `error`, and where a fresh TLS peer only reset the connection finds out why: under TLS 1.3 a server
   * refuses the client's certificate after the handshake, which may reach us as a bare reset. Under 1.2 it is an alert,
   * or the server hangs up before anything was said; a willing one would wait for the request.
   */
  async explain(error: unknown, attempt: string): Promise<SwarmError> {
    const translated = translateEngineError(error, this.#endpoint, attempt);
    if (this.#isProven || this.#endpoint.tls === undefined || !isReset(error)) return translated;
    try {
      const socket = await this.open({ maxVersion: 'TLSv1.2' });
      return (await this.#hangsUp(socket)) ? clientRejected(this.#endpoint, error) : translated;
    } catch (diagnosis) {
      if (isSwarmError(diagnosis, 'ENGINE_CLIENT_REJECTED')) return diagnosis;
      return diagnosis instanceof SwarmError && isReset(diagnosis.cause)
        ? clientRejected(this.#endpoint, error)
        : translated;
    }
  }

  /** Whether the peer ends a connection on which nothing was said. Destroys the socket. */
  async #hangsUp(socket: net.Socket): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (hangsUp: boolean): void => {
        cancel();
        socket.destroy();
        resolve(hangsUp);
      };
      const cancel = this.#clock.setTimer(hangUpWaitMs, () => finish(false));
      socket
        .once('error', () => finish(true))
        .once('close', () => finish(true))
        .once('end', () => finish(true));
      socket.resume();
    });
  }

  #noteEnd(validTo: string): void {
    const endMs = Date.parse(validTo);
    this.#certificateNotAfterMs = Number.isNaN(endMs) ? undefined : endMs;
  }

  #open(options: DialOptions): net.Socket {
    const { address, tls: material } = this.#endpoint;
    const common = {
      host: address.host,
      port: address.port,
      allowHalfOpen: options.allowHalfOpen ?? false,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveMs,
      noDelay: true,
    };
    if (material === undefined)
      return net.connect({ ...common, ...(options.onread === undefined ? {} : { onread: options.onread }) });
    let secureContext: tls.SecureContext;
    try {
      secureContext =
        options.maxVersion === undefined
          ? this.#contexts.of(material)
          : secureContextOf(material, options.maxVersion);
    } catch (error) {
      const socket = new net.Socket();
      socket.destroy(
        new SwarmError(
          'CREDENTIALS_INVALID',
          `Cannot use the TLS files for ${describeEndpoint(this.#endpoint)}: ${messageOf(error)}`,
          { cause: error },
        ),
      );
      return socket;
    }
    const expected = material.serverName ?? address.host;
    const socket: tls.TLSSocket = tls.connect({
      ...common,
      secureContext,
      ...(this.#session === undefined || options.maxVersion !== undefined ? {} : { session: this.#session }),
      // SNI must not carry a literal IP; the name check below uses it all the same.
      servername: net.isIP(expected) === 0 ? expected : '',
      rejectUnauthorized: material.verify ?? true,
      checkServerIdentity: () => {
        const certificate = socket.getPeerX509Certificate();
        this.#noteEnd(certificate?.validTo ?? '');
        return checkPeerIdentity(expected, certificate);
      },
      ALPNProtocols: ['http/1.1'],
    });
    // Node would convert the certificate and its chain for the check above, which does not use it.
    socket.getPeerCertificate = () => ({}) as tls.DetailedPeerCertificate;
    socket.on('session', (session) => {
      // Not of credentials that were replaced meanwhile.
      if (this.#endpoint.tls === material && options.maxVersion === undefined) this.#session = session;
    });
    return socket;
  }
}
