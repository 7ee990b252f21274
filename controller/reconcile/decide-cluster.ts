// Is this Cluster ready, and if not, why? Pure.
import { conditionsOf, type Cluster, type ClusterStatus, type Node } from '../api/resources.js';
import { findCondition, formatTime } from '../api/conditions.js';
import { describeSuspension, suspensionOf } from '../api/suspension.js';
import { formatHostPort } from '../api/engine-address.js';
import { SwarmError } from '../base/errors.js';
import { managerEndpoint } from '../plan/desired-cluster.js';
import { isManager, isWorker, type ResolvedNode } from '../plan/resolved-node.js';
import type { Debt } from './debt-book.js';
import { discoveryCondition, discoveryNotServing } from './discovery-condition.js';
import { suspendedCondition } from './end-suspension.js';
import type { ManagerView } from './fleet.js';
import { lowerFirst } from './phase.js';
import { manifestCondition } from './manifest-condition.js';
import type { ServiceView } from './service-questions.js';
import { summarize, summaryOfError, type MoreConditions, type Summary } from './status-conditions.js';

export interface ClusterFacts {
  readonly cluster: Cluster;
  /** Nodes that name the cluster, sorted by name, and what they resolve to in the same order. */
  readonly nodes: readonly Node[];
  readonly resolved: readonly ResolvedNode[];
  readonly managers: ReadonlyMap<string, ManagerView>;
  /** Token services; absent while it is not known which of them run. */
  readonly services?: readonly ServiceView[] | undefined;
  /** The phase engines are in, while they have something to do. */
  readonly work?: string | undefined;
  /** No engine of any cluster answers. */
  readonly isCutOff?: boolean | undefined;
  /** Why changes of objects are refused. */
  readonly stateError?: SwarmError | undefined;
  /** Why nothing could be decided: credentials, image. */
  readonly error?: SwarmError | undefined;
  /** What a deleted cluster waits for. */
  readonly leftovers?: string | undefined;
  /** What deleted Nodes of the cluster left behind, oldest first. */
  readonly debts?: readonly Debt[] | undefined;
  readonly nowMs: number;
}

export function decideCluster(facts: ClusterFacts): Summary {
  const { cluster, managers, resolved } = facts;
  if (cluster.metadata.deletionTimestamp !== undefined) {
    return working('Terminating', `Removing swarmctl's containers: ${facts.leftovers ?? 'looking for them'}`);
  }
  if (facts.error !== undefined) return summaryOfError(facts.error);
  const managerNodes = resolved.filter(isManager);
  if (managerNodes.length === 0) {
    return stalled(
      'NoManager',
      'No node of the cluster has the role manager → Add manager to the roles of a Node',
    );
  }
  if (!resolved.some(isWorker)) {
    return stalled(
      'NoWorkers',
      'No node of the cluster has the role worker → Add worker to the roles of a Node',
    );
  }
  if (facts.isCutOff === true) {
    return summaryOfError(
      new SwarmError(
        'OPERATOR_CUT_OFF',
        'No engine of any cluster answers: this machine is most likely cut off, and nothing is changed or given up',
      ),
    );
  }
  const notReady = facts.nodes.filter((node) => !isReady(node));
  const wrong = decideWrong(notReady);
  if (wrong !== undefined) return wrong;
  if (facts.work !== undefined && (notReady.length > 0 || isRollingOut(cluster))) {
    const suspension = suspensionOf(cluster, facts.nowMs);
    if (suspension === undefined) return working('Progressing', facts.work);
    const message = `${describeSuspension(suspension)}; left undone: ${lowerFirst(facts.work)} (swarmctl plan ${cluster.metadata.name} says what)`;
    return { ready: 'False', reason: 'Suspended', message, progress: 'settled' };
  }
  const discovery = discoveryCondition(cluster, facts.services);
  if (notReady.length > 0) return decideOnTheWay(notReady, discovery?.message);
  const silent = managerNodes.find((node) => managers.get(node.name)?.type !== 'serving');
  if (silent !== undefined) {
    const view = managers.get(silent.name);
    const why = view?.type === 'silent' ? `: ${view.error.message}` : '';
    return working('ManagerNotServing', `The manager on ${silent.name} does not answer${why}`);
  }
  const { joined, workers } = countNodes(facts);
  if (joined < workers) return notJoined(discovery?.message);
  const suspension = suspensionOf(cluster, facts.nowMs);
  const message = `${joined} of ${workers} workers are joined; the Docker API is at ${endpointOf(facts) ?? ''}`;
  if (suspension !== undefined) {
    return settled('Suspended', `${message}; ${describeSuspension(suspension)}`);
  }
  return discovery === undefined
    ? settled('Ready', message)
    : settled(discoveryNotServing, `${message}, but ${lowerFirst(discovery.message)}`);
}

/**
 * Whether a change of the spec is not yet everywhere: what is not ready gets ready when nothing is left to do. Work that
 * comes up in a ready cluster, such as renewing certificates, takes nothing away.
 */
function isRollingOut(cluster: Cluster): boolean {
  const before = findCondition(conditionsOf(cluster), 'Ready');
  const isNew = (before?.observedGeneration ?? 0) < (cluster.metadata.generation ?? 1);
  return isNew || before?.status !== 'True';
}

/**
 * The first node with something wrong, which goes before what every node passes on its way. Counts are in the status and
 * not in messages, which would change with every node that gets ready.
 */
function decideWrong(notReady: readonly Node[]): Summary | undefined {
  for (const node of notReady) {
    const ready = findCondition(conditionsOf(node), 'Ready');
    if (ready === undefined || stepsOfTheWay.has(ready.reason)) continue;
    const isAtWork = notReady.some((other) => findCondition(conditionsOf(other), 'Stalled') === undefined);
    return {
      ready: 'False',
      reason: 'NodesNotReady',
      message: `Node ${node.metadata.name} is not ready: ${ready.reason}: ${ready.message}`,
      progress: isAtWork ? 'working' : 'stalled',
    };
  }
  return undefined;
}

function decideOnTheWay(notReady: readonly Node[], discovery: string | undefined): Summary {
  const found = notReady.map((node) => findCondition(conditionsOf(node), 'Ready'));
  if (found.some((ready) => ready === undefined || ready.status === 'Unknown')) {
    return working('Progressing', 'Looking at the engines');
  }
  const reasons = new Set(found.map((ready) => ready?.reason));
  if (reasons.has('Progressing') || reasons.has('Suspended'))
    return working('Progressing', 'Waiting for the nodes');
  return reasons.has('ManagerNotServing')
    ? working('ManagerNotServing', 'Waiting for a manager to answer')
    : notJoined(discovery);
}

/** Reasons for which a node is not ready while all goes well. */
const stepsOfTheWay = new Set(['Progressing', 'Suspended', 'ManagerNotServing', 'NotJoined']);

/** @param discovery what keeps engines from joining */
function notJoined(discovery: string | undefined): Summary {
  const message = 'Waiting for the managers to list every worker as healthy';
  return working('NotJoined', discovery === undefined ? message : `${message}; ${lowerFirst(discovery)}`);
}

export function countNodes({ nodes, resolved, managers }: ClusterFacts): {
  readonly total: number;
  readonly workers: number;
  readonly ready: number;
  readonly joined: number;
} {
  const workers = resolved.filter(isWorker);
  const lists = [...managers.values()].flatMap((view) => (view.type === 'serving' ? [view.engines] : []));
  const isJoined = ({ entry }: ResolvedNode): boolean =>
    entry !== undefined && lists.length > 0 && lists.every((list) => list.get(entry)?.status === 'Healthy');
  return {
    total: nodes.length,
    workers: workers.length,
    ready: nodes.filter(isReady).length,
    joined: workers.filter(isJoined).length,
  };
}

export function clusterStatus(facts: ClusterFacts): ClusterStatus {
  const { cluster, resolved, nowMs } = facts;
  const generation = cluster.metadata.generation ?? 1;
  const nodes = countNodes(facts);
  const endpoint = endpointOf(facts);
  const more: MoreConditions = {
    Suspended: suspendedCondition(suspensionOf(cluster, nowMs)),
    Drifted: driftedCondition(facts.nodes),
    [discoveryNotServing]: discoveryCondition(cluster, facts.services),
    StateUnwritable: facts.stateError && unwritable(facts.stateError),
    ...manifestCondition(cluster.metadata),
  };
  return {
    observedGeneration: generation,
    conditions: [...summarize(conditionsOf(cluster), decideCluster(facts), { generation, nowMs, more })],
    ...(endpoint === undefined ? {} : { endpoint }),
    tokenRef: `clusters/${cluster.metadata.name}/token`,
    managers: resolved.filter(isManager).flatMap((node) =>
      node.address === undefined
        ? []
        : [
            {
              node: node.name,
              address: formatHostPort({ host: node.address.host, port: cluster.spec.manager.port }),
              role: 'primary' as const,
            },
          ],
    ),
    nodes,
    ...debtsOf(facts),
    summary: `${nodes.joined}/${nodes.workers}`,
  };
}

function debtsOf({ debts = [] }: ClusterFacts): Pick<ClusterStatus, 'debts'> {
  if (debts.length === 0) return {};
  return {
    debts: debts.map(({ node, sinceMs }) => ({
      node: node.metadata.name,
      ...(node.status?.address === undefined ? {} : { address: node.status.address }),
      since: formatTime(sinceMs),
    })),
  };
}

/** The first node of which others changed something, in its own words, and the names of the rest. */
function driftedCondition(nodes: readonly Node[]): MoreConditions[string] {
  const drifted = nodes.flatMap((node) => {
    const condition = findCondition(conditionsOf(node), 'Drifted');
    return condition === undefined ? [] : [{ name: node.metadata.name, condition }];
  });
  const first = drifted.find(({ condition }) => condition.reason === 'Fighting') ?? drifted[0];
  if (first === undefined) return undefined;
  const others = drifted.filter((node) => node !== first).map(({ name }) => name);
  const rest = others.length === 0 ? '' : `; also on ${others.slice(0, namedNodes).join(', ')}`;
  const more = others.length > namedNodes ? ' and others' : '';
  return {
    status: 'True',
    reason: first.condition.reason,
    message: `On ${first.name}: ${first.condition.message}${rest}${more}`,
  };
}

/** As many as fit a line. */
const namedNodes = 5;

function unwritable({ reason, message, hint }: SwarmError): MoreConditions[string] {
  return {
    status: 'True',
    reason,
    message: `${message}; changes are refused, and what was acknowledged is kept → ${hint}`,
  };
}

/** The first manager that answers; while none does, the first there will be. */
function endpointOf({ cluster, resolved, managers }: ClusterFacts): string | undefined {
  const candidates = resolved.filter((node) => isManager(node) && node.address !== undefined);
  const node = candidates.find(({ name }) => managers.get(name)?.type === 'serving') ?? candidates[0];
  return node && managerEndpoint(cluster, node);
}

function isReady(node: Node): boolean {
  return findCondition(conditionsOf(node), 'Ready')?.status === 'True';
}

function working(reason: string, message: string): Summary {
  return { ready: 'False', reason, message, progress: 'working' };
}

function settled(reason: string, message: string): Summary {
  return { ready: 'True', reason, message, progress: 'settled' };
}

function stalled(reason: string, message: string): Summary {
  return { ready: 'False', reason, message, progress: 'stalled' };
}
