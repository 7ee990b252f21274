// The token service's memory: clusters by token digest, each with its leases. Pure bookkeeping; the caller brings the time.

/** Which kind of change an operation made: `members` changed, a lease was `renewed`, or nothing. */
export type LeaseChange = 'members' | 'renewed' | 'none';

export interface LeaseLimits {
  /** Clusters at most; the oldest without entries makes room for a new one. */
  readonly clusters: number;
  /** Entries of one cluster at most. */
  readonly entries: number;
}

/** What is written to the data file: leases as remaining time, since monotonic time means nothing after a restart. */
export interface LeaseSnapshot {
  readonly clusters: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

interface ClusterLeases {
  /** True when this process has seen every registration: its list is complete even while the service warms up. */
  readonly isComplete: boolean;
  /** Entry → end of its lease. */
  readonly endsAtMs: Map<string, number>;
  /** Of an incomplete cluster: entries that are known to be gone, as opposed to not heard of yet. */
  readonly gone: Set<string>;
}

// They travel in a header of the answer, which has to stay small; whoever is beyond is missed when the warm-up ends.
const mostGone = 64;

export class LeaseTable {
  readonly #limits: LeaseLimits;
  // In order of creation, which is what makes the first empty one the oldest.
  readonly #clusters = new Map<string, ClusterLeases>();

  constructor(limits: LeaseLimits) {
    this.#limits = limits;
  }

  has(key: string): boolean {
    return this.#clusters.has(key);
  }

  isComplete(key: string): boolean {
    return this.#clusters.get(key)?.isComplete ?? false;
  }

  /** Entries of an incomplete cluster that have left or ended since the start, at most 64. */
  gone(key: string): string[] {
    return [...(this.#clusters.get(key)?.gone ?? [])].sort();
  }

  /** @returns false when the table is full of clusters that have entries */
  create(key: string, options: { readonly isComplete: boolean }): boolean {
    if (this.#clusters.has(key)) return true;
    if (this.#clusters.size >= this.#limits.clusters && !this.#dropOldestEmpty()) return false;
    this.#clusters.set(key, { isComplete: options.isComplete, endsAtMs: new Map(), gone: new Set() });
    return true;
  }

  /** Renews or adds a lease in an existing cluster. @returns `full` when the cluster has no room */
  register(key: string, lease: { entry: string; endsAtMs: number; nowMs: number }): LeaseChange | 'full' {
    const cluster = this.#clusters.get(key);
    if (cluster === undefined) return 'none';
    const before = cluster.endsAtMs.get(lease.entry);
    if (before === undefined && cluster.endsAtMs.size >= this.#limits.entries) {
      expireIn(cluster, lease.nowMs);
      if (cluster.endsAtMs.size >= this.#limits.entries) return 'full';
    }
    cluster.endsAtMs.set(lease.entry, lease.endsAtMs);
    cluster.gone.delete(lease.entry);
    return before !== undefined && before > lease.nowMs ? 'renewed' : 'members';
  }

  /** Live entries, sorted; undefined when there is no such cluster. */
  list(key: string, nowMs: number): string[] | undefined {
    const cluster = this.#clusters.get(key);
    if (cluster === undefined) return undefined;
    const live = [...cluster.endsAtMs].filter(([, endsAtMs]) => endsAtMs > nowMs);
    return live.map(([entry]) => entry).sort();
  }

  unregister(key: string, entry: string): LeaseChange {
    const cluster = this.#clusters.get(key);
    if (cluster === undefined) return 'none';
    noteGone(cluster, entry);
    return cluster.endsAtMs.delete(entry) ? 'members' : 'none';
  }

  remove(key: string): LeaseChange {
    return this.#clusters.delete(key) ? 'members' : 'none';
  }

  /** Forgets leases that have ended. */
  expire(nowMs: number): LeaseChange {
    let change: LeaseChange = 'none';
    for (const cluster of this.#clusters.values()) if (expireIn(cluster, nowMs)) change = 'members';
    return change;
  }

  snapshot(nowMs: number): LeaseSnapshot {
    const clusters: Record<string, Record<string, number>> = {};
    for (const [key, { endsAtMs }] of this.#clusters) {
      clusters[key] = Object.fromEntries([...endsAtMs].map(([entry, endMs]) => [entry, endMs - nowMs]));
    }
    return { clusters };
  }

  /** Puts a snapshot into an empty table. */
  restore(snapshot: LeaseSnapshot, nowMs: number): void {
    for (const [key, leases] of Object.entries(snapshot.clusters)) {
      const ends = Object.entries(leases).map(
        ([entry, remainingMs]) => [entry, nowMs + remainingMs] as const,
      );
      this.#clusters.set(key, { isComplete: true, endsAtMs: new Map(ends), gone: new Set() });
    }
  }

  #dropOldestEmpty(): boolean {
    for (const [key, { endsAtMs }] of this.#clusters) {
      if (endsAtMs.size === 0) return this.#clusters.delete(key);
    }
    return false;
  }
}

function expireIn(cluster: ClusterLeases, nowMs: number): boolean {
  let changed = false;
  for (const [entry, endMs] of cluster.endsAtMs) {
    if (endMs > nowMs) continue;
    changed = cluster.endsAtMs.delete(entry);
    noteGone(cluster, entry);
  }
  return changed;
}

function noteGone({ isComplete, gone }: ClusterLeases, entry: string): void {
  if (!isComplete && gone.size < mostGone) gone.add(entry);
}
