// The loop of one Cluster: credentials, what is desired, and whether its managers really list every engine. It changes
// nothing on engines, except that it asks managers to look again; the Nodes' loops do the work.
import type { Cluster, Node } from '../api/resources.js';
import { conditionsOf } from '../api/resources.js';
import { agentsFinalizer, containerLabels } from '../api/labels.js';
import { agentContainerName } from '../api/agent-role.js';
import { findCondition } from '../api/conditions.js';
import { suspensionOf } from '../api/suspension.js';
import { isSwarmError, toSwarmError } from '../base/errors.js';
import { DesireMemo } from '../plan/desire-memo.js';
import type { DesiredCluster, DesiredImage } from '../plan/desired-cluster.js';
import { containersByNode, type DesiredContainer } from '../plan/desired-container.js';
import { planLines } from '../plan/describe-plan.js';
import type { ResolvedNode } from '../plan/resolved-node.js';
import { isManager, isWorker } from '../plan/resolved-node.js';
import type { EngineTls } from '../engine/endpoint.js';
import type { Outcome } from '../queue/work-queue.js';
import { servicesToAsk } from './ask-services.js';
import { currentPlan, duplicateOf } from './current-plan.js';
import type { Debt } from './debt-book.js';
import { clusterStatus, type ClusterFacts } from './decide-cluster.js';
import { tellDiscovery } from './discovery-condition.js';
import { endsInMs, endSuspension, tellSuspension } from './end-suspension.js';
import type { ManagerView } from './fleet.js';
import { clusterInput } from './flight-input.js';
import { ManagerQuestions } from './manager-questions.js';
import { phaseOf } from './phase.js';
import type { ReconcilePorts } from './ports.js';
import { forgetRepair, recoverCluster } from './recover-cluster.js';
import { reloadAgents } from './reload-agents.js';
import { resolveNode } from './resolve-node.js';
import { steadyAfterMs } from './rhythm.js';
import { secondLookMs, ServiceQuestions, type ServiceView } from './service-questions.js';
import { wakeNodes } from './wake-nodes.js';

/** A cluster that gets ready: the first seconds are what users wait for, later ones are somebody's fault. */
const convergingMs = 500;
const slowConvergingMs = 5000;
const fastRounds = 60;
const errorMs = 10_000;
// Resolving reads three small files; more at once only queue in the four threads that read files.
const resolvedAtOnce = 16;
/** Managers are asked to look again at most this often, growing while it does not help. */
const nudgeMs = 500;
const longestNudgeMs = 30_000;

interface Patience {
  /** Runs in a row in which the cluster was not ready. */
  rounds: number;
  nudges: number;
  nextNudgeAtMs: number;
}

export class ClusterLoop {
  readonly #ports: ReconcilePorts;
  /** By cluster name. */
  readonly #patience = new Map<string, Patience>();
  readonly #memos = new Map<string, DesireMemo>();
  readonly #questions: ManagerQuestions;
  readonly #services: ServiceQuestions;

  constructor(ports: ReconcilePorts) {
    this.#ports = ports;
    const { outside, clock, enqueue } = ports;
    const onLate = (name: string): void => enqueue({ kind: 'Cluster', name });
    this.#questions = new ManagerQuestions({ outside, clock, onLate });
    this.#services = new ServiceQuestions({ clock, onAnswer: onLate });
  }

  /** Gives up what managers and token services are being asked. */
  async close(): Promise<void> {
    await Promise.all([this.#questions.close(), this.#services.close()]);
  }

  async reconcile(name: string, signal: AbortSignal): Promise<Outcome> {
    const { store, fleet, clock } = this.#ports;
    const cluster = store.getCluster(name);
    const nodes = store.list('Node').filter((node) => node.spec.cluster === name);
    if (cluster === undefined) {
      fleet.forgetCluster(name);
      this.#questions.forget(name);
      this.#services.forget(name);
      this.#patience.delete(name);
      this.#memos.delete(name);
      for (const node of nodes) this.#ports.enqueue({ kind: 'Node', name: node.metadata.name });
      return {};
    }
    if (cluster.metadata.deletionTimestamp !== undefined) return this.#delete(cluster, nodes);
    const resolved = await this.#resolveAll(nodes, cluster);
    const facts = (more: Partial<ClusterFacts>): ClusterFacts => ({
      cluster,
      nodes: store.list('Node').filter((node) => node.spec.cluster === name),
      resolved,
      managers: fleet.managers(name),
      debts: this.#debts(name),
      isCutOff: fleet.isCutOff(store.count('Node')),
      stateError: store.failure,
      nowMs: clock.now(),
      ...more,
    });
    await endSuspension(cluster, this.#ports);
    if (conditionsOf(cluster).length === 0) await this.#writeStatus(facts({}));
    let client: EngineTls | undefined;
    try {
      if (!(await recoverCluster(cluster, this.#ports))) {
        await this.#writeStatus(facts({}));
        return await this.#next(cluster, { isReady: false, resolved, signal });
      }
      client = await this.#desire(cluster, resolved);
      await forgetRepair(cluster, this.#ports, true);
    } catch (error) {
      signal.throwIfAborted();
      if (isSwarmError(error, 'CREDENTIALS_INVALID')) await forgetRepair(cluster, this.#ports, false);
      await this.#writeStatus(facts({ error: toSwarmError(error) }));
      return { requeueAfterMs: errorMs };
    }
    await this.#askManagers(cluster, { resolved, client, signal });
    const services = this.#lookAtServices(cluster, resolved);
    const isReady = await this.#writeStatus(facts({ work: this.#work(name), services }));
    if (nodes.every((node) => fleet.isConfirmed({ kind: 'Node', name: node.metadata.name }))) {
      fleet.confirm({ kind: 'Cluster', name });
    }
    return this.#next(cluster, { isReady, resolved, signal });
  }

  #debts(cluster: string): readonly Debt[] {
    return this.#ports.debts.list().filter(({ node }) => node.spec.cluster === cluster);
  }

  /** The phase of the first stage with work left; undefined when every engine that was seen is as desired. */
  #work(name: string): string | undefined {
    const current = currentPlan(name, this.#ports);
    if (current === undefined) return undefined;
    const { plan } = current;
    const key = { kind: 'Cluster', name } as const;
    this.#ports.flight.record(key, planLines(plan), () => clusterInput(name, this.#ports));
    const [first] = plan.stages;
    return first && phaseOf(first.actions);
  }

  async #resolveAll(nodes: readonly Node[], cluster: Cluster): Promise<readonly ResolvedNode[]> {
    const { machines, fleet } = this.#ports;
    const resolved: ResolvedNode[] = [];
    for (let start = 0; start < nodes.length; start += resolvedAtOnce) {
      const slice = nodes.slice(start, start + resolvedAtOnce);
      const answers = await Promise.all(slice.map((node) => resolveNode(node, { cluster, machines })));
      for (const { resolved: node, error } of answers) {
        // A file that cannot be read now must not change what runs: the last good reading counts.
        const last = error === undefined ? undefined : fleet.lastResolved(node.name);
        resolved.push(
          last === undefined
            ? node
            : {
                ...last,
                roles: node.roles,
                ...(node.driftPolicy === undefined ? {} : { driftPolicy: node.driftPolicy }),
                isDeleting: node.isDeleting,
                isCordoned: node.isCordoned ?? false,
              },
        );
      }
    }
    return resolved;
  }

  /** Makes what is missing of the credentials, and publishes what is desired. */
  async #desire(cluster: Cluster, nodes: readonly ResolvedNode[]): Promise<EngineTls | undefined> {
    const { credentials, fleet, installation, store } = this.#ports;
    const ensured = await credentials.ensure(cluster, nodes);
    const image = await this.#image(cluster);
    // It may have been deleted meanwhile: then nothing may be desired again.
    const { name } = cluster.metadata;
    if (store.getCluster(name)?.metadata.uid !== cluster.metadata.uid) return ensured.client;
    const before = fleet.desired(name);
    const memo = this.#memos.get(name) ?? new DesireMemo();
    this.#memos.set(name, memo);
    const desired = memo.desire({ installation, cluster, nodes, image, credentials: ensured.credentials });
    fleet.setDesired(desired);
    // Without it they were looked at without knowing which image to look for. In a suspended cluster nobody is woken to
    // work, but what is left undone is to be told.
    const isSuspended = suspensionOf(cluster, this.#ports.clock.now()) !== undefined;
    const changed = isSuspended && before !== undefined ? changedNodes(before, desired) : undefined;
    for (const node of desired.nodes) {
      if (before === undefined || changed?.has(node) === true)
        this.#ports.enqueue({ kind: 'Node', name: node });
    }
    wakeNodes(name, this.#ports);
    return ensured.client;
  }

  async #image(cluster: Cluster): Promise<DesiredImage> {
    const { image } = cluster.spec;
    return image === undefined ? this.#ports.defaultImage() : { reference: image, source: 'registry' };
  }

  /** Asks every manager whose container runs, and rings the nodes about which the answer changed. */
  async #askManagers(
    cluster: Cluster,
    {
      resolved,
      client,
      signal,
    }: {
      readonly resolved: readonly ResolvedNode[];
      readonly client: EngineTls | undefined;
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    const { fleet } = this.#ports;
    const { name } = cluster.metadata;
    const before = fleet.managers(name);
    const { port } = cluster.spec.manager;
    const running = resolved.filter(isManager).flatMap((node) => {
      const view = fleet.view(node.name);
      const container =
        view.type === 'observed'
          ? view.observation.containers.find((other) => other.name === agentContainerName(name, 'manage'))
          : undefined;
      if (node.address === undefined || (view.type === 'observed' && container?.state !== 'running'))
        return [];
      return [{ node: node.name, address: { host: node.address.host, port }, tls: client }];
    });
    const after = await this.#questions.ask(name, running, { before, signal });
    fleet.setManagers(name, after);
    for (const node of resolved) {
      const isAffected =
        answerAbout(node, before) !== answerAbout(node, after) && fleet.view(node.name).type === 'observed';
      if (isAffected) this.#ports.enqueue({ kind: 'Node', name: node.name });
    }
  }

  /** Nobody waits for what they say: an answer that is news rings the cluster. */
  #lookAtServices(cluster: Cluster, resolved: readonly ResolvedNode[]): readonly ServiceView[] | undefined {
    const services = servicesToAsk(cluster, { resolved, ports: this.#ports });
    return services && this.#services.look(cluster.metadata.name, services);
  }

  /** Decides when to look again, and helps managers that have not heard of an engine yet. */
  async #next(
    cluster: Cluster,
    options: {
      readonly isReady: boolean;
      readonly resolved: readonly ResolvedNode[];
      readonly signal: AbortSignal;
    },
  ): Promise<Outcome> {
    const { name } = cluster.metadata;
    const nowMs = this.#ports.clock.monotonic();
    const suspension = suspensionOf(cluster, this.#ports.clock.now());
    const endsMs = endsInMs(suspension, this.#ports.clock.now()) ?? Infinity;
    if (options.isReady) {
      this.#patience.delete(name);
      const doubtMs = this.#services.isDoubtful(name) ? secondLookMs : Infinity;
      return { requeueAfterMs: Math.min(steadyAfterMs(options.resolved.length), endsMs, doubtMs) };
    }
    const patience = this.#patience.get(name) ?? { rounds: 0, nudges: 0, nextNudgeAtMs: 0 };
    this.#patience.set(name, patience);
    patience.rounds += 1;
    if (
      suspension === undefined &&
      nowMs >= patience.nextNudgeAtMs &&
      this.#isAnyUnheard(name, options.resolved)
    ) {
      patience.nextNudgeAtMs = nowMs + Math.min(longestNudgeMs, nudgeMs * 2 ** Math.min(patience.nudges, 10));
      patience.nudges += 1;
      await reloadAgents(name, { role: 'manage', ports: this.#ports, signal: options.signal });
    }
    const delayMs = patience.rounds <= fastRounds ? convergingMs : slowConvergingMs;
    return { requeueAfterMs: Math.min(delayMs, endsMs) };
  }

  /**
   * Whether a join container runs whose engine a manager does not list, because it registered after the manager looked,
   * or cannot use, perhaps because a reload came too early in its life.
   */
  #isAnyUnheard(cluster: string, resolved: readonly ResolvedNode[]): boolean {
    const { fleet } = this.#ports;
    const lists = [...fleet.managers(cluster).values()].flatMap((view) =>
      view.type === 'serving' ? [view.engines] : [],
    );
    return resolved.filter(isWorker).some((node) => {
      const view = fleet.view(node.name);
      if (view.type !== 'observed' || node.entry === undefined) return false;
      const { entry } = node;
      const join = view.observation.containers.find(
        (container) => container.name === agentContainerName(cluster, 'join'),
      );
      return join?.state === 'running' && lists.some((list) => list.get(entry)?.status !== 'Healthy');
    });
  }

  async #delete(cluster: Cluster, nodes: readonly Node[]): Promise<Outcome> {
    const { store, story, credentials, fleet, clock } = this.#ports;
    const { name } = cluster.metadata;
    const key = { kind: 'Cluster', name } as const;
    const isOrphaning = cluster.spec.deletionPolicy === 'Orphan';
    const leftovers = isOrphaning ? undefined : this.#leftovers(cluster, nodes);
    if (leftovers !== undefined) {
      for (const node of nodes) {
        // One that failed comes back by itself.
        if (fleet.view(node.metadata.name).type !== 'failed') {
          this.#ports.enqueue({ kind: 'Node', name: node.metadata.name });
        }
      }
      const resolved = nodes.flatMap((node) => fleet.lastResolved(node.metadata.name) ?? []);
      const managers = fleet.managers(name);
      const debts = this.#debts(name);
      await this.#writeStatus({ cluster, nodes, resolved, managers, leftovers, debts, nowMs: clock.now() });
      return { requeueAfterMs: 1000 };
    }
    story.tell(key, {
      type: 'Normal',
      reason: isOrphaning ? 'Orphaned' : 'Deleted',
      message: isOrphaning
        ? `Cluster ${name} is forgotten; its containers keep running`
        : `Cluster ${name} is deleted; its containers are removed`,
    });
    if (isOrphaning) await this.#ports.late.forgetCluster(name);
    else await credentials.remove(name);
    fleet.forgetCluster(name);
    await store.removeFinalizer(key, agentsFinalizer);
    for (const node of nodes) this.#ports.enqueue({ kind: 'Node', name: node.metadata.name });
    return {};
  }

  /** Why something may still be on engines; undefined when nothing is. */
  #leftovers(cluster: Cluster, nodes: readonly Node[]): string | undefined {
    const { fleet, installation } = this.#ports;
    const { name } = cluster.metadata;
    const failures: string[] = [];
    let isAnyLeft = false;
    for (const { metadata } of nodes) {
      const view = fleet.view(metadata.name);
      if (view.type === 'failed') {
        // Containers are gone with the machine they were on, or are owed.
        const isOwed = this.#ports.debts.isOwedByGone(metadata.uid);
        if (view.error.code !== 'MACHINE_NOT_FOUND' && !isOwed) failures.push(view.error.message);
      } else if (view.type === 'unknown' || fleet.isBusy(metadata.name)) {
        isAnyLeft = true;
      } else if (duplicateOf(metadata.name, this.#ports) === undefined) {
        const isLeft = view.observation.containers.some(
          ({ labels }) =>
            labels[containerLabels.installation] === installation && labels[containerLabels.cluster] === name,
        );
        isAnyLeft ||= isLeft || !fleet.isCleared(metadata.name, cluster.metadata.uid);
        if (isLeft && view.applyError !== undefined) failures.push(view.applyError.message);
      }
    }
    if (failures.length > 0) return failures.join('; ');
    return isAnyLeft ? 'its engines are at it' : undefined;
  }

  /** @returns whether the cluster is ready */
  async #writeStatus(facts: ClusterFacts): Promise<boolean> {
    const { store, story } = this.#ports;
    const key = { kind: 'Cluster', name: facts.cluster.metadata.name } as const;
    const before = store.getCluster(key.name);
    if (before === undefined) return false;
    const status = clusterStatus({
      ...facts,
      cluster: before.status === undefined ? facts.cluster : { ...facts.cluster, status: before.status },
    });
    await store.updateStatus(key, status);
    const conditions = status.conditions ?? [];
    story.tellReady(key, { before: conditionsOf(before), after: conditions });
    const suspension = suspensionOf(facts.cluster, facts.nowMs);
    tellSuspension(key, { before: conditionsOf(before), after: conditions, suspension, story });
    tellDiscovery(key.name, { before: conditionsOf(before), after: conditions, story });
    return findCondition(conditions, 'Ready')?.status === 'True';
  }
}

/** Nodes on which something else is desired than before. */
function changedNodes(before: DesiredCluster, after: DesiredCluster): ReadonlySet<string> {
  const [old, now] = [before, after].map(({ containers }) => containersByNode(containers));
  const hashes = (containers: readonly DesiredContainer[] = []): string =>
    containers.map(({ name, specHash, filesHash }) => `${name} ${specHash} ${filesHash ?? ''}`).join();
  return new Set(after.nodes.filter((node) => hashes(old?.get(node)) !== hashes(now?.get(node))));
}

/** What managers say that matters to a node, as text to compare. */
function answerAbout(node: ResolvedNode, managers: ReadonlyMap<string, ManagerView>): string {
  return [...managers]
    .map(([name, view]) => {
      if (view.type === 'silent') return `${name} silent ${name === node.name ? view.error.message : ''}`;
      const listed = view.engines.get(node.entry ?? '');
      return `${name} ${listed === undefined ? 'unlisted' : `${listed.status} ${listed.error}`}`;
    })
    .join('\n');
}
