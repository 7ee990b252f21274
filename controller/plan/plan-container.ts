// What has to be done for one desired container, given what its engine has. Pure.
import { managerVolumeName } from '../api/agent-role.js';
import { containerLabels } from '../api/labels.js';
import type { Action } from './action.js';
import type { DesiredContainer } from './desired-container.js';
import {
  changesFor,
  describeFields,
  differingFields,
  isFile,
  isUpdatable,
  suspectsOf,
  type ContainerDrift,
  type DriftTreatment,
  type FieldDrift,
} from './find-drift.js';
import type { EngineObservation, ObservedContainer } from './observation.js';

export type ContainerDecision = {
  /** What others changed about it; absent when nothing. */
  readonly drift?: ContainerDrift;
} & (
  | { readonly type: 'none' }
  /** Nothing runs in the way: doing it takes nothing away from anybody. */
  | { readonly type: 'repair'; readonly actions: readonly Action[] }
  /** A container that runs is taken away and made again. */
  | { readonly type: 'replace'; readonly actions: readonly Action[] }
  | { readonly type: 'foreign'; readonly container: ObservedContainer }
  | { readonly type: 'wait'; readonly message: string }
);

interface Surroundings {
  readonly engine: EngineObservation;
  readonly installation: string;
}

export function decideContainer(desired: DesiredContainer, options: Surroundings): ContainerDecision {
  const observed = options.engine.containers.find((container) => container.name === desired.name);
  if (observed !== undefined && observed.labels[containerLabels.installation] !== options.installation) {
    return { type: 'foreign', container: observed };
  }
  if (observed?.state === 'removing') return { type: 'wait', message: `${desired.name} is being removed` };
  const fields = findDrift(desired, observed, options);
  const decision = decideOwn(desired, { observed, fields });
  if (fields.length === 0) return decision;
  const hold = options.engine.holds?.[desired.name];
  const treatment: DriftTreatment =
    desired.driftPolicy === 'Report'
      ? { type: 'report' }
      : hold === undefined
        ? { type: 'heal' }
        : { type: 'hold', ...hold };
  const suspects = observed === undefined ? [] : suspectsOf(observed, options.installation);
  const drift = { node: desired.node, container: desired.name, fields, suspects, treatment };
  return treatment.type === 'heal' ? { ...decision, drift } : { type: 'none', drift };
}

function decideOwn(
  desired: DesiredContainer,
  {
    observed,
    fields,
  }: { readonly observed: ObservedContainer | undefined; readonly fields: readonly FieldDrift[] },
): ContainerDecision {
  if (observed === undefined) return { type: 'repair', actions: make(desired, 'it does not exist') };
  const { node } = desired;
  const isOther = observed.labels[containerLabels.specHash] !== desired.specHash;
  const changed = fields.filter((one) => one.field !== 'state' && !isFile(one));
  const gentle = !isOther && isUpdatable(changed);
  if (isOther || !gentle || observed.state === 'paused' || observed.state === 'dead') {
    const why = fields.length > 0 ? describeFields(fields) : isOther ? 'its spec changed' : stateOf(observed);
    return {
      type: isUp(observed) ? 'replace' : 'repair',
      actions: [remove(node, observed, why), ...make(desired, why)],
    };
  }
  const updates: readonly Action[] =
    changed.length === 0
      ? []
      : [
          {
            type: 'UpdateContainer',
            node,
            container: desired,
            id: observed.id,
            changes: changesFor(desired.body, changed),
            why: describeFields(changed),
          },
        ];
  const isStale =
    desired.filesHash !== undefined && (desired.filesHash !== observed.filesHash || fields.some(isFile));
  const put: Action = { type: 'PutFiles', node, container: desired };
  if (isUp(observed)) {
    const reload: Action = { type: 'SignalContainer', node, container: desired, signal: 'SIGHUP' };
    const actions = [...updates, ...(isStale ? [put, reload] : [])];
    return actions.length === 0 ? { type: 'none' } : { type: 'repair', actions };
  }
  // A created container may lack files: whoever made it may have been killed before it copied them.
  const isFresh = observed.state === 'created';
  const start: Action = {
    type: 'StartContainer',
    node,
    container: desired,
    why: isFresh ? 'it was never started' : `it stopped with exit code ${observed.exitCode}`,
  };
  return { type: 'repair', actions: [...updates, ...(isFresh || isStale ? [put] : []), start] };
}

/**
 * What somebody else changed. A container that is missing or stopped, or of another spec, is so because of somebody else
 * only if it was seen as desired before.
 */
function findDrift(
  desired: DesiredContainer,
  observed: ObservedContainer | undefined,
  { engine, installation }: Surroundings,
): readonly FieldDrift[] {
  const wasSettled = engine.settled?.[desired.name] === desired.specHash;
  if (observed === undefined) {
    if (!wasSettled) return [];
    const renamed = engine.containers.find((other) => isInstead(other, { desired, installation }));
    return renamed === undefined
      ? [{ field: 'container', expected: 'there', found: 'removed' }]
      : [{ field: 'name', expected: desired.name, found: renamed.name }];
  }
  const isOther = observed.labels[containerLabels.specHash] !== desired.specHash;
  if (isOther && !wasSettled) return [];
  const state: readonly FieldDrift[] =
    isUp(observed) || !wasSettled
      ? []
      : [{ field: 'state', expected: 'running', found: stateName(observed) }];
  return [...differingFields(desired, observed), ...state];
}

/** Whether the container runs as it was made. */
export function isSettled(desired: DesiredContainer, { engine, installation }: Surroundings): boolean {
  const observed = engine.containers.find((container) => container.name === desired.name);
  return (
    observed?.state === 'running' &&
    observed.labels[containerLabels.installation] === installation &&
    observed.labels[containerLabels.specHash] === desired.specHash &&
    differingFields(desired, observed).length === 0
  );
}

/** Whether it is the container of the same role under a name that is not its own. */
function isInstead(
  { labels }: ObservedContainer,
  { desired, installation }: { readonly desired: DesiredContainer; readonly installation: string },
): boolean {
  return (
    labels[containerLabels.installation] === installation &&
    labels[containerLabels.cluster] === clusterOf(desired) &&
    labels[containerLabels.role] === desired.role
  );
}

function clusterOf({ body }: DesiredContainer): string | undefined {
  // The body is made by desireContainer only, so its labels are texts.
  return (body['Labels'] as Readonly<Record<string, string>>)[containerLabels.cluster];
}

function stateName({ state, exitCode }: ObservedContainer): string {
  return state === 'exited' ? `stopped with exit code ${exitCode}` : state;
}

function stateOf(observed: ObservedContainer): string {
  return `it is ${observed.state}`;
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
