// The token service without its sockets: requests of the old hub's protocol in, answers out.
import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { describeToken } from './discovery-url.js';
import { parseEntry } from './entries.js';
import { LeaseTable, type LeaseChange, type LeaseSnapshot } from './lease-table.js';
import { RateLimit } from './rate-limit.js';
import { ServedTime } from './served-time.js';
import { createToken, digestToken, includesDigest, isToken } from './token.js';
import { goneHeader, warmingHeader } from './token-client.js';

export interface TokenRequest {
  readonly method: string;
  /** Path and query as received. */
  readonly target: string;
  readonly body: string;
  /** Who asks, for rate limits: the remote address. */
  readonly client: string;
}

export interface TokenAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface TokenServiceOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Only these tokens exist; undefined: any token can be made, by `create` or by a first registration. */
  readonly allowedTokens?: readonly string[] | undefined;
  /** Longest lease in seconds. Default 86400. */
  readonly ttlMaxSeconds?: number | undefined;
  /** Leases from before the start; undefined: nothing is known, and the service warms up. */
  readonly snapshot?: LeaseSnapshot | undefined;
  readonly onChange?: (change: LeaseChange) => void;
  readonly createToken?: () => string;
}

// The lease that `join` asks for when it is not told otherwise: after it, every living agent has registered again.
const defaultTtlSeconds = 180;
// 10,000 clusters of a digest each are about 2 MB; 65,536 entries of 30 bytes about 10 MB, a /16 of engines.
const limits = { clusters: 10_000, entries: 65_536 };
// A person creating clusters never meets this; a program that guesses or floods does. Known tokens are not counted, for many
// engines may share one address behind a NAT.
const unknownTokenLimit = { burst: 30, perSecond: 1, clients: 10_000 };

export class TokenService {
  readonly #options: TokenServiceOptions;
  readonly #leases = new LeaseTable(limits);
  readonly #time: ServedTime;
  readonly #unknown: RateLimit;
  readonly #allowed: readonly string[] | undefined;
  /** Served milliseconds until which lists may lack entries. */
  #warmUntilMs: number;

  constructor(options: TokenServiceOptions) {
    this.#options = options;
    this.#time = new ServedTime({ clock: options.clock, onTick: () => this.#expire() });
    this.#unknown = new RateLimit({ clock: options.clock, ...unknownTokenLimit });
    this.#allowed = options.allowedTokens?.map(digestToken);
    this.#warmUntilMs = options.snapshot === undefined ? defaultTtlSeconds * 1000 : 0;
    if (options.snapshot !== undefined) this.#leases.restore(options.snapshot, this.#time.now());
    for (const digest of this.#allowed ?? []) {
      this.#leases.create(digest, { isComplete: options.snapshot !== undefined });
    }
  }

  /** Seconds, rounded up, for which lists may still lack entries; 0 when they are complete. */
  get warmingSeconds(): number {
    return Math.max(0, Math.ceil((this.#warmUntilMs - this.#time.now()) / 1000));
  }

  snapshot(): LeaseSnapshot {
    return this.#leases.snapshot(this.#time.now());
  }

  handle(request: TokenRequest): TokenAnswer {
    const [path = '', query = ''] = request.target.split('?', 2);
    if (/^(?:\/v1)?\/health$/.test(path)) {
      return request.method === 'GET' ? this.#health() : notAllowed('GET');
    }
    // With and without /v1: a classic client given token://host:port/TOKEN asks without.
    const match = /^(?:\/v1)?\/clusters(?:\/([^/]+)(?:\/([^/]+))?)?$/.exec(path);
    if (match === null) return notFound;
    const [, token, entry] = match;
    if (token === undefined) return request.method === 'POST' ? this.#create(request) : notAllowed('POST');
    if (entry !== undefined) {
      return request.method === 'DELETE' ? this.#unregister(request, token, entry) : notAllowed('DELETE');
    }
    if (request.method === 'GET') return this.#list(request, token);
    if (request.method === 'POST') return this.#register(request, { token, query });
    return request.method === 'DELETE' ? this.#remove(request, token) : notAllowed('GET, POST, DELETE');
  }

  close(): void {
    this.#time.close();
  }

  #health(): TokenAnswer {
    return json(200, { status: 'ok', warmingSeconds: this.warmingSeconds });
  }

  #create({ client }: TokenRequest): TokenAnswer {
    if (!this.#unknown.take(client)) return tooMany;
    if (this.#allowed !== undefined)
      return problem(403, 'this service serves fixed clusters and makes no others');
    const token = (this.#options.createToken ?? createToken)();
    if (!this.#leases.create(digestToken(token), { isComplete: true })) return tableFull;
    this.#changed('members');
    this.#options.logger.info('Created cluster', { token: describeToken(token), client });
    return text(201, token);
  }

  #list({ client }: TokenRequest, token: string): TokenAnswer {
    const key = this.#find(token);
    const entries = key === undefined ? undefined : this.#leases.list(key, this.#time.now());
    if (key === undefined || entries === undefined) return this.#refuse(client);
    return json(200, entries, this.#warmingHeaders(key));
  }

  #warmingHeaders(key: string): Readonly<Record<string, string>> {
    const seconds = this.#leases.isComplete(key) ? 0 : this.warmingSeconds;
    if (seconds === 0) return {};
    const gone = this.#leases.gone(key);
    return {
      [warmingHeader]: String(seconds),
      ...(gone.length === 0 ? {} : { [goneHeader]: gone.join(',') }),
    };
  }

  #register({ client, body }: TokenRequest, { token, query }: { token: string; query: string }): TokenAnswer {
    const ttlMax = this.#options.ttlMaxSeconds ?? 86_400;
    const ttl = new URLSearchParams(query).get('ttl') ?? String(defaultTtlSeconds);
    if (!/^\d{1,9}$/.test(ttl) || Number(ttl) < 1 || Number(ttl) > ttlMax) {
      return problem(400, `ttl must be whole seconds from 1 to ${ttlMax}`);
    }
    let entry: string;
    try {
      entry = parseEntry(body.trim());
    } catch (error) {
      return problem(400, messageOf(error));
    }
    let key = this.#find(token);
    if (key === undefined) {
      // A service that came back without its data learns its clusters from their heartbeats.
      if (!this.#mayExist(token) || !this.#unknown.take(client)) return this.#refuse(client);
      key = digestToken(token);
      if (!this.#leases.create(key, { isComplete: this.warmingSeconds === 0 })) return tableFull;
    }
    return this.#renew(key, { entry, ttlMs: Number(ttl) * 1000, token });
  }

  #renew(key: string, lease: { entry: string; ttlMs: number; token: string }): TokenAnswer {
    const { entry, ttlMs } = lease;
    const nowMs = this.#time.now();
    const change = this.#leases.register(key, { entry, endsAtMs: nowMs + ttlMs, nowMs });
    if (change === 'full') return problem(507, `the cluster has ${limits.entries} entries, no more fit`);
    if (change === 'members') {
      this.#options.logger.info('Registered', { entry, token: describeToken(lease.token) });
    }
    // Agents with a longer lease may beat more slowly than the default allows for.
    if (this.warmingSeconds > 0) this.#warmUntilMs = Math.max(this.#warmUntilMs, ttlMs);
    this.#changed(change);
    return ok;
  }

  #unregister({ client }: TokenRequest, token: string, encoded: string): TokenAnswer {
    const key = this.#find(token);
    if (key === undefined) return this.#refuse(client);
    let entry: string;
    try {
      entry = parseEntry(decodeURIComponent(encoded));
    } catch (error) {
      return problem(400, messageOf(error));
    }
    const change = this.#leases.unregister(key, entry);
    if (change === 'members') {
      this.#options.logger.info('Unregistered', { entry, token: describeToken(token) });
    }
    this.#changed(change);
    return ok;
  }

  #remove({ client }: TokenRequest, token: string): TokenAnswer {
    const key = this.#find(token);
    if (key === undefined) return this.#refuse(client);
    this.#changed(this.#leases.remove(key));
    if (this.#allowed !== undefined) this.#leases.create(key, { isComplete: true });
    this.#options.logger.info('Removed cluster', { token: describeToken(token), client });
    return ok;
  }

  /** The key of a cluster that exists. */
  #find(token: string): string | undefined {
    if (!this.#mayExist(token)) return undefined;
    const key = digestToken(token);
    return this.#leases.has(key) ? key : undefined;
  }

  #mayExist(token: string): boolean {
    if (!isToken(token)) return false;
    return this.#allowed === undefined || includesDigest(this.#allowed, digestToken(token));
  }

  /** The same words for tokens that are malformed, unknown and not allowed. */
  #refuse(client: string): TokenAnswer {
    return this.#unknown.take(client) ? notFound : tooMany;
  }

  #expire(): void {
    this.#changed(this.#leases.expire(this.#time.now()));
  }

  #changed(change: LeaseChange): void {
    this.#options.onChange?.(change);
  }
}

function text(status: number, body: string, headers: Readonly<Record<string, string>> = {}): TokenAnswer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body };
}

function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): TokenAnswer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) };
}

export function problem(
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): TokenAnswer {
  return json(status, { message }, headers);
}

function notAllowed(allow: string): TokenAnswer {
  return problem(405, `the method must be ${allow}`, { allow });
}

const ok = text(200, 'OK');
const notFound = problem(404, 'not found');
const tooMany = problem(429, 'too many requests', { 'retry-after': '1' });
const tableFull = problem(503, `the service has ${limits.clusters} clusters with entries, no more fit`);
