// The decision of the operator: desired and observed containers of a cluster in, ordered actions out. Pure.
import { containerLabels } from '../api/labels.js';
import type { AgentRole } from '../api/agent-role.js';
import type { Action, Plan, PlanProblem, PlanWait, Stage } from './action.js';
import type { Decide } from './decision-memo.js';
import type { DesiredCluster } from './desired-cluster.js';
import { containersByNode, type DesiredContainer } from './desired-container.js';
import type { ContainerDrift } from './find-drift.js';
import type { ClusterObservation, EngineObservation, ObservedContainer } from './observation.js';
import { decideContainer, discard, isUp, remove } from './plan-container.js';

interface Step {
  readonly container: DesiredContainer;
  readonly actions: readonly Action[];
  readonly isDisruptive: boolean;
}

/**
 * Stages in order: the image, clear what stands in the way, discovery, managers one at a time, join containers (missing ones at
 * once, replacements `maxUnavailable` at a time), removal of what is no longer desired. Engines that were not observed
 * get no actions. A converged cluster gives an empty plan.
 * @param decide what each container needs; a `DecisionMemo` gives the same faster
 */
export function planCluster(
  desired: DesiredCluster,
  observed: ClusterObservation,
  decide: Decide = decideContainer,
): Plan {
  const problems: PlanProblem[] = [];
  const waits: PlanWait[] = [];
  const drifts: ContainerDrift[] = [];
  const steps: Record<AgentRole, Step[]> = { discovery: [], manage: [], join: [] };
  for (const container of desired.containers) {
    const engine = observed.engines.get(container.node);
    if (engine === undefined) continue;
    const decision = decide(container, { engine, installation: desired.installation });
    if (decision.drift !== undefined) drifts.push(decision.drift);
    switch (decision.type) {
      case 'none':
        break;
      case 'wait':
        waits.push({ node: container.node, message: decision.message });
        break;
      case 'foreign':
        problems.push(foreignProblem(container, decision.container));
        break;
      default:
        steps[container.role].push({
          container,
          actions: decision.actions,
          isDisruptive: decision.type === 'replace',
        });
    }
  }
  const managers = planManagers(desired, { observed, steps: steps.manage });
  const left = drifts.filter(({ treatment }) => treatment.type !== 'heal');
  const leftovers = findLeftovers(desired, { observed, left });
  const all = [...steps.discovery, ...steps.manage, ...steps.join];
  const stages: readonly Stage[] = [
    { name: 'images', isPreparation: true, actions: planImages(desired, { observed, steps: all }) },
    { name: 'clear', actions: leftovers.inTheWay },
    { name: 'discovery', actions: steps.discovery.flatMap((step) => step.actions) },
    ...managers.stages,
    ...planJoins(steps.join, desired.maxUnavailable),
    { name: 'removals', actions: leftovers.unwanted },
  ];
  return {
    stages: stages.filter((stage) => stage.actions.length > 0),
    problems,
    waits: [...waits, ...managers.waits],
    drifts,
  };
}

/**
 * The image goes first wherever a container will be made: replacing one takes it away for a moment only, and an image
 * that cannot be had takes nothing away.
 */
function planImages(
  desired: DesiredCluster,
  { observed, steps }: { readonly observed: ClusterObservation; readonly steps: readonly Step[] },
): readonly Action[] {
  const { reference, source } = desired.image;
  const creating = steps.filter((step) => step.actions.some((action) => action.type === 'CreateContainer'));
  return [...new Set(creating.map((step) => step.container.node))]
    .filter((node) => observed.engines.get(node)?.images.includes(reference) !== true)
    .sort()
    .map((node) => ({ type: source === 'archive' ? 'LoadImage' : 'PullImage', node, reference }));
}

/**
 * Managers one at a time: those that serve nobody first, and a serving one is only replaced while every other
 * up-to-date manager is known to serve, so that a bad image cannot take the whole API down.
 */
function planManagers(
  desired: DesiredCluster,
  { observed, steps }: { readonly observed: ClusterObservation; readonly steps: readonly Step[] },
): { readonly stages: readonly Stage[]; readonly waits: readonly PlanWait[] } {
  const stageOf = (step: Step): Stage => ({
    name: `manager ${step.container.node}`,
    ...(step.isDisruptive ? { disrupts: 'manage' as const } : {}),
    actions: step.actions,
  });
  const isServing = (step: Step): boolean => observed.engines.get(step.container.node)?.isServing === true;
  const gentle = steps.filter((step) => !step.isDisruptive);
  const idle = steps.filter((step) => step.isDisruptive && !isServing(step));
  const serving = steps.filter((step) => step.isDisruptive && isServing(step));
  const pending = new Set(steps.map((step) => step.container.node));
  const silent = desired.containers.find(
    (container) =>
      container.role === 'manage' &&
      !pending.has(container.node) &&
      observed.engines.get(container.node)?.isServing === false,
  );
  const first = serving[0];
  if (first !== undefined && silent !== undefined) {
    return {
      stages: [...gentle, ...idle].map(stageOf),
      waits: [
        {
          node: first.container.node,
          message: `the manager on ${silent.node} does not serve yet; replacing waits`,
        },
      ],
    };
  }
  return { stages: [...gentle, ...idle, ...serving].map(stageOf), waits: [] };
}

function planJoins(steps: readonly Step[], maxUnavailable: number): readonly Stage[] {
  const repairs = steps.filter((step) => !step.isDisruptive);
  const replacements = steps.filter((step) => step.isDisruptive);
  const stages: Stage[] = [{ name: 'joins', actions: repairs.flatMap((step) => step.actions) }];
  const size = Math.max(1, maxUnavailable);
  for (let start = 0; start < replacements.length; start += size) {
    stages.push({
      name: `joins ${start + 1}–${Math.min(start + size, replacements.length)} of ${replacements.length}`,
      disrupts: 'join',
      actions: replacements.slice(start, start + size).flatMap((step) => step.actions),
    });
  }
  return stages;
}

/** Containers with our installation label that nobody desires. */
function findLeftovers(
  desired: DesiredCluster,
  { observed, left }: { readonly observed: ClusterObservation; readonly left: readonly ContainerDrift[] },
): { readonly inTheWay: readonly Action[]; readonly unwanted: readonly Action[] } {
  const wantedOn = containersByNode(desired.containers);
  const inTheWay: Action[] = [];
  const unwanted: Action[] = [];
  for (const node of desired.nodes) {
    const wanted = wantedOn.get(node) ?? [];
    for (const container of ownContainers(observed.engines.get(node), desired.installation)) {
      if (wanted.some(({ name }) => name === container.name) || container.state === 'removing') continue;
      // Renamed by somebody, and to be left so for now.
      const isLeft = left.some(
        (drift) =>
          drift.node === node &&
          drift.fields.some(({ field, found }) => field === 'name' && found === container.name),
      );
      if (isLeft) continue;
      const cluster = container.labels[containerLabels.cluster];
      const role = container.labels[containerLabels.role] ?? '';
      if (cluster !== desired.name) {
        inTheWay.push(discard(node, container, `it belongs to cluster ${cluster ?? '(none)'}`));
      } else if (wanted.some((other) => other.role === role)) {
        // It holds the port that the container of the right name needs.
        inTheWay.push(remove(node, container, 'it was renamed'));
      } else {
        unwanted.push(discard(node, container, `${node} needs no ${role || 'such'} container any more`));
      }
    }
  }
  return { inTheWay, unwanted };
}

function ownContainers(
  engine: EngineObservation | undefined,
  installation: string,
): readonly ObservedContainer[] {
  return (engine?.containers ?? []).filter(
    (container) => container.labels[containerLabels.installation] === installation,
  );
}

function foreignProblem(container: DesiredContainer, foreign: ObservedContainer): PlanProblem {
  const state = isUp(foreign) ? 'runs' : `is ${foreign.state}`;
  const other = foreign.labels[containerLabels.installation];
  const maker =
    other === undefined ? 'that swarmctl did not make' : `that the swarmctl installation ${other} made`;
  return {
    node: container.node,
    code: 'FOREIGN_CONTAINER',
    message: `Cannot create container "${container.name}" on "${container.node}": a container of that name ${state} there ${maker}`,
  };
}
