// The steps of a plan as data, and how each reads in one line.
import type { JsonObject } from '../base/json.js';
import type { AgentRole } from '../api/agent-role.js';
import type { DesiredContainer } from './desired-container.js';
import type { ContainerDrift } from './find-drift.js';

export type Action =
  /** From an archive of the operator. */
  | { readonly type: 'LoadImage'; readonly node: string; readonly reference: string }
  /** By the engine, from the image's registry. */
  | { readonly type: 'PullImage'; readonly node: string; readonly reference: string }
  | {
      readonly type: 'CreateContainer';
      readonly node: string;
      readonly container: DesiredContainer;
      readonly why: string;
    }
  | { readonly type: 'PutFiles'; readonly node: string; readonly container: DesiredContainer }
  | {
      readonly type: 'StartContainer';
      readonly node: string;
      readonly container: DesiredContainer;
      readonly why: string;
    }
  | {
      readonly type: 'SignalContainer';
      readonly node: string;
      readonly container: DesiredContainer;
      readonly signal: 'SIGHUP';
    }
  /** Puts right what `docker update` can change, while its process goes on. */
  | {
      readonly type: 'UpdateContainer';
      readonly node: string;
      readonly container: DesiredContainer;
      readonly id: string;
      /** Body of the engine's update call. */
      readonly changes: JsonObject;
      readonly why: string;
    }
  | {
      readonly type: 'RemoveContainer';
      readonly node: string;
      readonly name: string;
      readonly id: string;
      /** Goes with it, because no later container needs what it kept. */
      readonly volume?: string;
      readonly why: string;
    };

/** Actions that may run at the same time on different engines; on one engine they run in the order given. */
export interface Stage {
  readonly name: string;
  /** Nothing waits for it: engines do it at their own pace, before anything else. */
  readonly isPreparation?: true;
  /** Takes running containers away for a moment, so it waits for earlier disruption of the same role to succeed. */
  readonly disrupts?: AgentRole;
  readonly actions: readonly Action[];
}

/** Something a plan cannot change: the user has to. */
export interface PlanProblem {
  readonly node: string;
  readonly code: 'FOREIGN_CONTAINER';
  readonly message: string;
}

/** Something that is left for a later plan. */
export interface PlanWait {
  readonly node: string;
  readonly message: string;
}

export interface Plan {
  /** In order; empty stages are left out. */
  readonly stages: readonly Stage[];
  readonly problems: readonly PlanProblem[];
  readonly waits: readonly PlanWait[];
  /** What others changed, sorted as the desired containers are. Where it is to be healed, the stages do it. */
  readonly drifts: readonly ContainerDrift[];
}

export function isPlanEmpty(plan: Plan): boolean {
  return plan.stages.length === 0;
}

/** One line, without secrets: `create container swarm-demo-join on node1: it does not exist`. */
export function describeAction(action: Action): string {
  switch (action.type) {
    case 'LoadImage':
      return `load image ${action.reference} into ${action.node}`;
    case 'PullImage':
      return `pull image ${action.reference} on ${action.node}`;
    case 'CreateContainer':
      return `create container ${action.container.name} on ${action.node}: ${action.why}`;
    case 'PutFiles':
      return `copy ${fileCount(action.container)} into ${action.container.name} on ${action.node}`;
    case 'StartContainer':
      return `start container ${action.container.name} on ${action.node}: ${action.why}`;
    case 'SignalContainer':
      return `reload ${action.container.name} on ${action.node} (${action.signal})`;
    case 'UpdateContainer':
      return `update container ${action.container.name} on ${action.node}: ${action.why}`;
    case 'RemoveContainer':
      return `remove container ${action.name}${action.volume === undefined ? '' : ' and its volume'} from ${action.node}: ${action.why}`;
  }
}

function fileCount(container: DesiredContainer): string {
  if (container.files === undefined) return 'files';
  return container.files.length === 1 ? '1 file' : `${container.files.length} files`;
}
