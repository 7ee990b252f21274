// Looks again at engines that Nodes have left while one of their creates may still be under way, until none can come any
// more, and removes what they made late.
import { suspensionOf } from '../api/suspension.js';
import type { CancelTimer } from '../base/clock.js';
import { isSwarmError, messageOf, SwarmError } from '../base/errors.js';
import { clearLeft, clearsItself, nodesAt } from './clear-left.js';
import type { Debt } from './debt-book.js';
import { lateForMs } from './late-creates.js';
import type { ReconcilePorts } from './ports.js';
import { resolveNode } from './resolve-node.js';

/** What comes late mostly comes at once. Each look waits twice as long as the one before: seven in ten minutes. */
const firstLookMs = 5000;
/** An engine that is not back after that was taken away together with its Node. */
const awayForMs = 24 * 3600_000;
/** Dead engines take ten seconds each; this is no hurry, and leaves the sockets to those that are in one. */
const atOnce = 4;

interface Watch {
  /** Monotonic: the first look that succeeded. */
  lookedAtMs: number | undefined;
  nextAtMs: number;
  delayMs: number;
}

export class LateCollector {
  readonly #ports: ReconcilePorts;
  readonly #abort = new AbortController();
  /** New in each process: a clock that was set meanwhile ends nothing early. */
  readonly #watches = new WeakMap<Debt, Watch>();
  #cancelTimer: CancelTimer | undefined;
  #round: Promise<void> | undefined;

  constructor(ports: ReconcilePorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#ports.late.book.subscribe(() => {
      if (this.#round === undefined) this.#schedule();
    });
    this.#schedule();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#abort.abort(new SwarmError('ABORTED', 'The operator stops'));
    this.#cancelTimer?.();
    await this.#round;
  }

  /** Looks at those whose turn it is. */
  async collect(): Promise<void> {
    const { late, clock, logger } = this.#ports;
    const nowMs = clock.monotonic();
    const due = late.book.list().filter((debt) => this.#watchOf(debt).nextAtMs <= nowMs);
    for (let start = 0; start < due.length; start += atOnce) {
      await Promise.all(
        due.slice(start, start + atOnce).map(async (debt) => {
          const watch = this.#watchOf(debt);
          watch.nextAtMs = clock.monotonic() + watch.delayMs;
          watch.delayMs = Math.min(watch.delayMs * 2, lateForMs / 2);
          try {
            if (await this.#isOver(debt, watch)) await late.book.settle(debt);
          } catch (error) {
            if (this.#abort.signal.aborted) return;
            logger.debug(
              `Cannot look for late containers of ${debt.node.metadata.name}: ${messageOf(error)}`,
            );
          }
        }),
      );
      if (this.#abort.signal.aborted) return;
    }
  }

  #watchOf(debt: Debt): Watch {
    const nowMs = this.#ports.clock.monotonic();
    const watch = this.#watches.get(debt) ?? {
      ...{ lookedAtMs: undefined, delayMs: firstLookMs },
      nextAtMs: nowMs + firstLookMs,
    };
    this.#watches.set(debt, watch);
    return watch;
  }

  /** At rest there is nobody to look for, and no timer. */
  #schedule(): void {
    this.#cancelTimer?.();
    const { late, clock } = this.#ports;
    const all = late.book.list().map((debt) => this.#watchOf(debt).nextAtMs);
    if (this.#abort.signal.aborted || all.length === 0) return;
    const nextAtMs = all.reduce((a, b) => Math.min(a, b));
    this.#cancelTimer = clock.setTimer(Math.max(0, nextAtMs - clock.monotonic()), () => {
      this.#round = this.collect().finally(() => {
        this.#round = undefined;
        this.#schedule();
      });
    });
  }

  /** Whether nothing is to be expected any more. @throws {ENGINE_*} */
  async #isOver(debt: Debt, watch: Watch): Promise<boolean> {
    const { late, store, fleet, machines, clock } = this.#ports;
    const { node } = debt;
    const { name } = node.metadata;
    if (!(await late.book.isOwed(debt)) || clock.now() - debt.sinceMs > awayForMs) return true;
    const cluster = store.getCluster(node.spec.cluster);
    if (cluster !== undefined && suspensionOf(cluster, clock.now()) !== undefined) return false;
    const { endpoint, resolved, error } = await resolveNode(node, { cluster, machines });
    if (isSwarmError(error, 'MACHINE_NOT_FOUND')) return true;
    const successor = nodesAt(node, resolved.address, this.#ports).find((one) => clearsItself(one, store));
    if (successor !== undefined) {
      // Its loop removes what does not belong there.
      if (fleet.view(successor.metadata.name).type !== 'observed') return false;
    } else {
      // Where the Node of that name is now is not known yet: it may be this very engine, by another address.
      if (store.getNode(name) !== undefined && fleet.view(name).type !== 'observed') return false;
      // Credentials that cannot be read now: another time.
      if (endpoint === undefined) return false;
      const why = `node ${name} had left before its engine made it`;
      const signal = this.#abort.signal;
      const options = { endpoint, why, isVolumeLeft: false, ports: this.#ports, signal };
      if ((await clearLeft(node, options)) === undefined) return false;
    }
    const nowMs = clock.monotonic();
    watch.lookedAtMs ??= nowMs;
    return nowMs - watch.lookedAtMs >= lateForMs;
  }
}
