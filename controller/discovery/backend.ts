// The port every discovery backend implements: who is in the cluster, and how an engine announces itself.

export interface WatchOptions {
  /** Longest time between two looks at the source. */
  readonly intervalMs: number;
  readonly signal: AbortSignal;
  /** Called with the first list and with every list that differs from the one before, order included. */
  readonly onEntries: (entries: readonly string[]) => void;
  /** Called when a look fails and the look before it did not, or failed differently. The last list stays valid. */
  readonly onError: (error: Error) => void;
}

export interface DiscoveryBackend {
  /** Scheme, e.g. `token`. */
  readonly name: string;
  /** One look at the source. @returns `host:port` entries, IPv6 hosts in brackets */
  list(signal: AbortSignal): Promise<readonly string[]>;
  /**
   * Announces `entry` for `ttlSeconds` (whole seconds); repeating it renews the lease.
   * @throws {DISCOVERY_UNSUPPORTED} when the backend is read-only
   */
  register(entry: string, ttlSeconds: number, signal: AbortSignal): Promise<void>;
  /** Ends the lease of `entry` now; an entry that is not there is fine. */
  unregister?(entry: string, signal: AbortSignal): Promise<void>;
  /** Reports lists until `signal` aborts, then resolves. Never rejects because the source fails. */
  watch(options: WatchOptions): Promise<void>;
  /** Reads TLS files again. The files in use stay in use when the new ones are unusable. @throws SwarmError then */
  reload?(): Promise<void>;
  close(): Promise<void>;
}
