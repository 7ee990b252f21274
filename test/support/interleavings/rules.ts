// What no operator may do at any step, held against what the model knows by itself: which objects may go, and which
// changes of engines were decided.
import { agentContainerName, agentRoles } from '../../../controller/api/agent-role.js';
import { containerLabels } from '../../../controller/api/labels.js';
import { annotations } from '../../../controller/api/labels.js';
import type { ObjectKey } from '../../../controller/api/object-key.js';
import { formatKey } from '../../../controller/api/object-key.js';
import type { Cluster, Node, Resource } from '../../../controller/api/resources.js';
import { suspensionOfNode } from '../../../controller/api/suspension.js';
import { planLines } from '../../../controller/plan/describe-plan.js';
import { currentPlan } from '../../../controller/reconcile/current-plan.js';
import type { DebtBook } from '../../../controller/reconcile/debt-book.js';
import type { Store, StoreEvent } from '../../../controller/store/store.js';
import type { FakeClock } from '../fake-clock.js';
import {
  addressAt,
  described,
  isClusterName,
  type Described,
  type Seen,
  type Variant,
} from './model-directory.js';
import { isOurs, labelsOf, type ModelEngine } from './model-engine.js';
import type { ModelOperator } from './model-operator.js';
import type { Change, Life } from './model-world.js';

/** Files that were there when an object vanished may be on their way back for this long. */
const pruneDelayMs = 30_000;

export class Broken extends Error {
  override readonly name = 'Broken rule';
}

interface Missing {
  readonly looks: number;
  readonly sinceMs: number;
}

export class Rules {
  readonly #store: Store;
  readonly #clock: FakeClock;
  readonly #debts: DebtBook;
  /** Manifests that were gone in every look so far, by key. */
  #missing = new Map<string, Missing>();
  #last: Seen | undefined;
  /** Why an object must not go without approval, as of the last look. */
  #guards = new Map<string, string>();
  /** Objects that a user deleted through the API. */
  readonly #deleted = new Set<string | undefined>();
  /** Lines that the loops of nodes have announced and not yet carried out, by life and node. */
  readonly #announced = new WeakMap<Life, Map<string, string[]>>();

  /** The first rule that was broken: who broke it may have taken the refusal for one of an engine. */
  #broken: Broken | undefined;

  constructor(o: { readonly store: Store; readonly debts: DebtBook; readonly clock: FakeClock }) {
    this.#store = o.store;
    this.#debts = o.debts;
    this.#clock = o.clock;
    o.store.subscribe((event) => this.#onChange(event));
  }

  /** @throws Broken when a rule was broken since it began */
  check(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }

  #break(message: string): Broken {
    this.#broken ??= new Broken(message);
    return this.#broken;
  }

  /** A process that has just started has seen nothing. */
  forget(): void {
    this.#missing = new Map();
  }

  /** A user asks for it. @returns takes the wish back, when it is refused */
  deletes(object: Resource | undefined): () => void {
    const uid = object?.metadata.uid;
    const isNew = !this.#deleted.has(uid);
    this.#deleted.add(uid);
    return () => {
      if (isNew) this.#deleted.delete(uid);
    };
  }

  /** The directory rested. */
  see(seen: Seen): void {
    this.#last = seen;
    const before = this.#missing;
    this.#missing = new Map();
    if (!seen.isComplete) return;
    const owned = this.#owned();
    const gone = owned.filter((resource) => !seen.objects.has(resource.metadata.name as Described)); // those of the directory
    for (const resource of gone) {
      const id = idOf(resource);
      const known = before.get(id);
      this.#missing.set(id, {
        looks: (known?.looks ?? 0) + 1,
        sinceMs: known?.sinceMs ?? this.#clock.monotonic(),
      });
    }
    this.#guards = new Map(
      gone.map((resource) => [idOf(resource), guardOf(resource, { seen, owned, gone })]),
    );
  }

  /** The loop of an object says what it is about to do. */
  decide(key: ObjectKey, lines: readonly string[], operator: ModelOperator): void {
    if (key.kind !== 'Node') return;
    const node = this.#store.getNode(key.name);
    if (node === undefined)
      throw this.#break(`works on ${key.name}, which does not exist: ${lines.join('; ')}`);
    const cluster = this.#store.getCluster(node.spec.cluster);
    const suspension = suspensionOfNode(node, cluster, this.#clock.now());
    if (suspension !== undefined) throw this.#break(`works on suspended ${key.name}: ${lines.join('; ')}`);
    const isGoing = [node, cluster].some((one) => one?.metadata.deletionTimestamp !== undefined);
    const allowed =
      cluster === undefined || isGoing
        ? undefined
        : new Set(planLines(currentPlan(node.spec.cluster, operator.ports)?.plan ?? nothing));
    const wrong = lines.filter((line) =>
      allowed === undefined ? !line.startsWith('remove container') : !allowed.has(line),
    );
    if (wrong.length > 0) throw this.#break(`does what the plan does not say: ${wrong.join('; ')}`);
    const announced = this.#announced.get(operator.life) ?? new Map<string, string[]>();
    this.#announced.set(operator.life, announced);
    announced.set(key.name, [...lines]);
  }

  /** A change arrives at an engine. */
  judge(engine: ModelEngine, { operation, name }: Change, life: Life): void {
    const target = engine.find(name);
    const isContainer = !['load', 'create', 'remove volume'].includes(operation);
    if (isContainer && target !== undefined && !isOurs(target))
      throw this.#break(`${operation} of container ${name} on engine ${engine.number}, which is not ours`);
    if (operation === 'remove volume' && !name.startsWith('swarm-'))
      throw this.#break(`removes volume ${name} on engine ${engine.number}, which is not ours`);
    if (operation === 'create' || operation === 'start' || operation === 'update' || operation === 'load') {
      this.#requireAnnounced(engine, { operation, name }, life);
      return;
    }
    if (operation !== 'remove' || target === undefined) return;
    // Debts are cleared without a plan: what the node that they name left on the engine that they name.
    const node = labelsOf(target)[containerLabels.node];
    const isOwed = this.#debts
      .list()
      .some(
        (debt) =>
          debt.node.metadata.name === node && debt.node.spec.engine?.address === addressAt(engine.number),
      );
    if (!isOwed) this.#requireAnnounced(engine, { operation, name }, life);
  }

  #requireAnnounced(engine: ModelEngine, change: Change, life: Life): void {
    const kind = change.operation === 'load' ? 'image' : 'container';
    const starts = namesOf(engine, change.name).map((name) => `${change.operation} ${kind} ${name} `);
    const all = [...(this.#announced.get(life) ?? [])];
    const isHere = (node: string): boolean =>
      this.#store.getNode(node)?.spec.engine?.address === addressAt(engine.number);
    // A run goes on where it began, also when its node is moved meanwhile.
    const sorted = [...all.filter(([node]) => isHere(node)), ...all.filter(([node]) => !isHere(node))];
    for (const [, lines] of sorted) {
      const index = lines.findIndex((line) => starts.some((start) => line.startsWith(start)));
      if (index < 0) continue;
      lines.splice(index, 1);
      return;
    }
    throw this.#break(`${change.operation} of ${change.name} on engine ${engine.number} was not in the plan`);
  }

  #onChange({ type, object }: StoreEvent): void {
    const key = { kind: object.kind, name: object.metadata.name };
    const origin = this.#store.originOf(key);
    if (type === 'DELETED' && object.metadata.deletionTimestamp === undefined)
      throw this.#break(`${formatKey(key)} is gone without having been deleted`);
    if (object.metadata.deletionTimestamp !== undefined) this.#requireReason(object);
    else if (type !== 'DELETED' && origin?.type === 'directory') this.#requireSource(object);
  }

  /** What is deleted was removed on purpose. */
  #requireReason(object: Resource): void {
    if (this.#deleted.has(object.metadata.uid)) return;
    this.#deleted.add(object.metadata.uid);
    const id = idOf(object);
    const missing = this.#missing.get(id);
    if (missing === undefined || missing.looks < 2)
      throw this.#break(`deletes ${id}, whose manifest was not gone in two whole looks in a row`);
    if (this.#clock.monotonic() - missing.sinceMs < pruneDelayMs)
      throw this.#break(`deletes ${id}, whose manifest is gone for less than the delay`);
    const guard = this.#guards.get(id);
    const isApproved = object.metadata.annotations?.[annotations.deletionApproved] === 'true';
    if (object.metadata.annotations?.[annotations.prune] === 'disabled')
      throw this.#break(`deletes ${id}, which is never to be pruned`);
    if (guard !== undefined && guard !== '' && !isApproved)
      throw this.#break(`deletes ${id} without approval: ${guard}`);
  }

  /** What an object of the directory says stands in a file that can be used, or stood there when it was last whole. */
  readonly #said = new Map<string, string>();

  #requireSource(object: Resource): void {
    const id = idOf(object);
    const said = sayingOf(object);
    const before = this.#said.get(`${id} ${object.metadata.uid}`);
    this.#said.set(`${id} ${object.metadata.uid}`, said);
    if (said === before) return;
    const variants = this.#last?.objects.get(object.metadata.name as Described) ?? []; // those of the directory
    if (!variants.some((variant) => sayingOfVariant(variant, isClusterName(object.metadata.name)) === said))
      throw this.#break(`changes ${id} to what no usable file says: ${said}`);
  }

  #owned(): readonly Resource[] {
    return [...this.#store.list('Cluster'), ...this.#store.list('Node')].filter(
      ({ kind, metadata }) =>
        metadata.deletionTimestamp === undefined &&
        this.#store.originOf({ kind, name: metadata.name })?.type === 'directory' &&
        described.includes(metadata.name as Described), // whether it is one is asked here
    );
  }
}

const nothing = { stages: [], problems: [], waits: [], drifts: [] };

/** Why the object must not go by itself; empty when it may. */
function guardOf(
  resource: Resource,
  o: { readonly seen: Seen; readonly owned: readonly Resource[]; readonly gone: readonly Resource[] },
): string {
  const isApproved = ({ metadata }: Resource): boolean =>
    metadata.annotations?.[annotations.deletionApproved] === 'true';
  if (o.seen.objects.size === 0) return 'nothing is left in the directory';
  if (resource.kind === 'Cluster') return 'it is a cluster';
  const isNode = ({ kind }: Resource): boolean => kind === 'Node';
  const total = o.owned.filter(isNode).length;
  const count = o.gone.filter((one) => isNode(one) && !isApproved(one)).length;
  return count > Math.max(1, Math.floor(total * 0.3)) ? `${count} of ${total} nodes at once` : '';
}

function idOf({ kind, metadata }: Resource): string {
  return formatKey({ kind, name: metadata.name });
}

/** The parts of a spec in which variants differ. */
export function sayingOf(object: Cluster | Node): string {
  return object.kind === 'Cluster'
    ? object.spec.manager.strategy
    : [
        object.spec.cluster,
        object.spec.engine?.address,
        object.spec.roles.includes('manager'),
        object.spec.unschedulable,
      ].join(' ');
}

export function sayingOfVariant({ at, cluster, isManager, isOther }: Variant, isCluster: boolean): string {
  return isCluster
    ? isOther
      ? 'binpack'
      : 'spread'
    : [cluster, addressAt(at), isManager, isOther].join(' ');
}

/** As it is called, and as plans call it: somebody may have renamed it since. */
function namesOf(engine: ModelEngine, name: string): readonly string[] {
  const container = engine.find(name);
  const labels = container === undefined ? {} : labelsOf(container);
  const [cluster, role] = [labels[containerLabels.cluster], labels[containerLabels.role]];
  const planned = agentRoles.find((known) => known === role);
  return cluster === undefined || planned === undefined
    ? [name]
    : [name, agentContainerName(cluster, planned)];
}
