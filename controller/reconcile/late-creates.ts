// Creates that an engine may still carry out although nobody waits for them: of an operator that was killed, or that got
// no answer. While a Node is on the engine its loop sees what they make; for the time after, the place is written down.
// Nothing is written for a create: a Node that leaves within minutes of a restart or of a lost answer is rare.
import type { Node } from '../api/resources.js';
import type { Clock } from '../base/clock.js';
import { placeOf } from '../store/revise.js';
import type { Store } from '../store/store.js';
import type { Debt, DebtBook } from './debt-book.js';

/** An engine works off what it took before within minutes of answering again: pulls are requests of their own. */
export const lateForMs = 10 * 60_000;

interface Doubt {
  /** Monotonic: the first look at the engine that succeeded since; undefined before. */
  lookedAtMs: number | undefined;
  isOver: boolean;
}

export class LateCreates {
  /** Nodes that have left engines which may still make a container of theirs. */
  readonly book: DebtBook;
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>;
  /** UIDs of Nodes for which an earlier process may have worked. */
  readonly #older: ReadonlySet<string | undefined>;
  /** By Node and place; one that is not there has never been looked at by this process. */
  readonly #doubts = new Map<string, Doubt>();

  /** Make it when the process starts: earlier ones are over by then, and what they have sent is not. */
  constructor(o: {
    readonly book: DebtBook;
    readonly store: Pick<Store, 'list'>;
    readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  }) {
    this.book = o.book;
    this.#clock = o.clock;
    this.#older = new Set(o.store.list('Node').map(({ metadata }) => metadata.uid));
  }

  /** A create on the Node's engine failed: perhaps only its answer was lost. */
  unanswered(node: Node): void {
    this.#doubts.set(keyOf(node), { lookedAtMs: undefined, isOver: false });
  }

  /** Containers on the Node's engine were just seen. */
  looked(node: Node): void {
    const key = keyOf(node);
    const nowMs = this.#clock.monotonic();
    const doubt = this.#doubts.get(key) ?? { lookedAtMs: nowMs, isOver: !this.#older.has(node.metadata.uid) };
    this.#doubts.set(key, doubt);
    doubt.lookedAtMs ??= nowMs;
    if (nowMs - doubt.lookedAtMs >= lateForMs) doubt.isOver = true;
  }

  /** The Node leaves its engine, on which nothing of it is now. Durable when it resolves. @throws {STATE_UNWRITABLE} */
  async leave(node: Node): Promise<void> {
    const key = keyOf(node);
    const isDoubtful = !(this.#doubts.get(key)?.isOver ?? !this.#older.has(node.metadata.uid));
    if (isDoubtful) await this.book.record({ node, sinceMs: this.#clock.now(), hasMoved: true });
    this.#doubts.delete(key);
  }

  /** Containers of this cluster are left where they are, on purpose. */
  async forgetCluster(cluster: string): Promise<void> {
    for (const debt of this.list(cluster)) await this.book.settle(debt);
  }

  list(cluster: string): readonly Debt[] {
    return this.book.list().filter(({ node }) => node.spec.cluster === cluster);
  }
}

function keyOf(node: Node): string {
  return `${node.metadata.uid ?? node.metadata.name} ${placeOf(node)} ${node.spec.cluster}`;
}
