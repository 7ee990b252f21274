// What has to be done for one desired container, given what its engine has. Pure.
import { managerVolumeName } from '../api/agent-role.js';
import { containerLabels } from '../api/labels.js';
import type { Action } from './action.js';
import type { DesiredContainer } from './desired-container.js';
import type { EngineObservation, ObservedContainer } from './observation.js';

export type ContainerDecision =
  | { readonly type: 'none' }
  /** Nothing runs in the way: doing it takes nothing away from anybody. */
  | { readonly type: 'repair'; readonly actions: readonly Action[] }
  /** A container that runs is taken away and made again. */
  | { readonly type: 'replace'; readonly actions: readonly Action[] }
  | { readonly type: 'foreign'; readonly container: ObservedContainer }
  | { readonly type: 'wait'; readonly message: string };

export function decideContainer(
  desired: DesiredContainer,
  options: { readonly engine: EngineObservation; readonly installation: string },
): ContainerDecision {
  const observed = options.engine.containers.find((container) => container.name === desired.name);
  if (observed === undefined) {
    return { type: 'repair', actions: make(desired, 'it does not exist') };
  }
  if (observed.labels[containerLabels.installation] !== options.installation) {
    return { type: 'foreign', container: observed };
  }
  if (observed.state === 'removing') return { type: 'wait', message: `${desired.name} is being removed` };
  const why = whyReplace(desired, observed);
  if (why !== undefined) {
    return {
      type: isUp(observed) ? 'replace' : 'repair',
      actions: [remove(desired.node, observed, why), ...make(desired, why)],
    };
  }
  const isStale = desired.filesHash !== undefined && desired.filesHash !== observed.filesHash;
  const { node } = desired;
  const put: Action = { type: 'PutFiles', node, container: desired };
  if (isUp(observed)) {
    if (!isStale) return { type: 'none' };
    const reload: Action = { type: 'SignalContainer', node, container: desired, signal: 'SIGHUP' };
    return { type: 'repair', actions: [put, reload] };
  }
  // A created container may lack files: whoever made it may have been killed before it copied them.
  const isFresh = observed.state === 'created';
  const start: Action = {
    type: 'StartContainer',
    node,
    container: desired,
    why: isFresh ? 'it was never started' : `it stopped with exit code ${observed.exitCode}`,
  };
  return { type: 'repair', actions: isFresh || isStale ? [put, start] : [start] };
}

/** Whether its process runs, or will again without our help. */
export function isUp(container: ObservedContainer): boolean {
  return container.state === 'running' || container.state === 'restarting';
}

export function remove(node: string, container: ObservedContainer, why: string): Action {
  return { type: 'RemoveContainer', node, name: container.name, id: container.id, why };
}

/** Removes a container that none takes the place of, with what it kept. */
export function discard(node: string, container: ObservedContainer, why: string): Action {
  const cluster = container.labels[containerLabels.cluster];
  const isManager = container.labels[containerLabels.role] === 'manage' && cluster !== undefined;
  const volume = isManager ? { volume: managerVolumeName(cluster) } : {};
  return { type: 'RemoveContainer', node, name: container.name, id: container.id, ...volume, why };
}

function make(container: DesiredContainer, why: string): readonly Action[] {
  const { node } = container;
  return [
    { type: 'CreateContainer', node, container, why },
    { type: 'PutFiles', node, container },
    { type: 'StartContainer', node, container, why: 'it was just created' },
  ];
}

/** Why only a new container can be what is desired; undefined when this one can. */
function whyReplace(desired: DesiredContainer, observed: ObservedContainer): string | undefined {
  if (observed.labels[containerLabels.specHash] !== desired.specHash) return 'its spec changed';
  const { restartPolicy, memoryBytes } = hostConfigOf(desired);
  // What `docker update` can change without leaving a trace in the labels.
  if (observed.restartPolicy !== restartPolicy)
    return `its restart policy became ${observed.restartPolicy || 'no'}`;
  // 0 is what an engine without memory limits reports; replacing would not change that.
  if (observed.memoryBytes !== 0 && observed.memoryBytes !== memoryBytes)
    return 'its memory limit was changed';
  if (observed.state === 'paused') return 'it is paused';
  if (observed.state === 'dead') return 'it is dead';
  return undefined;
}

function hostConfigOf(desired: DesiredContainer): { restartPolicy: string; memoryBytes: number } {
  // The body is made by desireContainer only, so its shape is known.
  const host = desired.body['HostConfig'] as { RestartPolicy: { Name: string }; Memory: number };
  return { restartPolicy: host.RestartPolicy.Name, memoryBytes: host.Memory };
}
