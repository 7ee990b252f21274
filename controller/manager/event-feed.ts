// Events for many subscribers: those who asked for the same share one look at each event and one piece of bytes.
import type { CancelTimer, Clock } from '../base/clock.js';
import type { ClusterEvent, ClusterView } from '../engine/cluster-view.js';
import { frameLines, type FramedLines } from './framed-lines.js';

export interface EventSubscription {
  /** Subscribers with equal keys have equal predicates. Absent: this one shares with nobody. */
  readonly key?: string | undefined;
  readonly matches: (event: ClusterEvent) => boolean;
  /** JSON lines in the order of the events, each with its newline. Others get the same bytes: they must not be changed. */
  readonly take: (lines: FramedLines) => void;
}

/**
 * The first event after a silence is passed on at once, those that follow within this time together: a write to each of
 * 50 subscribers costs half a millisecond, so events that come one by one a thousand times a second would take half a core.
 */
const gatherMs = 10;
/** More is not worth waiting for: a write of this size costs little more than its bytes. */
const gatherChars = 64 * 1024;

class Group {
  readonly members = new Set<EventSubscription>();
  readonly matches: EventSubscription['matches'];
  #pending = '';

  constructor(matches: EventSubscription['matches']) {
    this.matches = matches;
  }

  get hasPending(): boolean {
    return this.#pending !== '';
  }

  /** @returns whether enough is gathered */
  add(event: ClusterEvent): boolean {
    this.#pending += `${event.text}\n`;
    return this.#pending.length >= gatherChars;
  }

  flush(): void {
    if (this.#pending === '') return;
    const lines = frameLines(this.#pending);
    this.#pending = '';
    for (const { take } of this.members) take(lines);
  }
}

export class EventFeed {
  readonly #cluster: Pick<ClusterView, 'onEvent'>;
  readonly #clock: Clock;
  readonly #groups = new Map<string | EventSubscription, Group>();
  #unsubscribe: (() => void) | undefined;
  #cancelTimer: CancelTimer | undefined;
  #flushedMs = -Infinity;

  constructor(options: { readonly cluster: Pick<ClusterView, 'onEvent'>; readonly clock: Clock }) {
    this.#cluster = options.cluster;
    this.#clock = options.clock;
  }

  /** Passes on what happens from now on. @returns ends it, after what happened until then was passed on; idempotent */
  subscribe(subscription: EventSubscription): () => void {
    const key = subscription.key ?? subscription;
    const group = this.#groups.get(key) ?? new Group(subscription.matches);
    // What is gathered happened before: it is not for the new one.
    group.flush();
    group.members.add(subscription);
    this.#groups.set(key, group);
    // Without subscribers the cluster does not even write its events.
    this.#unsubscribe ??= this.#cluster.onEvent((event) => this.#gather(event));
    return () => this.#leave(key, subscription);
  }

  #leave(key: string | EventSubscription, subscription: EventSubscription): void {
    const group = this.#groups.get(key);
    if (group?.members.has(subscription) !== true) return;
    group.flush();
    group.members.delete(subscription);
    if (group.members.size === 0) this.#groups.delete(key);
    if (this.#groups.size > 0) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }

  #gather(event: ClusterEvent): void {
    let isPending = false;
    for (const group of this.#groups.values()) {
      if (!group.matches(event)) continue;
      if (group.add(event)) group.flush();
      isPending ||= group.hasPending;
    }
    if (!isPending || this.#cancelTimer !== undefined) return;
    const restMs = this.#flushedMs + gatherMs - this.#clock.monotonic();
    if (restMs <= 0) this.#flush();
    else this.#cancelTimer = this.#clock.setTimer(restMs, () => this.#flush());
  }

  #flush(): void {
    this.#cancelTimer = undefined;
    this.#flushedMs = this.#clock.monotonic();
    for (const group of this.#groups.values()) group.flush();
  }
}
