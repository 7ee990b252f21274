// Comes back to engines that did not answer when their Node was deleted, and removes what the Node left there.
import { formatHostPort } from '../api/engine-address.js';
import { containerLabels } from '../api/labels.js';
import { agentContainerName, agentRoles } from '../api/agent-role.js';
import { suspensionOf } from '../api/suspension.js';
import type { CancelTimer } from '../base/clock.js';
import { isSwarmError, messageOf, SwarmError } from '../base/errors.js';
import type { EngineEndpoint } from '../engine/endpoint.js';
import { discard } from '../plan/plan-container.js';
import { applyActions } from './apply-plan.js';
import type { Debt } from './debt-book.js';
import { observeEngine } from './observe-engine.js';
import type { ReconcilePorts } from './ports.js';
import { resolveNode } from './resolve-node.js';

/** An engine that is back is cleared within half a minute; asking costs one refused connection. */
const intervalMs = 30_000;
/** Dead engines take ten seconds each; a few at a time finish a hundred of them in a few minutes. */
const atOnce = 4;
/** An engine that was never seen holds nothing we know of: most likely its address was a slip. */
const unseenForMs = 24 * 3600_000;

export class DebtCollector {
  readonly #ports: ReconcilePorts;
  readonly #abort = new AbortController();
  #cancelTimer: CancelTimer | undefined;
  #round: Promise<void> | undefined;

  constructor(ports: ReconcilePorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#schedule(0);
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
    if (this.#abort.signal.aborted) return;
    this.#cancelTimer = this.#ports.clock.setTimer(delayMs, () => {
      this.#round = this.collect().finally(() => this.#schedule(intervalMs));
    });
  }

  async #collectOne(debt: Debt): Promise<void> {
    const { debts, store, machines, clock, fleet } = this.#ports;
    const { node } = debt;
    if (!(await debts.isOwed(debt))) return this.#settle(debt, 'its record was removed');
    const cluster = store.getCluster(node.spec.cluster);
    if (cluster !== undefined && suspensionOf(cluster, clock.now()) !== undefined) return;
    const { endpoint, resolved, error } = await resolveNode(node, { cluster, machines });
    if (isSwarmError(error, 'MACHINE_NOT_FOUND')) return this.#settle(debt, 'its machine is gone');
    const address = resolved.address === undefined ? undefined : formatHostPort(resolved.address);
    const successor = store.list('Node').find((other) => {
      const place = fleet.lastResolved(other.metadata.name)?.address;
      if (place === undefined || formatHostPort(place) !== address) return false;
      // The Node itself, which outlived its Cluster, counts once there is such a Cluster again.
      const home = store.getCluster(other.spec.cluster);
      const isAtHome = home !== undefined && home.metadata.deletionTimestamp === undefined;
      return (
        other.metadata.deletionTimestamp === undefined &&
        (isAtHome || other.metadata.uid !== node.metadata.uid)
      );
    });
    // The loop of that node sees what is on the engine, and clears what does not belong there.
    if (successor !== undefined)
      return this.#settle(debt, `node ${successor.metadata.name} has the engine now`);
    const isUnseen = node.status?.engine === undefined;
    if (isUnseen && clock.now() - debt.sinceMs > unseenForMs) {
      return this.#settle(debt, 'its engine has never answered');
    }
    // Credentials that cannot be read now: another time.
    if (endpoint === undefined) return;
    await this.#clear(node, endpoint);
    await this.#settle(debt, 'its engine is back, and what was left there is removed');
  }

  /** @throws {ENGINE_*} */
  async #clear(node: Debt['node'], endpoint: EngineEndpoint): Promise<void> {
    const { clock, images, delivered, installation, outside, story } = this.#ports;
    const { name } = node.metadata;
    const signal = this.#abort.signal;
    const client = outside.connect(endpoint);
    try {
      const { observation } = await observeEngine(client, {
        ...{ installation, clock, signal, image: undefined, filesHashOf: () => undefined },
        names: agentRoles.map((role) => agentContainerName(node.spec.cluster, role)),
      });
      const left = observation.containers.filter(
        ({ labels }) =>
          labels[containerLabels.installation] === installation && labels[containerLabels.node] === name,
      );
      await applyActions(
        left.map((container) =>
          discard(name, container, `node ${name} was deleted while its engine did not answer`),
        ),
        {
          ...{ client, images, delivered, installation, signal },
          tell: (happening) => story.tell({ kind: 'Node', name }, happening),
        },
      );
    } finally {
      await client.close();
    }
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
