// What others change about the containers on the engine of one Node: noticed, told once, and counted when it was put right.
import type { Action } from '../plan/action.js';
import type { ContainerDrift } from '../plan/find-drift.js';
import { isSettled } from '../plan/plan-container.js';
import { desiredOn, duplicateOf } from './current-plan.js';
import type { Work } from './node-work.js';
import type { ReconcilePorts } from './ports.js';

type Ports = Pick<ReconcilePorts, 'fleet' | 'store' | 'story' | 'clock' | 'installation'>;

/** Remembers which containers are as desired: what is different later was changed by somebody else. */
export function settleContainers(
  node: string,
  { cluster, ports }: { readonly cluster: string; readonly ports: Ports },
): void {
  const { fleet, installation } = ports;
  const view = fleet.view(node);
  const containers = desiredOn(node, cluster, ports);
  if (view.type !== 'observed' || containers === undefined || duplicateOf(node, ports) !== undefined) return;
  const engine = view.observation;
  for (const container of containers) {
    if (isSettled(container, { engine, installation })) fleet.drift.settle(engine.engineId, container);
  }
  fleet.drift.keepOnly(
    engine.engineId,
    containers.map(({ name }) => name),
  );
}

/** Once for each drift, however often it is seen. */
export function tellDrift(
  node: string,
  { drifts, ports }: { readonly drifts: Work['drifts']; readonly ports: Ports },
): void {
  const { fleet, story } = ports;
  for (const drift of drifts) {
    const told = fleet.drift.tell(engineIdOf(node, ports), drift);
    if (told !== undefined) story.tell({ kind: 'Node', name: node }, { type: 'Warning', ...told });
  }
}

/** Counts what `actions`, which were carried out, put right. */
export function countHealed(
  node: string,
  o: { readonly drifts: Work['drifts']; readonly actions: readonly Action[]; readonly ports: Ports },
): void {
  const { fleet, clock } = o.ports;
  for (const drift of o.drifts) {
    const isDone =
      drift.treatment.type === 'heal' &&
      o.actions.some((action) => 'container' in action && action.container.name === drift.container);
    if (isDone) fleet.drift.healed(engineIdOf(node, o.ports), drift, clock.now());
  }
}

/** Ends holds whose time has come. @returns how long the next one lasts */
export function releaseHolds(node: string, ports: Ports): number | undefined {
  return ports.fleet.drift.release(engineIdOf(node, ports), ports.clock.now());
}

/** What others changed and is not put right now. */
export function leftOf({ drifts, mayAct }: Pick<Work, 'drifts' | 'mayAct'>): readonly ContainerDrift[] {
  return drifts.filter(({ treatment }) => !mayAct || treatment.type !== 'heal');
}

function engineIdOf(node: string, { fleet }: Ports): string {
  const view = fleet.view(node);
  return view.type === 'observed' ? view.observation.engineId : '';
}
