// `token://`: the cluster's entries are leases at one or more token services. Registering goes to all of them and reading
// gives the union, so any single one may be down, restarted or empty without an engine being lost.
import type { Clock } from '../base/clock.js';
import { SwarmError, messageOf } from '../base/errors.js';
import { silentLogger, type Logger } from '../base/log.js';
import type { DiscoveryBackend, WatchOptions } from './backend.js';
import type { ClientTlsSource } from './client-tls.js';
import type { TokenTarget } from './discovery-url.js';
import { linkAbort } from './linked-abort.js';
import { pollEntries } from './poll-entries.js';
import { TokenClient, type EntryList } from './token-client.js';

// What a silent service said last counts this long: the default lease, after which its entries would have ended.
const retentionMs = 180_000;
// Once one service has answered, the others get this long: a dead one must not delay what the living know.
const graceMs = 2000;

// An engine that joins should be there in seconds, whatever the heartbeat: looking costs one short request.
const longestLookMs = 5000;

interface Memory {
  readonly entries: readonly string[];
  readonly atMs: number;
}

export interface TokenBackendOptions {
  readonly target: TokenTarget;
  /** Absent for http services. */
  readonly tls: ClientTlsSource | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger?: Logger | undefined;
}

export class TokenBackend implements DiscoveryBackend {
  readonly name = 'token';
  readonly #options: TokenBackendOptions;
  readonly #clients: readonly TokenClient[];
  readonly #memories = new Map<TokenClient, Memory>();
  readonly #silent = new Map<TokenClient, string>();
  readonly #closing = new AbortController();

  constructor(options: TokenBackendOptions) {
    this.#options = options;
    const { clock, tls } = options;
    this.#clients = options.target.services.map((service) => new TokenClient({ service, clock, tls }));
  }

  async list(signal: AbortSignal): Promise<readonly string[]> {
    const { token } = this.#options.target;
    await this.#askAll({ signal, patienceMs: graceMs }, async (client, inner) => {
      this.#remember(client, await client.list(token, inner));
    });
    const nowMs = this.#options.clock.monotonic();
    const fresh = [...this.#memories.values()].filter(({ atMs }) => nowMs - atMs <= retentionMs);
    return [...new Set(fresh.flatMap(({ entries }) => entries))].sort();
  }

  /** Succeeds when at least one service took the entry; the logger hears of the others, once per change. */
  async register(entry: string, ttlSeconds: number, signal: AbortSignal): Promise<void> {
    const { token } = this.#options.target;
    await this.#askAll({ signal }, (client, inner) =>
      client.register({ token, entry, ttlSeconds, signal: inner }),
    );
  }

  async unregister(entry: string, signal: AbortSignal): Promise<void> {
    const { token } = this.#options.target;
    await this.#askAll({ signal }, (client, inner) => client.unregister(token, entry, inner));
  }

  async watch(options: WatchOptions): Promise<void> {
    const { clock, random } = this.#options;
    const link = linkAbort(options.signal, this.#closing.signal);
    const { signal } = link;
    try {
      const intervalMs = Math.min(options.intervalMs, longestLookMs);
      await pollEntries({ ...options, intervalMs, signal, clock, random, look: (inner) => this.list(inner) });
    } finally {
      link.release();
    }
  }

  async reload(): Promise<void> {
    await this.#options.tls?.reload();
  }

  close(): Promise<void> {
    this.#closing.abort(new SwarmError('ABORTED', 'Cannot use the discovery service: it was closed'));
    return Promise.resolve();
  }

  /** A service that is still warming up may have forgotten entries: what it said before is added to its answer. */
  #remember(client: TokenClient, { entries, isWarming, gone }: EntryList): void {
    const before = isWarming ? (this.#memories.get(client)?.entries ?? []) : [];
    const kept = before.filter((entry) => !gone.includes(entry));
    this.#memories.set(client, {
      entries: [...new Set([...kept, ...entries])],
      atMs: this.#options.clock.monotonic(),
    });
  }

  /** Asks all services at once; at most 16 calls (discovery-url.ts). @throws when none answered well */
  async #askAll(
    options: { readonly signal: AbortSignal; readonly patienceMs?: number },
    ask: (client: TokenClient, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const link = linkAbort(options.signal, this.#closing.signal);
    let cancelGrace: (() => void) | undefined;
    const startGrace = (): void => {
      if (options.patienceMs === undefined) return;
      cancelGrace ??= this.#options.clock.setTimer(options.patienceMs, () => link.abort(lateError()));
    };
    try {
      const outcomes = await Promise.allSettled(
        this.#clients.map((client) => ask(client, link.signal).then(startGrace)),
      );
      options.signal.throwIfAborted();
      this.#closing.signal.throwIfAborted();
      const failures = outcomes.map((outcome) =>
        outcome.status === 'rejected' ? toError(outcome.reason) : undefined,
      );
      if (failures.every((failure) => failure !== undefined)) throw combine(failures);
      this.#clients.forEach((client, index) => this.#noteSilence(client, failures[index]));
    } finally {
      cancelGrace?.();
      link.release();
    }
  }

  /** One log line when a service stops answering while others do, and one when it answers again. */
  #noteSilence(client: TokenClient, failure: Error | undefined): void {
    const logger = this.#options.logger ?? silentLogger;
    const fields = { service: client.service.name };
    if (failure === undefined) {
      if (this.#silent.delete(client)) logger.info('Discovery service answers again', fields);
    } else if (!this.#silent.has(client)) {
      logger.warn(`One of ${this.#clients.length} discovery services fails: ${failure.message}`, fields);
      this.#silent.set(client, failure.message);
    }
  }
}

function lateError(): SwarmError {
  return new SwarmError('DISCOVERY_FAILED', `no answer within ${graceMs / 1000} s of the others`);
}

function combine(failures: readonly Error[]): Error {
  const [first, ...others] = failures;
  // Called with the failures of at least one service.
  if (others.length === 0) return first!;
  const texts = [...new Set(failures.map((failure) => failure.message))];
  return new SwarmError('DISCOVERY_FAILED', texts.join('; '), {
    cause: new AggregateError(failures),
    ...(first instanceof SwarmError ? { hint: first.hint } : {}),
  });
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(messageOf(reason));
}
