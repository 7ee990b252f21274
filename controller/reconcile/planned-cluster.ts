// The plan of one cluster and what it was made from, node by node, so that a node is planned anew only when something of
// its own changed.
import type { DesiredCluster } from '../plan/desired-cluster.js';
import type { DesiredContainer } from '../plan/desired-container.js';
import { LivePlan } from '../plan/live-plan.js';
import type { EngineObservation } from '../plan/observation.js';
import { planNode, type PlanFrame } from '../plan/plan-node.js';
import type { DriftView } from './drift-book.js';

/** What the part of one node is made from. Equal fields of the same identity make an equal part. */
export interface NodeInputs {
  readonly containers: readonly DesiredContainer[];
  /** Absent while its engine is not known, or is another node's. */
  readonly observation: EngineObservation | undefined;
  readonly drift: DriftView | undefined;
  readonly isServing: boolean | undefined;
  readonly isFailing: boolean;
  readonly isUnknown: boolean;
}

/** Before every version of a store. */
const never = -1;

export class PlannedCluster {
  readonly live: LivePlan;
  /** Nodes of which something may have changed since they were last looked at. */
  readonly stale = new Set<string>();
  /** Of the store's objects when all nodes were last looked at. */
  objectsVersion = never;
  #desired: DesiredCluster;
  readonly #inputs = new Map<string, NodeInputs>();

  constructor(desired: DesiredCluster) {
    this.#desired = desired;
    this.live = new LivePlan(desired.maxUnavailable);
  }

  get desired(): DesiredCluster {
    return this.#desired;
  }

  /** Every node has to be looked at again; those for which nothing changed keep their parts. */
  setDesired(desired: DesiredCluster): void {
    if (frameKey(desired) !== frameKey(this.#desired)) this.#inputs.clear();
    this.#desired = desired;
    this.live.setMaxUnavailable(desired.maxUnavailable);
    this.objectsVersion = never;
  }

  isPlanned(node: string): boolean {
    return this.#inputs.has(node);
  }

  /** @param inputs undefined when the node is none of this cluster's any more */
  setNode(node: string, inputs: NodeInputs | undefined): void {
    const before = this.#inputs.get(node);
    if (inputs === undefined) {
      this.#inputs.delete(node);
      this.live.set(node, undefined);
      return;
    }
    if (before !== undefined && isSame(before, inputs)) return;
    this.#inputs.set(node, inputs);
    const { isFailing, isUnknown } = inputs;
    const part = partOf(node, { inputs, frame: this.#desired });
    this.live.set(node, { isFailing, isUnknown, ...(part === undefined ? {} : { part }) });
  }
}

function partOf(
  node: string,
  { inputs, frame }: { readonly inputs: NodeInputs; readonly frame: PlanFrame },
): ReturnType<typeof planNode> | undefined {
  const { containers, observation, drift, isServing } = inputs;
  if (observation === undefined) return undefined;
  const engine = { ...observation, ...drift, ...(isServing === undefined ? {} : { isServing }) };
  return planNode(node, { frame, containers, engine });
}

function isSame(a: NodeInputs, b: NodeInputs): boolean {
  return (
    a.observation === b.observation &&
    a.drift === b.drift &&
    a.isServing === b.isServing &&
    a.isFailing === b.isFailing &&
    a.isUnknown === b.isUnknown &&
    a.containers.length === b.containers.length &&
    a.containers.every((container, index) => container === b.containers[index])
  );
}

/** What of a cluster is in the plan of every node. */
function frameKey({ installation, name, image }: PlanFrame): string {
  return JSON.stringify([installation, name, image.reference, image.source]);
}
