// The loop of one Node: look at its engine, do what the cluster's plan asks of this engine now, and say how it is.
// It is the only one that changes things on its engine, so a slow or dead engine holds up nobody else.
import type { Cluster, Node } from '../api/resources.js';
import { conditionsOf } from '../api/resources.js';
import { findCondition } from '../api/conditions.js';
import { suspensionOfNode, type Suspension } from '../api/suspension.js';
import { agentsFinalizer, containerLabels } from '../api/labels.js';
import { agentContainerName, managerVolumeName } from '../api/agent-role.js';
import { backoffDelayMs } from '../base/backoff.js';
import { isSwarmError, toSwarmError, type SwarmError } from '../base/errors.js';
import type { EngineClient } from '../engine/engine-client.js';
import { describeAction, type Action } from '../plan/action.js';
import type { ObservedContainer } from '../plan/observation.js';
import type { ResolvedNode } from '../plan/resolved-node.js';
import type { Outcome } from '../queue/work-queue.js';
import { ActionNotes } from './action-notes.js';
import { applyActions } from './apply-plan.js';
import { desiredOn, duplicateOf } from './current-plan.js';
import { generationOf, leavesAtMs, nodeStatus, type NodeFacts } from './decide-node.js';
import { endsInMs, endSuspension, tellSuspension } from './end-suspension.js';
import { heirOf, leaveDebt, leaveLate, takeOverLeft } from './leave-engine.js';
import { nodeInput } from './flight-input.js';
import { leaveDiscovery } from './leave-discovery.js';
import { lastWordsOf } from './last-words.js';
import { countHealed, leftOf, releaseHolds, settleContainers, tellDrift } from './node-drift.js';
import { findWork, type Work } from './node-work.js';
import { isLookCurrent, lookAtEngine } from './look-at-engine.js';
import { phaseOf } from './phase.js';
import type { ReconcilePorts } from './ports.js';
import { reloadAgents } from './reload-agents.js';
import { resolveNode } from './resolve-node.js';
import { gatherForMs, resyncAfterMs } from './rhythm.js';
import { strangerError, type Stranger } from './same-engine.js';
import { wakeNodes } from './wake-nodes.js';

/** While something outside is awaited: another engine's stage, a foreign container that goes away. */
const waitMs = 5000;
const conflictMs = 200;
/** Stages one engine can have work in: clear, discovery, manager, joins, removals; twice that means a plan that flaps. */
const mostRounds = 10;

export async function reconcileNode(
  name: string,
  ports: ReconcilePorts,
  signal: AbortSignal,
): Promise<Outcome> {
  const { store, fleet, sessions } = ports;
  const node = store.getNode(name);
  if (node === undefined) {
    sessions.drop(name);
    fleet.forgetNode(name);
    return {};
  }
  const cluster = store.getCluster(node.spec.cluster);
  await takeOverLeft(node, ports);
  const resolution = await resolveNode(node, { cluster, machines: ports.machines });
  const run = new NodeRun({ node, cluster, resolved: resolution.resolved, ports, signal });
  fleet.drift.restore(node);
  await endSuspension(node, ports);
  if (conditionsOf(node).length === 0) await run.writeStatus();
  if (resolution.endpoint === undefined) return run.fail(resolution.error ?? toSwarmError('no endpoint'));
  fleet.setResolved(resolution.resolved);
  return run.reconcile(sessions.client(name, resolution.endpoint));
}

interface RunOptions {
  readonly node: Node;
  readonly cluster: Cluster | undefined;
  readonly resolved: ResolvedNode;
  readonly ports: ReconcilePorts;
  readonly signal: AbortSignal;
}

/** One run of the loop; made anew each time. */
class NodeRun {
  readonly #name: string;
  readonly #cluster: Cluster | undefined;
  readonly #resolved: ResolvedNode;
  readonly #ports: ReconcilePorts;
  readonly #signal: AbortSignal;
  #node: Node;
  #stranger: Stranger | undefined;
  readonly #notes: ActionNotes;

  constructor(options: RunOptions) {
    this.#name = options.node.metadata.name;
    this.#node = options.node;
    this.#cluster = options.cluster;
    this.#resolved = options.resolved;
    this.#ports = options.ports;
    this.#signal = options.signal;
    this.#notes = new ActionNotes(options.ports.clock);
  }

  async reconcile(client: EngineClient): Promise<Outcome> {
    const { fleet, sessions } = this.#ports;
    try {
      if (this.#mayRest())
        settleContainers(this.#name, { cluster: this.#node.spec.cluster, ports: this.#ports });
      else await this.#observe(client);
    } catch (error) {
      this.#signal.throwIfAborted();
      return this.fail(toSwarmError(error));
    }
    sessions.watch(this.#name);
    const nextHealMs = releaseHolds(this.#name, this.#ports);
    let work = this.#findWork();
    tellDrift(this.#name, { drifts: work.drifts, ports: this.#ports });
    for (let round = 0; round < mostRounds && work.actions.length > 0 && work.mayAct; round += 1) {
      const error = await this.#act(client, work);
      if (error !== undefined) {
        sessions.memory(this.#name)?.forget();
        return isSwarmError(error, 'OBJECT_CONFLICT')
          ? { requeueAfterMs: conflictMs }
          : this.#applyFailed(error);
      }
      work = this.#findWork();
      tellDrift(this.#name, { drifts: work.drifts, ports: this.#ports });
    }
    const view = fleet.view(this.#name);
    if (view.type === 'observed' && view.applyError !== undefined) {
      const { engine, observation } = view;
      fleet.setView(this.#name, { type: 'observed', engine, observation, failures: 0 });
    }
    if (await this.#finalize(work, client)) return {};
    if (work.waitsFor !== undefined) this.#ports.logger.debug(`${this.#name} waits for ${work.waitsFor}`);
    const lastWords = await lastWordsOf(client, this.#ownContainers(), this.#signal);
    const { pending, problem } = work;
    await this.writeStatus({ work: pending, problem, lastWords, drifts: leftOf(work) });
    this.#wakeOthers();
    const isDone = (pending === undefined || !work.mayAct) && problem === undefined;
    const endsMs = endsInMs(this.#suspension(), this.#ports.clock.now());
    return {
      requeueAfterMs: Math.min(
        isDone ? resyncAfterMs(this.#ports.sessions.size) : waitMs,
        endsMs ?? Infinity,
        work.drifts.some(({ treatment }) => treatment.type === 'hold') ? (nextHealMs ?? waitMs) : Infinity,
      ),
    };
  }

  /** Marks the engine as out of reach, says so, and comes back later. */
  async fail(error: SwarmError): Promise<Outcome> {
    const { fleet, random } = this.#ports;
    const before = fleet.view(this.#name);
    const failures = before.type === 'failed' ? before.failures + 1 : 1;
    const stranger = this.#stranger === undefined ? {} : { stranger: this.#stranger };
    fleet.setView(this.#name, { type: 'failed', error, failures, ...stranger });
    // A machine that does not exist any more has no containers either.
    if (error.code === 'MACHINE_NOT_FOUND' && (await this.#dropFinalizer())) return {};
    const patienceMs = this.#patienceMs();
    if (patienceMs !== undefined && patienceMs <= 0) {
      await this.#leaveDebt(
        `goes without its engine; what is left there is removed when it answers: ${error.message}`,
      );
      if (await this.#dropFinalizer()) return {};
    }
    await this.writeStatus();
    this.#wakeOthers();
    const delayMs = backoffDelayMs(failures, random, { capMs: 30_000 });
    const isWaiting = patienceMs !== undefined && patienceMs > 0;
    return { requeueAfterMs: isWaiting ? Math.min(delayMs, patienceMs) : delayMs };
  }

  async writeStatus(
    more: Pick<NodeFacts, 'work' | 'isDisruptive' | 'problem' | 'lastWords' | 'drifts'> = {},
  ): Promise<void> {
    const { fleet, store, story, clock, installation } = this.#ports;
    const key = { kind: 'Node', name: this.#name } as const;
    const clusterName = this.#node.spec.cluster;
    // Read again: the spec may have changed meanwhile, and the conditions must continue the newest ones.
    const before = store.getNode(this.#name);
    if (before === undefined || this.#isTooEarly(before)) return;
    const status = nodeStatus({
      node: {
        ...before,
        spec: this.#node.spec,
        metadata: { ...before.metadata, ...generationOf(this.#node) },
      },
      cluster: this.#cluster,
      resolved: this.#resolved,
      view: fleet.view(this.#name),
      duplicateOf: duplicateOf(this.#name, this.#ports),
      desired: desiredOn(this.#name, clusterName, this.#ports),
      managers: fleet.managers(clusterName),
      installation,
      isCutOff: fleet.isCutOff(store.count('Node')),
      nowMs: clock.now(),
      done: this.#notes.take(),
      ...more,
    });
    const after = await store.updateStatus(key, status);
    const isFirst = !fleet.isConfirmed(key);
    fleet.confirm(key);
    const conditions = { before: conditionsOf(before), after: status.conditions ?? [] };
    story.tellReady(key, conditions);
    tellSuspension(key, { ...conditions, suspension: this.#suspension(), story });
    // The cluster counts its ready nodes and repeats what is wrong with them.
    if (isFirst || after?.metadata.resourceVersion !== before.metadata.resourceVersion) this.#wakeCluster();
  }

  /**
   * Right after a start the managers have not been asked: what an earlier process wrote is truer than "not known".
   * The cluster's loop rings when it knows.
   */
  #isTooEarly(before: Node): boolean {
    const { fleet } = this.#ports;
    const { cluster } = this.#node.spec;
    if (this.#cluster === undefined || fleet.view(this.#name).type === 'failed') return false;
    const isReady = findCondition(conditionsOf(before), 'Ready')?.status === 'True';
    return isReady && (fleet.desired(cluster) === undefined || !fleet.isAsked(cluster));
  }

  /** @throws {ENGINE_*} also when another engine has taken the place of this one */
  async #observe(client: EngineClient, isAfterActing = false): Promise<void> {
    this.#stranger = await lookAtEngine(client, {
      ...{ node: this.#node, ports: this.#ports, signal: this.#signal, isAfterActing },
    });
    if (this.#stranger === undefined) return;
    const { id } = this.#stranger;
    const [owner] = this.#ports.fleet.nodesWithEngine(id).filter((name) => name !== this.#name);
    const { address } = client.endpoint;
    throw strangerError(this.#ports.store.getNode(this.#name) ?? this.#node, this.#stranger, {
      ...{ address, owner },
    });
  }

  /** Whether the last look will do. What goes away is looked at anew before anybody says that it is gone. */
  #mayRest(): boolean {
    const isGoing = this.#node.metadata.deletionTimestamp ?? this.#cluster?.metadata.deletionTimestamp;
    return isGoing === undefined && isLookCurrent(this.#node, this.#ports);
  }

  #findWork(): Work {
    return findWork({
      node: this.#name,
      cluster: this.#cluster,
      clusterName: this.#node.spec.cluster,
      isDeleting: this.#node.metadata.deletionTimestamp !== undefined,
      own: this.#ownContainers(),
      suspension: this.#suspension(),
      ports: this.#ports,
    });
  }

  /** As it is at this moment: it may have begun during this run. */
  #suspension(): Suspension | undefined {
    const { store, clock } = this.#ports;
    const cluster = store.getCluster(this.#node.spec.cluster);
    return suspensionOfNode(store.getNode(this.#name) ?? this.#node, cluster, clock.now());
  }

  /** @returns what went wrong */
  async #act(client: EngineClient, work: Work): Promise<SwarmError | undefined> {
    const { actions, isDisruptive } = work;
    const { fleet, images, delivered, story, installation, logger, clock } = this.#ports;
    const key = { kind: 'Node', name: this.#name } as const;
    fleet.setBusy(this.#name, true);
    const lines = actions.map(describeAction);
    const conclude = this.#ports.flight.record(key, lines, () => nodeInput(this.#node, this.#ports));
    try {
      for (const line of lines) logger.debug(`To do: ${line}`);
      await this.writeStatus({ work: phaseOf(actions), isDisruptive, drifts: leftOf(work) });
      this.#notes.start();
      await applyActions(actions, {
        ...{ client, images, delivered, installation, clock, files: fleet.files },
        tell: (happening) => story.tell(key, happening),
        onStep: (action, error) => this.#notes.add(action, error),
        signal: this.#signal,
      });
      countHealed(this.#name, { drifts: work.drifts, actions, ports: this.#ports });
      await this.#observe(client, true);
      await this.#leave(actions);
      await this.#welcome(actions);
      conclude(undefined);
      return undefined;
    } catch (error) {
      conclude(toSwarmError(error));
      if (actions.some(({ type }) => type === 'CreateContainer')) this.#ports.late.unanswered(this.#node);
      this.#signal.throwIfAborted();
      return toSwarmError(error);
    } finally {
      fleet.setBusy(this.#name, false);
      this.#wakeOthers();
      this.#wakeCluster();
    }
  }

  /** Takes the engine's entry out of discovery when its join container was removed for good. */
  async #leave(actions: readonly Action[]): Promise<void> {
    const name = agentContainerName(this.#node.spec.cluster, 'join');
    const isRemoved = actions.some((action) => action.type === 'RemoveContainer' && action.name === name);
    const isBack = this.#ownContainers().some((container) => container.name === name);
    const { entry } = this.#resolved;
    if (!isRemoved || isBack || entry === undefined || this.#cluster === undefined) return;
    await leaveDiscovery({ cluster: this.#cluster, entry, ports: this.#ports, signal: this.#signal });
  }

  /** A token service that is new has forgotten everybody: the join containers tell it now, not at their next heartbeat. */
  async #welcome(actions: readonly Action[]): Promise<void> {
    const cluster = this.#node.spec.cluster;
    const isNew = actions.some(
      (action) => action.type === 'StartContainer' && action.container.role === 'discovery',
    );
    if (isNew) await reloadAgents(cluster, { role: 'join', ports: this.#ports, signal: this.#signal });
  }

  async #applyFailed(error: SwarmError): Promise<Outcome> {
    const { fleet, random } = this.#ports;
    const view = fleet.view(this.#name);
    const failures = view.type === 'observed' ? view.failures + 1 : 1;
    if (view.type === 'observed') fleet.setView(this.#name, { ...view, applyError: error, failures });
    await this.writeStatus();
    this.#wakeOthers();
    return { requeueAfterMs: backoffDelayMs(failures, random, { capMs: 30_000 }) };
  }

  /** How much longer the deletion of this Node, or of its Cluster, waits for the engine; undefined while nothing is deleted. */
  #patienceMs(): number | undefined {
    const cluster = this.#cluster;
    const { fleet, store } = this.#ports;
    // An operator that is cut off must not believe that all its engines are gone, nor one that has seen a few of them.
    if (this.#suspension() !== undefined || fleet.mayBeCutOff(store.count('Node'))) return undefined;
    const deletedAt = this.#node.metadata.deletionTimestamp ?? cluster?.metadata.deletionTimestamp;
    if (deletedAt === undefined) return undefined;
    return leavesAtMs(this.#node, deletedAt) - this.#ports.clock.now();
  }

  /** Writes down what may be left on the engine. */
  #leaveDebt(why: string): Promise<void> {
    const [node, cluster, ports, signal] = [this.#node, this.#cluster, this.#ports, this.#signal];
    return leaveDebt(node, { why, cluster, entry: this.#resolved.entry, ports, signal });
  }

  /** Lets a deleted Node go once nothing of ours is left on its engine. @returns whether it went */
  async #finalize(work: Work, client: EngineClient): Promise<boolean> {
    if (work.leavesContainers) {
      const heir = heirOf(this.#node, { own: this.#ownContainers(), ports: this.#ports });
      if (heir !== undefined)
        await this.#leaveDebt(`goes while node ${heir} has its engine; what is left there is removed`);
      else if (duplicateOf(this.#name, this.#ports) !== undefined) await leaveLate(this.#node, this.#ports);
      return this.#dropFinalizer();
    }
    if (this.#ownContainers().length > 0 || !work.mayAct) return false;
    const home = this.#cluster?.metadata;
    const isHomeGoing = home?.deletionTimestamp !== undefined;
    if (this.#node.metadata.deletionTimestamp !== undefined || isHomeGoing) await this.#removeVolume(client);
    await leaveLate(this.#node, this.#ports, home);
    // The Cluster waits for this: without it nobody would know of the volume any more.
    if (isHomeGoing) this.#ports.fleet.setCleared(this.#name, home.uid);
    return this.#dropFinalizer();
  }

  /** It went with its container, unless somebody else removed that, or we were killed between the two. */
  async #removeVolume(client: EngineClient): Promise<void> {
    const volume = managerVolumeName(this.#node.spec.cluster);
    try {
      await client.removeVolume(volume, this.#signal);
    } catch (error) {
      this.#signal.throwIfAborted();
      this.#ports.logger.warn(`Leaving volume ${volume} on ${this.#name}: ${toSwarmError(error).message}`);
    }
  }

  async #dropFinalizer(): Promise<boolean> {
    const { store, story, enqueue } = this.#ports;
    const key = { kind: 'Node', name: this.#name } as const;
    const node = store.getNode(this.#name);
    if (node?.metadata.deletionTimestamp === undefined) return false;
    if (node.metadata.finalizers?.includes(agentsFinalizer) !== true) return false;
    story.tell(key, {
      type: 'Normal',
      reason: 'Released',
      message: `Node ${this.#name} leaves cluster ${node.spec.cluster}`,
    });
    await store.removeFinalizer(key, agentsFinalizer);
    enqueue({ kind: 'Cluster', name: node.spec.cluster });
    return true;
  }

  #ownContainers(): readonly ObservedContainer[] {
    const view = this.#ports.fleet.view(this.#name);
    if (view.type !== 'observed') return [];
    return view.observation.containers.filter(
      (container) => container.labels[containerLabels.installation] === this.#ports.installation,
    );
  }

  /** What was seen here may be what others wait for. */
  #wakeOthers(): void {
    wakeNodes(this.#node.spec.cluster, { ...this.#ports, except: this.#name });
  }

  #wakeCluster(): void {
    // The small delay makes one run of what many nodes report at once; the more there are, the more one run costs.
    const name = this.#node.spec.cluster;
    const nodes = this.#ports.fleet.desired(name)?.nodes.length ?? 0;
    this.#ports.enqueue({ kind: 'Cluster', name }, { delayMs: gatherForMs(nodes) });
  }
}
