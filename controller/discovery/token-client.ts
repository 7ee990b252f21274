// The token protocol spoken to one service: create, register, list, unregister. The wire format is that of the old hub.
import type { Clock } from '../base/clock.js';
import { SwarmError, messageOf } from '../base/errors.js';
import { callService, type ServiceAnswer } from './call-service.js';
import type { ClientTlsSource } from './client-tls.js';
import type { TokenService } from './discovery-url.js';
import { parseEntries } from './entries.js';

// A healthy answer takes milliseconds; ten seconds leave room for a loaded machine and stay below any sane heartbeat.
const callTimeoutMs = 10_000;

/** Seconds until a service that started without its data has heard from everybody again. */
export const warmingHeader = 'swarm-discovery-warming';

/** With it: entries, separated by commas, that are gone for certain and not merely unheard of. */
export const goneHeader = 'swarm-discovery-gone';

export interface EntryList {
  readonly entries: readonly string[];
  /** The service started without its data less than a lease ago: entries may be missing. */
  readonly isWarming: boolean;
  /** Entries that a warming service knows to be gone. */
  readonly gone: readonly string[];
}

export class TokenClient {
  readonly service: TokenService;
  readonly #clock: Clock;
  readonly #tls: ClientTlsSource | undefined;

  /** @param options.tls absent for http services */
  constructor(options: { service: TokenService; clock: Clock; tls: ClientTlsSource | undefined }) {
    this.service = options.service;
    this.#clock = options.clock;
    this.#tls = options.tls;
  }

  /** Makes a cluster. @returns its token */
  async create(signal: AbortSignal): Promise<string> {
    const answer = await this.#call({ method: 'POST', path: '/clusters', signal });
    if (!isSuccess(answer)) throw this.#refusal('create a cluster', answer);
    const token = answer.body.trim();
    // A proxy's error page with status 200 must not be taken for a token.
    if (!/^[\w-]{8,128}$/.test(token)) {
      throw new SwarmError(
        'DISCOVERY_FAILED',
        `Cannot create a cluster at "${this.service.name}": the answer is not a token`,
      );
    }
    return token;
  }

  async register(options: {
    token: string;
    entry: string;
    ttlSeconds: number;
    signal: AbortSignal;
  }): Promise<void> {
    const { token, entry, ttlSeconds, signal } = options;
    const path = `${clusterPath(token)}?ttl=${ttlSeconds}`;
    // The body is the bare text; the content type is wrong and part of the protocol.
    const headers = { 'Content-Type': 'application/json' };
    const answer = await this.#call({ method: 'POST', path, body: entry, headers, signal });
    if (!isSuccess(answer)) throw this.#refusal(`register "${entry}"`, answer);
  }

  async list(token: string, signal: AbortSignal): Promise<EntryList> {
    const answer = await this.#call({ method: 'GET', path: clusterPath(token), signal });
    if (answer.status !== 200) {
      throw new SwarmError(
        'DISCOVERY_FAILED',
        `Failed to fetch entries, Discovery service returned ${answer.status} HTTP status code`,
        answer.status === 404
          ? { hint: 'Check the token; a service that lost its data learns it from the next join' }
          : {},
      );
    }
    const gone = answer.headers[goneHeader];
    return {
      entries: parseList(answer.body),
      isWarming: answer.headers[warmingHeader] !== undefined,
      gone: typeof gone === 'string' ? gone.split(',') : [],
    };
  }

  async unregister(token: string, entry: string, signal: AbortSignal): Promise<void> {
    const path = `${clusterPath(token)}/${encodeURIComponent(entry)}`;
    const answer = await this.#call({ method: 'DELETE', path, signal });
    if (!isSuccess(answer) && answer.status !== 404) throw this.#refusal(`unregister "${entry}"`, answer);
  }

  async #call(call: {
    method: 'GET' | 'POST' | 'DELETE';
    path: string;
    body?: string;
    headers?: Readonly<Record<string, string>>;
    signal: AbortSignal;
  }): Promise<ServiceAnswer> {
    const { path, ...rest } = call;
    return callService({
      ...rest,
      service: this.service.name,
      url: `${this.service.baseUrl}${path}`,
      tls: await this.#tls?.current(),
      timeoutMs: callTimeoutMs,
      clock: this.#clock,
    });
  }

  #refusal(attempt: string, answer: ServiceAnswer): SwarmError {
    const said = /"message":"((?:[^"\\]|\\.){1,200})"/.exec(answer.body)?.[1];
    return new SwarmError(
      'DISCOVERY_FAILED',
      `Cannot ${attempt} at "${this.service.name}": Discovery service returned ${answer.status} HTTP status code` +
        (said === undefined ? '' : ` (${said})`),
    );
  }
}

function clusterPath(token: string): string {
  return `/clusters/${encodeURIComponent(token)}`;
}

function isSuccess({ status }: ServiceAnswer): boolean {
  return status >= 200 && status < 300;
}

/** @throws {DISCOVERY_FAILED | DISCOVERY_INVALID} */
function parseList(body: string): string[] {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (cause) {
    throw new SwarmError('DISCOVERY_FAILED', `Failed to decode response: ${messageOf(cause)}`, { cause });
  }
  // The old hub wrote null for a cluster without entries.
  if (value === null) return [];
  if (!Array.isArray(value) || !value.every((entry): entry is string => typeof entry === 'string')) {
    throw new SwarmError('DISCOVERY_FAILED', 'Failed to decode response: it must be an array of strings');
  }
  return parseEntries(value);
}
