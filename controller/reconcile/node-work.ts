// What the loop of one Node may do now, from the plan of its cluster and the special cases around deletion. Pure apart
// from reading the caches.
import { containerLabels } from '../api/labels.js';
import type { Cluster } from '../api/resources.js';
import type { Suspension } from '../api/suspension.js';
import type { Action } from '../plan/action.js';
import type { ContainerDrift } from '../plan/find-drift.js';
import type { ObservedContainer } from '../plan/observation.js';
import { discard } from '../plan/plan-container.js';
import { duplicateOf, livePlan, type PlanPorts } from './current-plan.js';
import { phaseOf } from './phase.js';

export interface Work {
  readonly actions: readonly Action[];
  /** false: they are only told, as in a suspended cluster. */
  readonly mayAct: boolean;
  /** Whether `actions` take a running container away. */
  readonly isDisruptive: boolean;
  /** What is to be done or waited for; absent when this engine is as desired. */
  readonly pending?: string;
  /** Who is waited for right now; for the debug log. */
  readonly waitsFor?: string;
  /** A foreign container in the way. */
  readonly problem?: string;
  /** What others changed about containers on this engine. */
  readonly drifts: readonly ContainerDrift[];
  /** A deleted Node may go although containers are left: they belong to somebody else or are orphaned on purpose. */
  readonly leavesContainers: boolean;
}

export function findWork(options: {
  readonly node: string;
  readonly cluster: Cluster | undefined;
  readonly clusterName: string;
  readonly isDeleting: boolean;
  /** With our installation label. */
  readonly own: readonly ObservedContainer[];
  /** Why nothing may be done now. */
  readonly suspension: Suspension | undefined;
  readonly ports: PlanPorts;
}): Work {
  const { node, cluster, clusterName, own, ports } = options;
  const mayAct = options.suspension === undefined;
  const idle: Work = { actions: [], mayAct, isDisruptive: false, leavesContainers: false, drifts: [] };
  if (duplicateOf(node, ports) !== undefined) return { ...idle, leavesContainers: true };
  if (cluster === undefined) {
    // What carries the missing cluster's own label was orphaned on purpose, or waits for the cluster to come back.
    const foreign = own.filter((container) => container.labels[containerLabels.cluster] !== clusterName);
    return {
      ...idle,
      ...toWork(removals(node, foreign, `${node} is in cluster ${clusterName} now`)),
      leavesContainers: true,
    };
  }
  const isClusterGoing = cluster.metadata.deletionTimestamp !== undefined;
  if (isClusterGoing && cluster.spec.deletionPolicy === 'Orphan') return { ...idle, leavesContainers: true };
  if (options.isDeleting || isClusterGoing) {
    const why = options.isDeleting ? `node ${node} is deleted` : `cluster ${clusterName} is deleted`;
    return { ...idle, ...toWork(removals(node, own, why)) };
  }
  const live = livePlan(clusterName, ports, node);
  if (live === undefined) return idle;
  const next = live.next(node);
  // Whose turn it is knows now; whose turn it is not is told when it comes.
  live.setTold(node, next.actions.length > 0 && mayAct);
  const { problems = [], drifts = [] } = live.part(node) ?? {};
  const [problem] = problems;
  const wait = live.waitOf(node);
  const waiting =
    wait === undefined ? next.waitsFor && `Waiting for ${next.waitsFor.phase}` : `Waiting: ${wait.message}`;
  const work = toWork(next.actions);
  return {
    ...idle,
    ...work,
    drifts,
    ...(work.pending === undefined && waiting !== undefined ? { pending: waiting } : {}),
    ...(next.waitsFor === undefined ? {} : { waitsFor: next.waitsFor.detail }),
    ...(problem === undefined ? {} : { problem: problem.message }),
  };
}

function removals(node: string, containers: readonly ObservedContainer[], why: string): readonly Action[] {
  return containers
    .filter((container) => container.state !== 'removing')
    .map((container) => discard(node, container, why));
}

function toWork(actions: readonly Action[]): Pick<Work, 'actions' | 'isDisruptive' | 'pending'> {
  return {
    actions,
    isDisruptive: actions.some((action) => action.type === 'RemoveContainer'),
    ...(actions.length === 0 ? {} : { pending: phaseOf(actions) }),
  };
}
