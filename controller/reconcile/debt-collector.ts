// Comes back to engines that did not answer when their Node was deleted, and removes what the Node left there.
import type { Node } from '../api/resources.js';
import { managerVolumeName } from '../api/agent-role.js';
import { suspensionOf, suspensionOfNode } from '../api/suspension.js';
import type { CancelTimer } from '../base/clock.js';
import { isSwarmError, messageOf, SwarmError } from '../base/errors.js';
import type { EngineEndpoint } from '../engine/endpoint.js';
import { clearLeft, clearsItself, isLeftBy, nodesAt } from './clear-left.js';
import type { Debt } from './debt-book.js';
import type { ReconcilePorts } from './ports.js';
import { resolveNode } from './resolve-node.js';

/** An engine that is back is cleared within half a minute; asking costs one refused connection. */
const intervalMs = 30_000;
/** After a debt is new, or waits for a Node to arrive elsewhere. */
const soonMs = 2000;
/** Dead engines take ten seconds each; a few at a time finish a hundred of them in a few minutes. */
const atOnce = 4;
/** An engine that was never seen holds nothing we know of: most likely its address was a slip. */
const unseenForMs = 24 * 3600_000;

export class DebtCollector {
  readonly #ports: ReconcilePorts;
  readonly #abort = new AbortController();
  #cancelTimer: CancelTimer | undefined;
  #round: Promise<void> | undefined;
  /** Whether the next round comes soon. */
  #isHurried = false;

  constructor(ports: ReconcilePorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#schedule(0);
    this.#ports.debts.subscribe(() => {
      this.#isHurried = true;
      if (this.#round === undefined) this.#schedule(soonMs);
    });
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#abort.abort(new SwarmError('ABORTED', 'The operator stops'));
    this.#cancelTimer?.();
    await this.#round;
  }

  /** Tries every debt once. */
  async collect(): Promise<void> {
    const { debts, logger } = this.#ports;
    const owed = debts.list();
    for (let start = 0; start < owed.length; start += atOnce) {
      await Promise.all(
        owed.slice(start, start + atOnce).map(async (debt) => {
          try {
            await this.#collectOne(debt);
          } catch (error) {
            if (this.#abort.signal.aborted) return;
            logger.debug(`Still owed by ${debt.node.metadata.name}: ${messageOf(error)}`);
          }
        }),
      );
      if (this.#abort.signal.aborted) return;
    }
  }

  #schedule(delayMs: number): void {
    this.#cancelTimer?.();
    if (this.#abort.signal.aborted) return;
    this.#cancelTimer = this.#ports.clock.setTimer(delayMs, () => {
      this.#isHurried = false;
      this.#round = this.collect().finally(() => {
        this.#round = undefined;
        this.#schedule(this.#isHurried ? soonMs : intervalMs);
      });
    });
  }

  async #collectOne(debt: Debt): Promise<void> {
    const { debts, store, machines, clock, late } = this.#ports;
    const { node, hasMoved } = debt;
    if (!(await debts.isOwed(debt))) return this.#settle(debt, 'its record was removed');
    const cluster = store.getCluster(node.spec.cluster);
    if (cluster !== undefined && suspensionOf(cluster, clock.now()) !== undefined) return;
    const { endpoint, resolved, error } = await resolveNode(node, { cluster, machines });
    if (isSwarmError(error, 'MACHINE_NOT_FOUND')) return this.#settle(debt, 'its machine is gone');
    const there = nodesAt(node, resolved.address, this.#ports);
    // The loop of that node sees what is on the engine, and clears what does not belong there. Of a volume whose container
    // is gone it does not know.
    const successor = there.find((other) => clearsItself(other, store));
    if (successor !== undefined && this.#isLeftWith(successor.metadata.name, node)) return;
    if (successor !== undefined || debt.isVolume === true) {
      if (!(await this.#clearVolume(debt, { there, endpoint }))) return;
      if (debt.isVolume !== true) await late.leave(node);
      const heir = successor === undefined ? '' : `node ${successor.metadata.name} has the engine now`;
      return this.#settle(debt, debt.isVolume === true ? 'the volume of its manager is gone' : heir);
    }
    const isUnseen = node.status?.engine === undefined;
    if (isUnseen && clock.now() - debt.sinceMs > unseenForMs) {
      return this.#settle(debt, 'its engine has never answered');
    }
    // Credentials that cannot be read now: another time.
    if (endpoint === undefined) return;
    if (hasMoved === true && this.#isOnItsWay(node)) {
      this.#isHurried = true;
      return;
    }
    const cleared = await clearLeft(node, {
      ...{ endpoint, ports: this.#ports, signal: this.#abort.signal },
      why: `node ${node.metadata.name} was deleted while its engine did not answer`,
      isVolumeLeft: true,
    });
    if (cleared === undefined) return;
    const { owner } = cleared;
    await late.leave(node);
    if (owner !== undefined) return this.#settle(debt, `node ${owner} has the engine, by another address`);
    await this.#settle(
      debt,
      hasMoved === true
        ? 'what was left on the engine before is removed'
        : 'its engine is back, and what was left there is removed',
    );
  }

  /**
   * Removes what a manager kept on an engine on which none of that cluster is to run any more.
   * @returns false: not now, a container may still use it
   */
  async #clearVolume(
    { node }: Debt,
    { there, endpoint }: { readonly there: readonly Node[]; readonly endpoint: EngineEndpoint | undefined },
  ): Promise<boolean> {
    const { store, clock, outside } = this.#ports;
    const { cluster, roles } = node.spec;
    const isWanted = there.some(
      ({ metadata, spec }) =>
        spec.roles.includes('manager') &&
        spec.cluster === cluster &&
        metadata.deletionTimestamp === undefined,
    );
    if (!roles.includes('manager') || isWanted) return true;
    const isSuspended = there.some(
      (other) => suspensionOfNode(other, store.getCluster(other.spec.cluster), clock.now()) !== undefined,
    );
    if (endpoint === undefined || isSuspended) return false;
    const client = outside.connect(endpoint);
    try {
      await client.removeVolume(managerVolumeName(cluster), this.#abort.signal);
      return true;
    } catch (error) {
      if (!isSwarmError(error, 'OBJECT_CONFLICT')) throw error;
      // Its container goes first. One of a cluster that is gone was left on purpose, and keeps its volume.
      if (store.getCluster(cluster) === undefined) return true;
      this.#isHurried = true;
      return false;
    } finally {
      await client.close();
    }
  }

  /** Whether a Node has still to clear what another one left on its engine: it may leave, too, before it does. */
  #isLeftWith(successor: string, { metadata }: Node): boolean {
    if (successor === metadata.name) return false;
    const view = this.#ports.fleet.view(successor);
    if (view.type !== 'observed') return true;
    return view.observation.containers.some((container) =>
      isLeftBy(metadata.name, container, this.#ports.installation),
    );
  }

  /** Whether a Node has not been seen on its new engine yet: until then the one before may be all it has. */
  #isOnItsWay({ metadata }: Node): boolean {
    const { store, fleet } = this.#ports;
    const now = store.getNode(metadata.name);
    const isStaying = now?.metadata.uid === metadata.uid && now?.metadata.deletionTimestamp === undefined;
    return isStaying && fleet.view(metadata.name).type !== 'observed';
  }

  async #settle(debt: Debt, why: string): Promise<void> {
    const { debts, story, enqueue } = this.#ports;
    await debts.settle(debt);
    const { name } = debt.node.metadata;
    const key = { kind: 'Cluster', name: debt.node.spec.cluster } as const;
    story.tell(key, {
      type: 'Normal',
      reason: 'DebtSettled',
      message: `Node ${name} owes nothing any more: ${why}`,
    });
    enqueue(key);
  }
}
