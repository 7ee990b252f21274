// The decision of the operator: desired and observed containers of a cluster in, ordered actions out. Pure.
import type { Plan, PlanWait, Stage } from './action.js';
import type { DesiredCluster } from './desired-cluster.js';
import { containersByNode } from './desired-container.js';
import type { ClusterObservation } from './observation.js';
import { planNode, type NodePart } from './plan-node.js';

/**
 * Stages in order: the image, clear what stands in the way, discovery, managers one at a time, join containers (missing ones at
 * once, replacements `maxUnavailable` at a time), removal of what is no longer desired. Engines that were not observed
 * get no actions. A converged cluster gives an empty plan.
 */
export function planCluster(desired: DesiredCluster, observed: ClusterObservation): Plan {
  const containers = containersByNode(desired.containers);
  const parts = desired.nodes.flatMap((node) => {
    const engine = observed.engines.get(node);
    if (engine === undefined) return [];
    return [planNode(node, { frame: desired, containers: containers.get(node) ?? [], engine })];
  });
  return joinParts(parts, desired.maxUnavailable);
}

/**
 * The plan of a cluster from those of its nodes.
 * @param parts sorted by node
 */
export function joinParts(parts: readonly NodePart[], maxUnavailable: number): Plan {
  const managers = planManagers(parts);
  const stages: readonly Stage[] = [
    {
      name: 'images',
      isPreparation: true,
      actions: parts.flatMap(({ image }) => (image === undefined ? [] : [image])),
    },
    { name: 'clear', actions: parts.flatMap(({ inTheWay }) => inTheWay) },
    { name: 'discovery', actions: parts.flatMap(({ steps }) => steps.discovery?.actions ?? []) },
    ...managers.stages,
    ...planJoins(parts, maxUnavailable),
    { name: 'removals', actions: parts.flatMap(({ unwanted }) => unwanted) },
  ];
  return {
    stages: stages.filter((stage) => stage.actions.length > 0),
    problems: parts.flatMap(({ problems }) => problems),
    waits: [...parts.flatMap(({ waits }) => waits), ...managers.waits],
    drifts: parts.flatMap(({ drifts }) => drifts),
  };
}

export interface ManagersPlan {
  /** One for each manager that has something to do now. */
  readonly stages: readonly (Stage & { readonly node: string })[];
  readonly waits: readonly PlanWait[];
}

/**
 * Managers one at a time: those that serve nobody first, and a serving one is only replaced while every other
 * up-to-date manager is known to serve, so that a bad image cannot take the whole API down.
 */
export function planManagers(parts: readonly NodePart[]): ManagersPlan {
  const steps = parts.flatMap(({ node, steps: { manage }, isServing }) =>
    manage === undefined ? [] : [{ node, ...manage, isServing: isServing === true }],
  );
  const gentle = steps.filter((step) => !step.isDisruptive);
  const idle = steps.filter((step) => step.isDisruptive && !step.isServing);
  const serving = steps.filter((step) => step.isDisruptive && step.isServing);
  const silent = parts.find(
    (part) => part.isManager && part.steps.manage === undefined && part.isServing === false,
  );
  const stagesOf = (some: typeof steps): ManagersPlan['stages'] =>
    some.map(({ node, isDisruptive, actions }) => ({
      name: `manager ${node}`,
      node,
      ...(isDisruptive ? { disrupts: 'manage' as const } : {}),
      actions,
    }));
  const first = serving[0];
  if (first !== undefined && silent !== undefined) {
    return {
      stages: stagesOf([...gentle, ...idle]),
      waits: [
        {
          node: first.node,
          message: `the manager on ${silent.node} does not serve yet; replacing waits`,
        },
      ],
    };
  }
  return { stages: stagesOf([...gentle, ...idle, ...serving]), waits: [] };
}

function planJoins(parts: readonly NodePart[], maxUnavailable: number): readonly Stage[] {
  const steps = parts.flatMap(({ steps: { join } }) => (join === undefined ? [] : [join]));
  const repairs = steps.filter((step) => !step.isDisruptive);
  const replacements = steps.filter((step) => step.isDisruptive);
  const stages: Stage[] = [{ name: 'joins', actions: repairs.flatMap((step) => step.actions) }];
  const size = batchSize(maxUnavailable);
  for (let start = 0; start < replacements.length; start += size) {
    stages.push({
      name: batchName(start, { size, total: replacements.length }),
      disrupts: 'join',
      actions: replacements.slice(start, start + size).flatMap((step) => step.actions),
    });
  }
  return stages;
}

/** How many join containers are replaced at a time. */
export function batchSize(maxUnavailable: number): number {
  return Math.max(1, maxUnavailable);
}

/** `joins 26–50 of 80`. */
export function batchName(
  start: number,
  { size, total }: { readonly size: number; readonly total: number },
): string {
  return `joins ${start + 1}–${Math.min(start + size, total)} of ${total}`;
}
