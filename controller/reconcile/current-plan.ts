// The plan of a cluster as of now, from what the loops last saw. Pure apart from reading the caches.
import type { Cluster, Node } from '../api/resources.js';
import { suspensionOf } from '../api/suspension.js';
import type { Clock } from '../base/clock.js';
import type { Plan } from '../plan/action.js';
import type { DesiredCluster } from '../plan/desired-cluster.js';
import type { DesiredContainer } from '../plan/desired-container.js';
import type { Progress } from '../plan/next-actions.js';
import type { EngineObservation } from '../plan/observation.js';
import { planCluster } from '../plan/plan-cluster.js';
import type { Fleet } from './fleet.js';

export interface CurrentPlan {
  readonly plan: Plan;
  readonly progress: Progress;
  readonly desired: DesiredCluster;
}

interface Objects {
  getCluster(name: string): Cluster | undefined;
  getNode(name: string): Node | undefined;
}

/** @returns undefined until the cluster's own loop has said what is desired */
export function currentPlan(
  cluster: string,
  {
    fleet,
    store,
    clock,
  }: { readonly fleet: Fleet; readonly store: Objects; readonly clock: Pick<Clock, 'now'> },
): CurrentPlan | undefined {
  const known = fleet.desired(cluster);
  if (known === undefined) return undefined;
  const desired = withoutDeleted(known, store);
  const managers = fleet.managers(cluster);
  const engines = new Map<string, EngineObservation>();
  const failing = new Set<string>();
  for (const node of desired.nodes) {
    const view = fleet.view(node);
    if (view.type !== 'observed') continue;
    if (fleet.isShared(view.engine.id) && duplicateOf(node, { fleet, store }) !== undefined) continue;
    const manager = managers.get(node);
    engines.set(node, {
      ...view.observation,
      ...fleet.drift.view(view.engine.id),
      ...(manager === undefined ? {} : { isServing: manager.type === 'serving' }),
    });
    const object = store.getNode(node);
    // Nobody waits for a node that is left alone on purpose, either.
    const isSuspended = object !== undefined && suspensionOf(object, clock.now()) !== undefined;
    if (view.applyError !== undefined || isSuspended) failing.add(node);
  }
  const unknown = new Set(
    desired.containers
      .filter((container) => container.role === 'manage' && fleet.view(container.node).type === 'unknown')
      .map((container) => container.node),
  );
  return {
    plan: planCluster(desired, { engines }, fleet.decisions.decide),
    progress: { unknown, failing },
    desired,
  };
}

/**
 * What is desired on one node, as `currentPlan` would say it of the whole cluster.
 * @returns undefined until the cluster's own loop has said what is desired
 */
export function desiredOn(
  node: string,
  cluster: string,
  { fleet, store }: { readonly fleet: Fleet; readonly store: Objects },
): readonly DesiredContainer[] | undefined {
  if (fleet.desired(cluster) === undefined) return undefined;
  const isGoing = store.getCluster(cluster)?.metadata.deletionTimestamp !== undefined;
  return isGoing || !isKept(node, cluster, store) ? [] : fleet.desiredOn(cluster, node);
}

/**
 * The Node that has the same engine and came first; undefined when this one did. Two Nodes of one engine would take
 * each other's containers away, and a manager lists an engine ID once.
 */
export function duplicateOf(
  node: string,
  { fleet, store }: { readonly fleet: Fleet; readonly store: Objects },
): string | undefined {
  const view = fleet.view(node);
  if (view.type !== 'observed') return undefined;
  if (!fleet.isShared(view.engine.id)) return undefined;
  const [first] = fleet
    .nodesWithEngine(view.engine.id)
    .flatMap((name) => store.getNode(name) ?? [])
    .sort((a, b) => age(a).localeCompare(age(b)));
  return first === undefined || first.metadata.name === node ? undefined : first.metadata.name;
}

function age({ metadata }: Node): string {
  return `${metadata.creationTimestamp ?? ''} ${metadata.name}`;
}

/** What is being deleted is desired no longer, even where the cluster's loop has not come to it yet. */
function withoutDeleted(desired: DesiredCluster, store: Objects): DesiredCluster {
  if (store.getCluster(desired.name)?.metadata.deletionTimestamp !== undefined) {
    return { ...desired, containers: [] };
  }
  const kept = new Set(desired.nodes.filter((name) => isKept(name, desired.name, store)));
  if (kept.size === desired.nodes.length) return desired;
  return {
    ...desired,
    // A node that moved to another cluster is that cluster's business from now on.
    nodes: desired.nodes.filter((name) => store.getNode(name)?.spec.cluster === desired.name),
    containers: desired.containers.filter((container) => kept.has(container.node)),
  };
}

function isKept(name: string, cluster: string, store: Objects): boolean {
  const node = store.getNode(name);
  return node?.spec.cluster === cluster && node.metadata.deletionTimestamp === undefined;
}
