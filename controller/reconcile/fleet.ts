// What the loops last saw and decided, in memory: a cache that may be thrown away at any moment. Every entry has one
// writer: the loop of its own Node or Cluster.
import { formatKey, type ObjectKey } from '../api/object-key.js';
import { isSwarmError, type SwarmError } from '../base/errors.js';
import type { EngineDescription } from '../engine/engine-description.js';
import type { DesiredCluster } from '../plan/desired-cluster.js';
import { containersByNode, type DesiredContainer } from '../plan/desired-container.js';
import type { EngineObservation } from '../plan/observation.js';
import type { ResolvedNode } from '../plan/resolved-node.js';
import { DriftBook } from './drift-book.js';
import type { FightRecord } from './fight-record.js';
import { FileChecks } from './file-checks.js';
import { PlannedCluster } from './planned-cluster.js';
import type { Stranger } from './same-engine.js';

export type NodeView =
  /** Its engine has not been looked at since this process started. */
  | { readonly type: 'unknown' }
  | {
      readonly type: 'observed';
      readonly engine: EngineDescription;
      readonly observation: EngineObservation;
      /** The look succeeded, but what was done then failed. */
      readonly applyError?: SwarmError;
      /** Failed attempts to act in a row. */
      readonly failures: number;
    }
  /** The last look failed. */
  | {
      readonly type: 'failed';
      readonly error: SwarmError;
      readonly failures: number;
      /** Who answers where the Node's engine was. */
      readonly stranger?: Stranger;
    };

/** One engine as a manager lists it. */
export interface ListedEngine {
  readonly name: string;
  /** Healthy, Unhealthy, Pending, Disconnected. */
  readonly status: string;
  readonly error: string;
}

/** What a manager answered when it was last asked. */
export type ManagerView =
  | { readonly type: 'serving'; readonly engines: ReadonlyMap<string, ListedEngine> }
  | { readonly type: 'silent'; readonly error: SwarmError };

const silentCodes = ['ENGINE_UNREACHABLE', 'ENGINE_TIMEOUT'] as const;
/** What is wrong here, before anything is sent. */
const ownCodes = [
  'CREDENTIALS_UNREADABLE',
  'CREDENTIALS_INVALID',
  'MACHINE_NOT_FOUND',
  'MANIFEST_INVALID',
] as const;

export class Fleet {
  readonly files = new FileChecks();
  readonly drift: DriftBook;
  readonly #nodes = new Map<string, NodeView>();
  /** Nodes by the ID of the engine that was seen: each plan asks of each node whether it has an engine to itself. */
  readonly #byEngine = new Map<string, Set<string>>();
  /** Nodes whose loop is changing its engine now: their view is about to be out of date. */
  readonly #busy = new Set<string>();
  /** The last resolution of each node that had no error. */
  readonly #resolved = new Map<string, ResolvedNode>();
  readonly #planned = new Map<string, PlannedCluster>();
  /** The desired containers of a cluster by node: each loop asks for its own again and again. */
  readonly #desiredOn = new Map<string, ReadonlyMap<string, readonly DesiredContainer[]>>();
  /** By cluster, then node. */
  readonly #managers = new Map<string, ReadonlyMap<string, ManagerView>>();

  /** Keys of objects whose status was written from what this process saw, not from what an earlier one left. */
  readonly #confirmed = new Set<string>();

  /** Nodes on whose engine nothing of their deleted Cluster is left, volumes included; by node, the Cluster's uid. */
  readonly #cleared = new Map<string, string | undefined>();

  /** @param o fights: what is remembered of earlier processes; onFights: called when that becomes something else */
  constructor(o: { readonly fights?: readonly FightRecord[]; readonly onFights?: () => void } = {}) {
    this.drift = new DriftBook({
      ...(o.fights === undefined ? {} : { remembered: o.fights }),
      ...(o.onFights === undefined ? {} : { onFights: o.onFights }),
      onChange: (engineId) => {
        for (const node of this.nodesWithEngine(engineId)) this.#changed(node);
      },
    });
  }

  isCleared(node: string, clusterUid: string | undefined): boolean {
    return this.#cleared.has(node) && this.#cleared.get(node) === clusterUid;
  }

  setCleared(node: string, clusterUid: string | undefined): void {
    this.#cleared.set(node, clusterUid);
  }

  isConfirmed(key: ObjectKey): boolean {
    return this.#confirmed.has(formatKey(key));
  }

  confirm(key: ObjectKey): void {
    this.#confirmed.add(formatKey(key));
  }

  /** Whether the managers of a cluster were asked since this process started. */
  isAsked(cluster: string): boolean {
    return this.#managers.has(cluster);
  }

  view(node: string): NodeView {
    return this.#nodes.get(node) ?? { type: 'unknown' };
  }

  setView(node: string, view: NodeView): void {
    this.#leaveEngine(node);
    this.#nodes.set(node, view);
    this.#changed(node);
    if (view.type !== 'observed') return;
    const { id } = view.engine;
    const nodes = (this.#byEngine.get(id) ?? new Set()).add(node);
    this.#byEngine.set(id, nodes);
    // Which of them the engine belongs to is decided anew.
    if (nodes.size > 1) for (const other of nodes) this.#changed(other);
  }

  forgetNode(node: string): void {
    this.#leaveEngine(node);
    this.#nodes.delete(node);
    this.#changed(node);
    this.#busy.delete(node);
    this.#resolved.delete(node);
    this.#cleared.delete(node);
    this.#confirmed.delete(formatKey({ kind: 'Node', name: node }));
  }

  isBusy(node: string): boolean {
    return this.#busy.has(node);
  }

  setBusy(node: string, isBusy: boolean): void {
    if (isBusy) this.#busy.add(node);
    else this.#busy.delete(node);
  }

  lastResolved(node: string): ResolvedNode | undefined {
    return this.#resolved.get(node);
  }

  setResolved(resolved: ResolvedNode): void {
    this.#resolved.set(resolved.name, resolved);
  }

  desired(cluster: string): DesiredCluster | undefined {
    return this.#planned.get(cluster)?.desired;
  }

  /** Read it through `livePlan`, which brings it up to date. */
  planned(cluster: string): PlannedCluster | undefined {
    return this.#planned.get(cluster);
  }

  /** Those on one node; empty when there are none. */
  desiredOn(cluster: string, node: string): readonly DesiredContainer[] {
    return this.#desiredOn.get(cluster)?.get(node) ?? [];
  }

  setDesired(desired: DesiredCluster): void {
    const planned = this.#planned.get(desired.name);
    // Of a cluster at rest it is the same each time; looking at every node again would be for nothing.
    if (planned?.desired === desired) return;
    if (planned === undefined) this.#planned.set(desired.name, new PlannedCluster(desired));
    else planned.setDesired(desired);
    this.#desiredOn.set(desired.name, containersByNode(desired.containers));
  }

  managers(cluster: string): ReadonlyMap<string, ManagerView> {
    return this.#managers.get(cluster) ?? new Map<string, ManagerView>();
  }

  setManagers(cluster: string, managers: ReadonlyMap<string, ManagerView>): void {
    for (const node of [...this.managers(cluster).keys(), ...managers.keys()]) this.#changed(node);
    this.#managers.set(cluster, managers);
  }

  forgetCluster(cluster: string): void {
    this.#planned.delete(cluster);
    this.#desiredOn.delete(cluster);
    this.#managers.delete(cluster);
    this.#confirmed.delete(formatKey({ kind: 'Cluster', name: cluster }));
  }

  /**
   * Whether no engine at all answers, of two or more that should: then it is not they who are gone but this machine that
   * is cut off. What failed before an engine was asked tells nothing, and one that was not looked at yet may answer.
   * @param nodes how many there are
   */
  isCutOff(nodes: number): boolean {
    const { silent, unseen } = this.#unanswered(nodes);
    return silent > 1 && unseen === 0;
  }

  /** Whether nothing that was seen so far speaks against `isCutOff`: for what must not be done while it is so. */
  mayBeCutOff(nodes: number): boolean {
    const { silent, unseen } = this.#unanswered(nodes);
    return silent + unseen > 1;
  }

  /** How many nodes have an engine that does not answer, and how many were not looked at; none when one answers. */
  #unanswered(nodes: number): { readonly silent: number; readonly unseen: number } {
    const none = { silent: 0, unseen: 0 };
    let silent = 0;
    let unseen = Math.max(0, nodes - this.#nodes.size);
    for (const view of this.#nodes.values()) {
      if (view.type === 'observed') return none;
      if (view.type === 'unknown') unseen += 1;
      else if (silentCodes.some((code) => isSwarmError(view.error, code))) silent += 1;
      else if (!ownCodes.some((code) => isSwarmError(view.error, code))) return none;
    }
    return { silent, unseen };
  }

  /** Names of the nodes whose last look failed. */
  failedNodes(): readonly string[] {
    return [...this.#nodes].flatMap(([name, view]) => (view.type === 'failed' ? [name] : []));
  }

  /** Whether several nodes have an engine that says it is `engineId`. */
  isShared(engineId: string): boolean {
    return (this.#byEngine.get(engineId)?.size ?? 0) > 1;
  }

  /** Names of the nodes whose engine says it is `engineId`, sorted. */
  nodesWithEngine(engineId: string): readonly string[] {
    return [...(this.#byEngine.get(engineId) ?? [])].sort();
  }

  #leaveEngine(node: string): void {
    const before = this.#nodes.get(node);
    if (before?.type !== 'observed') return;
    const { id } = before.engine;
    const nodes = this.#byEngine.get(id);
    nodes?.delete(node);
    if (nodes?.size === 0) this.#byEngine.delete(id);
    for (const other of nodes ?? []) this.#changed(other);
  }

  /** What is planned for the node may be out of date. */
  #changed(node: string): void {
    for (const planned of this.#planned.values()) if (planned.isPlanned(node)) planned.stale.add(node);
  }
}
