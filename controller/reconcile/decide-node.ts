// Is this Node ready, and if not, why? One ordered list of questions; the first that says no is the answer. Pure.
import { formatBytes } from '../base/byte-size.js';
import { SwarmError } from '../base/errors.js';
import { formatTime, type Condition } from '../api/conditions.js';
import { formatHostPort } from '../api/engine-address.js';
import { containerLabels } from '../api/labels.js';
import { describeSuspension, suspensionOfNode, type Suspension } from '../api/suspension.js';
import { agentRoles, type AgentRole } from '../api/agent-role.js';
import type { Cluster, Node, NodeStatus } from '../api/resources.js';
import type { DesiredContainer } from '../plan/desired-container.js';
import { describeDrift, type ContainerDrift } from '../plan/find-drift.js';
import type { ObservedContainer } from '../plan/observation.js';
import type { ResolvedNode } from '../plan/resolved-node.js';
import type { LastActions } from './action-notes.js';
import { suspendedCondition } from './end-suspension.js';
import { blameClock, clockCondition } from './engine-clock.js';
import type { ListedEngine, ManagerView, NodeView } from './fleet.js';
import { lowerFirst } from './phase.js';
import { engineSpecHash } from './same-engine.js';
import { manifestCondition } from './manifest-condition.js';
import { summarize, summaryOfError, type MoreConditions, type Summary } from './status-conditions.js';

export interface NodeFacts {
  readonly node: Node;
  readonly cluster: Cluster | undefined;
  readonly resolved: ResolvedNode;
  readonly view: NodeView;
  /** The node with the same engine that came first. */
  readonly duplicateOf?: string | undefined;
  /** Containers desired on this node; undefined until the cluster's loop has said. */
  readonly desired: readonly DesiredContainer[] | undefined;
  /** Foreign containers in the way. */
  readonly problem?: string | undefined;
  /** The phase of what is being done or is still to do. */
  readonly work?: string | undefined;
  /** Whether the work takes a running container away. */
  readonly isDisruptive?: boolean | undefined;
  /** What others changed and is not put right now; undefined when that was not looked at. */
  readonly drifts?: readonly ContainerDrift[] | undefined;
  /** What was done since the last status, newest first. */
  readonly done?: LastActions | undefined;
  readonly managers: ReadonlyMap<string, ManagerView>;
  /** Last line a container of ours wrote that does not stay up, by container name. */
  readonly lastWords?: ReadonlyMap<string, string> | undefined;
  readonly installation: string;
  /** No engine of any cluster answers. */
  readonly isCutOff?: boolean | undefined;
  readonly nowMs: number;
}

/** Enough for making everything anew, twice. */
const keptActions = 10;

type Answer = Summary | undefined;

export function decideNode(facts: NodeFacts): Summary {
  return (
    decideDeletion(facts) ??
    // A name that is wrong is told also where the engine has troubles of its own: only the user can correct it.
    decideHome(facts) ??
    decideEngine(facts) ??
    decideCluster(facts) ??
    decideWork(facts) ??
    decideDrift(facts) ??
    decideAgents(facts) ??
    decideManager(facts) ??
    decideJoined(facts) ??
    decideReady(facts)
  );
}

/** Ready, with the reason why it may not stay so. */
function decideReady(facts: NodeFacts): Summary {
  const suspension = suspensionIn(facts);
  const [drift] = facts.drifts ?? [];
  const message = readyMessage(facts);
  const progress = facts.work === undefined || suspension !== undefined ? 'settled' : 'working';
  if (suspension !== undefined) {
    return {
      ready: 'True',
      reason: 'Suspended',
      message: `${message}; ${describeSuspension(suspension)}${leftUndone(facts)}`,
      progress,
    };
  }
  if (drift !== undefined) {
    return {
      ready: 'True',
      reason: 'Drifted',
      message: `${message}; ${driftMessage(facts.drifts ?? [])}`,
      progress,
    };
  }
  return { ready: 'True', reason: 'Ready', message, progress };
}

function suspensionIn({ node, cluster, nowMs }: NodeFacts): Suspension | undefined {
  return suspensionOfNode(node, cluster, nowMs);
}

/** Others took a container away, and it is left so for now. */
function decideDrift(facts: NodeFacts): Answer {
  const { drifts = [] } = facts;
  if (drifts.length === 0 || isUndisturbed({ ...facts, isDisruptive: false })) return undefined;
  const isHeld = drifts.some(({ treatment }) => treatment.type === 'hold');
  return {
    ready: 'False',
    reason: 'Drifted',
    message: driftMessage(drifts),
    progress: isHeld ? 'working' : 'settled',
  };
}

/** `swarm-demo-join: its restart policy is no, not always`. */
function driftMessage(drifts: readonly ContainerDrift[]): string {
  return drifts.map(describeDrift).join('; ');
}

function driftedCondition(drifts: readonly ContainerDrift[]): MoreConditions[string] {
  if (drifts.length === 0) return undefined;
  const held = drifts.find(({ treatment }) => treatment.type === 'hold');
  const message = driftMessage(drifts);
  if (held?.treatment.type === 'hold') {
    const { heals, untilMs } = held.treatment;
    const by = held.suspects.length === 0 ? '' : `; the container is marked by ${held.suspects.join(', ')}`;
    return {
      status: 'True',
      reason: 'Fighting',
      message: `${message}; healed ${heals} times and undone again${by}; the next time at ${formatTime(untilMs)}`,
    };
  }
  const isReport = drifts.some(({ treatment }) => treatment.type === 'report');
  return { status: 'True', reason: isReport ? 'Reported' : 'Suspended', message };
}

function decideDeletion(facts: NodeFacts): Answer {
  const { node, view, work, isCutOff } = facts;
  const { deletionTimestamp } = node.metadata;
  if (deletionTimestamp === undefined) return undefined;
  const error = view.type === 'failed' ? view.error : view.type === 'observed' ? view.applyError : undefined;
  if (error === undefined) return working('Terminating', work ?? 'Removing containers');
  if (isCutOff === true) {
    return working(
      'Terminating',
      'Removing containers: no engine of any cluster answers, so none is given up',
    );
  }
  const isPatient = view.type === 'failed' && suspensionIn(facts) === undefined;
  const end = isPatient
    ? `; the node goes without them at ${formatTime(leavesAtMs(node, deletionTimestamp))}`
    : '';
  return working('Terminating', `Removing containers: ${error.message}${end}`);
}

/** When a deleted Node goes at the latest, epoch ms. An engine that never answered holds nothing to wait for. */
export function leavesAtMs(node: Node, deletedAt: string): number {
  const patienceSeconds = node.status?.engine === undefined ? 0 : node.spec.deletionTimeoutSeconds;
  return Date.parse(deletedAt) + patienceSeconds * 1000;
}

function decideEngine({ node, view, duplicateOf, isCutOff }: NodeFacts): Answer {
  if (view.type === 'failed') return summaryOfError(view.error, { isCutOff: isCutOff ?? false });
  if (view.type === 'unknown') {
    return { ready: 'Unknown', reason: 'Progressing', message: 'Looking at the engine', progress: 'working' };
  }
  if (duplicateOf === undefined) return undefined;
  return summaryOfError(
    new SwarmError(
      'ENGINE_DUPLICATE_ID',
      `Cannot use engine "${node.metadata.name}": node "${duplicateOf}" has an engine with the same ID ${view.engine.id}`,
    ),
  );
}

function decideHome({ node, cluster }: NodeFacts): Answer {
  if (cluster !== undefined) return undefined;
  const error = new SwarmError(
    'CLUSTER_NOT_FOUND',
    `Cannot join node "${node.metadata.name}": there is no cluster "${node.spec.cluster}"`,
  );
  return { ...summaryOfError(error), progress: 'stalled' };
}

function decideCluster({ cluster }: NodeFacts): Answer {
  if (cluster?.metadata.deletionTimestamp === undefined) return undefined;
  return working('ClusterTerminating', `Cluster "${cluster.metadata.name}" is being deleted`);
}

function decideWork(facts: NodeFacts): Answer {
  const { view, problem, work, desired } = facts;
  if (problem !== undefined) return summaryOfError(new SwarmError('FOREIGN_CONTAINER', problem));
  if (view.type === 'observed' && view.applyError !== undefined) return summaryOfError(view.applyError);
  const suspension = suspensionIn(facts);
  if (suspension !== undefined) {
    if (work === undefined || (desired !== undefined && isUndisturbed(facts))) return undefined;
    return {
      ready: 'False',
      reason: 'Suspended',
      message: `${describeSuspension(suspension)}${leftUndone(facts)}`,
      progress: 'settled',
    };
  }
  if (desired === undefined) {
    return {
      ready: 'Unknown',
      reason: 'Progressing',
      message: 'Waiting for the cluster',
      progress: 'working',
    };
  }
  // Work on an engine whose containers all run takes nothing away yet: new files, a turn that has not come.
  return work === undefined || isUndisturbed(facts) ? undefined : working('Progressing', work);
}

function leftUndone({ work, node }: NodeFacts): string {
  return work === undefined
    ? ''
    : `; left undone: ${lowerFirst(work)} (swarmctl plan ${node.spec.cluster} says what)`;
}

function isUndisturbed({ desired, view, isDisruptive }: NodeFacts): boolean {
  if (isDisruptive === true) return false;
  const running = new Set(
    containersOf(view).flatMap(({ name, state }) => (state === 'running' ? [name] : [])),
  );
  return (desired ?? []).every((container) => running.has(container.name));
}

function decideAgents({ desired, view, lastWords }: NodeFacts): Answer {
  for (const container of desired ?? []) {
    const observed = containersOf(view).find((other) => other.name === container.name);
    if (observed?.state === 'running') continue;
    const words = lastWords?.get(container.name);
    const state =
      observed === undefined
        ? 'does not exist'
        : observed.state === 'restarting'
          ? `does not stay up (exit code ${observed.exitCode})`
          : `is ${observed.state}`;
    const error = observed?.error === '' ? undefined : observed?.error;
    const why = [error, words].filter((text) => text !== undefined).join('; ');
    return working('AgentNotRunning', `Container ${container.name} ${state}${why === '' ? '' : `: ${why}`}`);
  }
  return undefined;
}

function decideManager({ node, managers, cluster }: NodeFacts): Answer {
  if (!node.spec.roles.includes('manager')) return undefined;
  const manager = managers.get(node.metadata.name);
  if (manager === undefined) return working('Progressing', 'Waiting for the first answer of the manager');
  if (manager.type === 'serving') return undefined;
  return working(
    'ManagerNotServing',
    `The manager on port ${cluster?.spec.manager.port ?? 0} does not answer: ${manager.error.message} → See docker logs swarm-${node.spec.cluster}-manage on its engine, and whether the port is open to this machine`,
  );
}

function decideJoined({ node, managers, resolved, cluster }: NodeFacts): Answer {
  if (!node.spec.roles.includes('worker')) return undefined;
  const entry = resolved.entry ?? '';
  const serving = [...managers].filter(([, manager]) => manager.type === 'serving');
  if (serving.length === 0) {
    return working('ManagerNotServing', `No manager of cluster "${cluster?.metadata.name ?? ''}" answers`);
  }
  for (const [name, manager] of serving) {
    const listed = manager.type === 'serving' ? manager.engines.get(entry) : undefined;
    // Pending without an error: the manager has heard of it and makes its connection.
    if (listed === undefined || (listed.status === 'Pending' && !hasError(listed))) {
      return working('NotJoined', `Waiting for the manager on ${name} to list ${entry}`);
    }
    if (listed.status !== 'Healthy') {
      const error = hasError(listed) ? `: ${listed.error}` : '';
      return working('NotHealthy', `The manager on ${name} lists ${entry} as ${listed.status}${error}`);
    }
  }
  return undefined;
}

function hasError({ error }: ListedEngine): boolean {
  // The manager writes (none) where it has nothing to say.
  return !['', '(none)'].includes(error);
}

function readyMessage({ node, resolved }: NodeFacts): string {
  const parts = [
    ...(node.spec.roles.includes('manager') ? ['serves the Docker API'] : []),
    ...(node.spec.roles.includes('worker') ? [`is joined as ${resolved.entry ?? ''}`] : []),
  ];
  return `The node ${parts.join(' and ')}`;
}

function working(reason: string, message: string): Summary {
  return { ready: 'False', reason, message, progress: 'working' };
}

/** The whole status of a node. */
export function nodeStatus(facts: NodeFacts): NodeStatus {
  const { node, resolved, view, nowMs } = facts;
  const generation = node.metadata.generation ?? 1;
  const { drifts, done = [] } = facts;
  const more: MoreConditions = {
    Schedulable: node.spec.unschedulable ? cordoned : undefined,
    Suspended: suspendedCondition(suspensionIn(facts)),
    // What an engine that cannot be asked had last stays.
    ...(view.type === 'observed' ? { ClockSkewed: clockCondition(view.engine.clockAheadMs) } : {}),
    ...(drifts === undefined ? {} : { Drifted: driftedCondition(drifts) }),
    ...manifestCondition(node.metadata),
  };
  const aheadMs = view.type === 'observed' ? view.engine.clockAheadMs : undefined;
  const summary = blameClock(decideNode(facts), aheadMs);
  const conditions = summarize(conditionsBefore(node), summary, { generation, nowMs, more });
  const old = node.status ?? {};
  const expiry = view.type === 'observed' ? view.engine.certificateNotAfterMs : undefined;
  const certificateExpiryTime = expiry === undefined ? old.certificateExpiryTime : formatTime(expiry);
  const engine = view.type === 'observed' ? describeEngine(view, facts) : old.engine;
  const agents = view.type === 'observed' ? describeAgents(facts) : old.agents;
  const lastActions = [...done, ...(old.lastActions ?? [])].slice(0, keptActions);
  return {
    observedGeneration: generation,
    conditions: [...conditions],
    ...(resolved.address === undefined ? {} : { address: formatHostPort(resolved.address) }),
    roles: node.spec.roles.join(','),
    ...(engine === undefined ? {} : { engine }),
    ...replacementIn(view),
    ...(certificateExpiryTime === undefined ? {} : { certificateExpiryTime }),
    ...(agents === undefined ? {} : { agents }),
    ...driftOf(facts),
    ...(lastActions.length === 0 ? {} : { lastActions }),
  };
}

function driftOf({ node, drifts, desired }: NodeFacts): Pick<NodeStatus, 'drift'> {
  const drift =
    drifts?.flatMap(({ container, fields }) => {
      const specHash = desired?.find(({ name }) => name === container)?.specHash ?? '';
      return fields.map(({ field, expected, found }) => ({ container, field, expected, found, specHash }));
    }) ?? node.status?.drift;
  return drift === undefined || drift.length === 0 ? {} : { drift };
}

const cordoned = {
  status: 'False',
  reason: 'Cordoned',
  message: 'spec.unschedulable is true: managers place no new containers here',
} as const;

function conditionsBefore(node: Node): readonly Condition[] {
  return node.status?.conditions ?? [];
}

function describeEngine(
  view: NodeView & { readonly type: 'observed' },
  { node, duplicateOf }: NodeFacts,
): NonNullable<NodeStatus['engine']> {
  const { id, name, version, apiVersion, os, arch, cpus, memoryBytes } = view.engine;
  // A clone is to be given an ID of its own, and is not a stranger then.
  const specHash = duplicateOf === undefined ? engineSpecHash(node) : undefined;
  return {
    ...{ id, name, version, apiVersion, os, arch, cpus, memoryBytes, memory: formatBytes(memoryBytes) },
    ...(specHash === undefined ? {} : { specHash }),
  };
}

function replacementIn(view: NodeView): Pick<NodeStatus, 'replacement'> {
  if (view.type !== 'failed' || view.stranger === undefined) return {};
  const { id, name } = view.stranger;
  return { replacement: { id, name } };
}

function describeAgents({ view, installation }: NodeFacts): NonNullable<NodeStatus['agents']> {
  return containersOf(view)
    .flatMap((container) => {
      const role = agentRoles.find((known) => known === container.labels[containerLabels.role]);
      const isOurs = container.labels[containerLabels.installation] === installation;
      return role !== undefined && isOurs ? [describeAgent(role, container)] : [];
    })
    .sort((a, b) => (a.role < b.role ? -1 : 1));
}

function describeAgent(
  role: AgentRole,
  container: ObservedContainer,
): NonNullable<NodeStatus['agents']>[number] {
  const { id, image, labels, state } = container;
  return { role, containerId: id, image, specHash: labels[containerLabels.specHash] ?? '', state };
}

function containersOf(view: NodeView): readonly ObservedContainer[] {
  return view.type === 'observed' ? view.observation.containers : [];
}

/** What a status speaks of: nothing, of an object that was never stored. */
export function generationOf(node: Node): { readonly generation?: number } {
  const { generation } = node.metadata;
  return generation === undefined ? {} : { generation };
}
