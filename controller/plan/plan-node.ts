// The part of a plan that concerns one node: what its containers need, what stands in their way, and what nobody desires.
// It is made from this node and from what all nodes of the cluster share, never from another node. Pure.
import { containerLabels } from '../api/labels.js';
import type { AgentRole } from '../api/agent-role.js';
import type { Action, PlanProblem, PlanWait } from './action.js';
import type { DesiredCluster } from './desired-cluster.js';
import type { DesiredContainer } from './desired-container.js';
import type { ContainerDrift } from './find-drift.js';
import type { EngineObservation, ObservedContainer } from './observation.js';
import { decideContainer, discard, isUp, remove } from './plan-container.js';

/** What all nodes of a cluster share. */
export type PlanFrame = Pick<DesiredCluster, 'installation' | 'name' | 'image' | 'maxUnavailable'>;

export interface Step {
  readonly actions: readonly Action[];
  readonly isDisruptive: boolean;
}

export interface NodePart {
  readonly node: string;
  /** Gets the image, where a container will be made from it. */
  readonly image?: Action;
  /** Removals that must come before anything is made. */
  readonly inTheWay: readonly Action[];
  readonly steps: Readonly<Partial<Record<AgentRole, Step>>>;
  /** Removals of what is no longer desired. */
  readonly unwanted: readonly Action[];
  readonly problems: readonly PlanProblem[];
  readonly waits: readonly PlanWait[];
  readonly drifts: readonly ContainerDrift[];
  /** Whether a manager is desired here. */
  readonly isManager: boolean;
  /** Whether the manager here answered; absent while that is not known. */
  readonly isServing?: boolean;
}

/** @param o.containers those desired on this node, at most one of each role, sorted by role */
export function planNode(
  node: string,
  o: {
    readonly frame: PlanFrame;
    readonly containers: readonly DesiredContainer[];
    readonly engine: EngineObservation;
  },
): NodePart {
  const { frame, containers, engine } = o;
  const problems: PlanProblem[] = [];
  const waits: PlanWait[] = [];
  const drifts: ContainerDrift[] = [];
  const steps: Partial<Record<AgentRole, Step>> = {};
  for (const container of containers) {
    const decision = decideContainer(container, { engine, installation: frame.installation });
    if (decision.drift !== undefined) drifts.push(decision.drift);
    switch (decision.type) {
      case 'none':
        break;
      case 'wait':
        waits.push({ node, message: decision.message });
        break;
      case 'foreign':
        problems.push(foreignProblem(container, decision.container));
        break;
      default:
        steps[container.role] = { actions: decision.actions, isDisruptive: decision.type === 'replace' };
    }
  }
  const image = imageFor(node, { frame, engine, steps: Object.values(steps) });
  return {
    node,
    ...(image === undefined ? {} : { image }),
    ...findLeftovers(node, { ...o, drifts }),
    ...{ steps, problems, waits, drifts },
    isManager: containers.some(({ role }) => role === 'manage'),
    ...(engine.isServing === undefined ? {} : { isServing: engine.isServing }),
  };
}

/**
 * The image goes first wherever a container will be made: replacing one takes it away for a moment only, and an image
 * that cannot be had takes nothing away.
 */
function imageFor(
  node: string,
  o: {
    readonly frame: PlanFrame;
    readonly engine: EngineObservation;
    readonly steps: readonly Step[];
  },
): Action | undefined {
  const { reference, source } = o.frame.image;
  const isCreating = o.steps.some((step) => step.actions.some(({ type }) => type === 'CreateContainer'));
  if (!isCreating || o.engine.images.includes(reference)) return undefined;
  return { type: source === 'archive' ? 'LoadImage' : 'PullImage', node, reference };
}

/** Containers with our installation label that nobody desires. */
function findLeftovers(
  node: string,
  o: {
    readonly frame: PlanFrame;
    readonly containers: readonly DesiredContainer[];
    readonly engine: EngineObservation;
    readonly drifts: readonly ContainerDrift[];
  },
): Pick<NodePart, 'inTheWay' | 'unwanted'> {
  const { frame, containers: wanted } = o;
  const left = o.drifts.filter(({ treatment }) => treatment.type !== 'heal');
  const inTheWay: Action[] = [];
  const unwanted: Action[] = [];
  for (const container of o.engine.containers) {
    if (container.labels[containerLabels.installation] !== frame.installation) continue;
    if (wanted.some(({ name }) => name === container.name) || container.state === 'removing') continue;
    // Renamed by somebody, and to be left so for now.
    const isLeft = left.some((drift) =>
      drift.fields.some(({ field, found }) => field === 'name' && found === container.name),
    );
    if (isLeft) continue;
    const cluster = container.labels[containerLabels.cluster];
    const role = container.labels[containerLabels.role] ?? '';
    if (cluster !== frame.name) {
      inTheWay.push(discard(node, container, `it belongs to cluster ${cluster ?? '(none)'}`));
    } else if (wanted.some((other) => other.role === role)) {
      // It holds the port that the container of the right name needs.
      inTheWay.push(remove(node, container, 'it was renamed'));
    } else {
      unwanted.push(discard(node, container, `${node} needs no ${role || 'such'} container any more`));
    }
  }
  return { inTheWay, unwanted };
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
