// The plan of a cluster as of now, from what the loops last saw. Pure apart from reading and keeping the caches.
import type { Cluster, Node } from '../api/resources.js';
import { suspensionOf } from '../api/suspension.js';
import type { Clock } from '../base/clock.js';
import type { Plan } from '../plan/action.js';
import type { DesiredCluster } from '../plan/desired-cluster.js';
import type { DesiredContainer } from '../plan/desired-container.js';
import type { LivePlan } from '../plan/live-plan.js';
import type { Progress } from '../plan/next-actions.js';
import type { Fleet, NodeView } from './fleet.js';
import type { NodeInputs } from './planned-cluster.js';

export interface CurrentPlan {
  readonly plan: Plan;
  readonly progress: Progress;
  readonly desired: DesiredCluster;
}

export interface Objects {
  getCluster(name: string): Cluster | undefined;
  getNode(name: string): Node | undefined;
  /** Counts changes of anything but status. */
  readonly objectsVersion: number;
}

export interface PlanPorts {
  readonly fleet: Fleet;
  readonly store: Objects;
  readonly clock: Pick<Clock, 'now'>;
}

/** @returns undefined until the cluster's own loop has said what is desired */
export function currentPlan(cluster: string, ports: PlanPorts): CurrentPlan | undefined {
  const live = livePlan(cluster, ports);
  const known = ports.fleet.desired(cluster);
  if (live === undefined || known === undefined) return undefined;
  return { plan: live.plan(), progress: live.progress(), desired: withoutDeleted(known, ports.store) };
}

/**
 * Brings the kept plan of a cluster up to date: what changed since it was last asked for is planned anew.
 * @param looking a node whose own loop asks: what only time changes about it is looked at, too
 * @returns undefined until the cluster's own loop has said what is desired
 */
export function livePlan(cluster: string, ports: PlanPorts, looking?: string): LivePlan | undefined {
  const planned = ports.fleet.planned(cluster);
  if (planned === undefined) return undefined;
  const { live, stale, desired } = planned;
  const { metadata, spec } = ports.store.getCluster(cluster) ?? {};
  const isGoing = metadata?.deletionTimestamp !== undefined;
  // Nothing is done to containers that are left where they are: with a plan for them, nodes would ring each other on and on.
  const isOrphaning = isGoing && spec?.deletionPolicy === 'Orphan';
  const refresh = (node: string): void =>
    planned.setNode(node, isOrphaning ? undefined : inputsOf(node, { cluster, isGoing, ports }));
  if (planned.objectsVersion === ports.store.objectsVersion) {
    for (const node of stale) if (planned.isPlanned(node)) refresh(node);
    if (looking !== undefined && planned.isPlanned(looking)) refresh(looking);
  } else {
    const nodes = new Set(desired.nodes);
    for (const node of [...live.nodes()]) if (!nodes.has(node)) planned.setNode(node, undefined);
    for (const node of nodes) refresh(node);
    planned.objectsVersion = ports.store.objectsVersion;
  }
  stale.clear();
  return live;
}

/** @returns undefined when the node is not of this cluster any more: it is that cluster's business from now on */
function inputsOf(
  name: string,
  {
    cluster,
    isGoing,
    ports,
  }: { readonly cluster: string; readonly isGoing: boolean; readonly ports: PlanPorts },
): NodeInputs | undefined {
  const { fleet, store, clock } = ports;
  const node = store.getNode(name);
  if (node?.spec.cluster !== cluster) return undefined;
  const containers = isGoing || !isKept(name, cluster, store) ? nothing : treated(node, ports);
  const view = fleet.view(name);
  const isManager = containers.some(({ role }) => role === 'manage');
  const unseen = { observation: undefined, drift: undefined, isServing: undefined, isFailing: false };
  const isUnknown = isManager && view.type === 'unknown';
  if (view.type !== 'observed' || isDuplicate(name, view, ports)) return { ...unseen, containers, isUnknown };
  const manager = fleet.managers(cluster).get(name);
  // Nobody waits for a node that is left alone on purpose, either.
  const isSuspended = suspensionOf(node, clock.now()) !== undefined;
  return {
    containers,
    observation: view.observation,
    drift: fleet.drift.view(view.engine.id),
    isServing: manager && manager.type === 'serving',
    isFailing: view.applyError !== undefined || isSuspended,
    isUnknown,
  };
}

const nothing: readonly DesiredContainer[] = [];

/**
 * Those desired on a node, treated as its manifest says now: who changes the policy hears of it from the node, which may be
 * faster than the cluster's loop.
 */
function treated(node: Node, { fleet, store }: PlanPorts): readonly DesiredContainer[] {
  const { cluster } = node.spec;
  const containers = fleet.desiredOn(cluster, node.metadata.name);
  const policy = node.spec.driftPolicy ?? store.getCluster(cluster)?.spec.driftPolicy;
  const isReported = policy === 'Report';
  if (containers.every(({ driftPolicy }) => (driftPolicy === 'Report') === isReported)) return containers;
  return containers.map(({ driftPolicy: _, ...container }) =>
    isReported ? { ...container, driftPolicy: 'Report' } : container,
  );
}

function isDuplicate(
  node: string,
  view: NodeView & { readonly type: 'observed' },
  ports: Pick<PlanPorts, 'fleet' | 'store'>,
): boolean {
  return ports.fleet.isShared(view.engine.id) && duplicateOf(node, ports) !== undefined;
}

/**
 * What is desired on one node, as `currentPlan` would say it of the whole cluster.
 * @returns undefined until the cluster's own loop has said what is desired
 */
export function desiredOn(
  node: string,
  cluster: string,
  { fleet, store }: { readonly fleet: Fleet; readonly store: Omit<Objects, 'objectsVersion'> },
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
  { fleet, store }: { readonly fleet: Fleet; readonly store: Pick<Objects, 'getNode'> },
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
function withoutDeleted(desired: DesiredCluster, store: Omit<Objects, 'objectsVersion'>): DesiredCluster {
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

function isKept(name: string, cluster: string, store: Pick<Objects, 'getNode'>): boolean {
  const node = store.getNode(name);
  return node?.spec.cluster === cluster && node.metadata.deletionTimestamp === undefined;
}
