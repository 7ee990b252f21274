// The plan of one cluster, kept up to date node by node: what changed on one engine costs the same however many others
// there are. It says what `nextActions` and `nodesToWake` say of the whole plan.
import type { Plan, PlanWait } from './action.js';
import { batchName, batchSize, joinParts, planManagers, type ManagersPlan } from './plan-cluster.js';
import {
  isIgnored,
  unknownWait,
  waitFor,
  type NextActions,
  type Progress,
  type Wait,
} from './next-actions.js';
import type { NodePart } from './plan-node.js';
import { SortedNames } from './sorted-names.js';

/** What is known of a node now. */
export interface NodeState {
  /** Absent while its engine is not known. */
  readonly part?: NodePart;
  /** See `Progress`. */
  readonly isFailing: boolean;
  readonly isUnknown: boolean;
}

/** Stages that many nodes can have work in, in order; those of managers come before `joins`. */
const stageNames = ['images', 'clear', 'discovery', 'joins', 'replacements', 'removals'] as const;
type StageName = (typeof stageNames)[number];
type First = StageName | 'manager';

interface Members {
  /** Nodes with work in the stage whose last attempt did not fail: what others wait for. */
  readonly active: Set<string>;
  /** Nodes that have their first work here and have not been told of it. */
  readonly untold: Set<string>;
}

export class LivePlan {
  readonly #states = new Map<string, NodeState>();
  readonly #unknown = new Set<string>();
  readonly #failing = new Set<string>();
  readonly #members: Readonly<Record<StageName, Members>>;
  /** Nodes whose join container is to be replaced. */
  readonly #replacements = new SortedNames();
  /** Nodes that a manager is desired on: a handful, of which each matters to the others. */
  readonly #managers = new Set<string>();
  readonly #toldManagers = new Set<string>();
  #managersPlan: ManagersPlan | undefined;
  #maxUnavailable: number;

  constructor(maxUnavailable: number) {
    this.#maxUnavailable = maxUnavailable;
    const members = (): Members => ({ active: new Set(), untold: new Set() });
    this.#members = {
      ...{ images: members(), clear: members(), discovery: members() },
      ...{ joins: members(), replacements: members(), removals: members() },
    };
  }

  setMaxUnavailable(maxUnavailable: number): void {
    this.#maxUnavailable = maxUnavailable;
  }

  nodes(): Iterable<string> {
    return this.#states.keys();
  }

  /** What is known of a node from now on; undefined when the cluster has no such node any more. */
  set(node: string, state: NodeState | undefined): void {
    this.#leave(node);
    if (state === undefined) return;
    this.#states.set(node, state);
    if (state.isUnknown) this.#unknown.add(node);
    if (state.isFailing) this.#failing.add(node);
    const { part } = state;
    if (part === undefined) return;
    if (part.isManager) {
      this.#managers.add(node);
      this.#managersPlan = undefined;
    }
    for (const stage of stagesOf(part)) if (!state.isFailing) this.#members[stage].active.add(node);
    if (part.steps.join?.isDisruptive === true) this.#replacements.add(node);
    const [first] = stagesOf(part);
    if (first !== undefined && part.steps.manage === undefined) this.#members[first].untold.add(node);
  }

  /** What `node` may do now. */
  next(node: string): NextActions {
    const part = this.#states.get(node)?.part;
    if (part === undefined) return { actions: [] };
    const first = firstOf(part, { isManagerStaged: this.#managerStage(node) >= 0 });
    if (first === undefined) return { actions: [] };
    const waitsFor = this.#waitBefore(first, node);
    return waitsFor === undefined ? { actions: actionsOf(part, first) } : { actions: [], waitsFor };
  }

  /** The first thing that `node` leaves for a later plan. */
  waitOf(node: string): PlanWait | undefined {
    const own = this.#states.get(node)?.part?.waits[0];
    return own ?? this.#managersOf().waits.find((wait) => wait.node === node);
  }

  part(node: string): NodePart | undefined {
    return this.#states.get(node)?.part;
  }

  /** The node's own loop has asked: whether it knows of its work, or is to be told when its turn has come. */
  setTold(node: string, isTold: boolean): void {
    const part = this.#states.get(node)?.part;
    if (part?.steps.manage !== undefined) {
      if (isTold) this.#toldManagers.add(node);
      else this.#toldManagers.delete(node);
      return;
    }
    const first = part && stagesOf(part)[0];
    if (first === undefined) return;
    if (isTold) this.#members[first].untold.delete(node);
    else this.#members[first].untold.add(node);
  }

  /**
   * The nodes that could work now and have not been told since that changed; now they are. Those that fail have their own,
   * growing delay.
   * @param except is not told: its own loop is asking
   */
  takeReady(except?: string): readonly string[] {
    const ready = stageNames.flatMap((stage) => {
      const { untold } = this.#members[stage];
      if (untold.size === 0 || this.#waitBeforeStage(stage) !== undefined) return [];
      const some = stage === 'replacements' ? this.#replacements.first(this.#batchSize()) : [...untold];
      return some.filter((node) => untold.has(node));
    });
    const managers = [...this.#managers].filter(
      (node) =>
        this.part(node)?.steps.manage !== undefined &&
        !this.#toldManagers.has(node) &&
        this.next(node).actions.length > 0,
    );
    const told = [...managers, ...ready].filter((node) => node !== except && !this.#failing.has(node));
    for (const node of told) this.setTold(node, true);
    return told;
  }

  /** The whole of it, as `planCluster` makes it. */
  plan(): Plan {
    const parts = [...this.#states.values()].flatMap(({ part }) => part ?? []);
    return joinParts(
      parts.sort((a, b) => (a.node < b.node ? -1 : 1)),
      this.#maxUnavailable,
    );
  }

  progress(): Progress {
    return { unknown: new Set(this.#unknown), failing: new Set(this.#failing) };
  }

  #leave(node: string): void {
    const before = this.#states.get(node);
    if (before === undefined) return;
    this.#states.delete(node);
    this.#unknown.delete(node);
    this.#failing.delete(node);
    if (this.#managers.delete(node)) this.#managersPlan = undefined;
    this.#toldManagers.delete(node);
    const { part } = before;
    if (part === undefined) return;
    for (const stage of stagesOf(part)) {
      this.#members[stage].active.delete(node);
      this.#members[stage].untold.delete(node);
    }
    this.#replacements.delete(node);
  }

  #batchSize(): number {
    return batchSize(this.#maxUnavailable);
  }

  #managersOf(): ManagersPlan {
    this.#managersPlan ??= planManagers(
      [...this.#managers].sort().flatMap((node) => this.#states.get(node)?.part ?? []),
    );
    return this.#managersPlan;
  }

  #managerStage(node: string): number {
    if (!this.#managers.has(node)) return -1;
    return this.#managersOf().stages.findIndex((stage) => stage.node === node);
  }

  #waitBefore(first: First, node: string): Wait | undefined {
    if (first === 'manager') return this.#waitBeforeManager(node) ?? this.#waitForUnknown();
    const isLater = first === 'replacements' && this.#replacements.rank(node) >= this.#batchSize();
    if (!isLater) return this.#waitBeforeStage(first);
    // A roll-out stops at the first failure, so the first batch is waited for whatever it does.
    return this.#waitForEarlier(first) ?? this.#waitForReplacement(this.#replacements.first(1)[0] ?? '');
  }

  /** What all nodes wait for that have their first work in `stage`; of replacements, those of the first batch. */
  #waitBeforeStage(stage: StageName): Wait | undefined {
    const needsNoLook = beforeManagers.includes(stage);
    return this.#waitForEarlier(stage) ?? (needsNoLook ? undefined : this.#waitForUnknown());
  }

  #waitForEarlier(stage: StageName): Wait | undefined {
    if (stage === 'images' || stage === 'clear') return undefined;
    const wait = this.#waitForActive('clear');
    if (stage === 'discovery' || wait !== undefined) return wait;
    return (
      this.#waitForActive('discovery') ??
      this.#waitForManagers() ??
      (stage === 'joins' ? undefined : this.#waitForActive('joins')) ??
      (stage === 'removals' ? this.#waitForActive('replacements') : undefined)
    );
  }

  #waitBeforeManager(node: string): Wait | undefined {
    const { stages } = this.#managersOf();
    const index = this.#managerStage(node);
    const stage = stages[index];
    if (stage === undefined) return undefined;
    const early = this.#waitForActive('clear') ?? this.#waitForActive('discovery');
    if (early !== undefined) return early;
    const progress = { failing: this.#failing };
    const earlier = stages
      .slice(0, index)
      .find((other) => !isIgnored(other.node, { earlier: other, stage, progress }));
    return earlier && waitFor(earlier.name, earlier.node);
  }

  /** Nodes that may turn out to run a manager come first; clearing what stands in the way harms no order. */
  #waitForUnknown(): Wait | undefined {
    const [unknown] = this.#unknown;
    return unknown === undefined ? undefined : unknownWait(unknown);
  }

  #waitForManagers(): Wait | undefined {
    const blocker = this.#managersOf().stages.find(({ node }) => !this.#failing.has(node));
    return blocker && waitFor(blocker.name, blocker.node);
  }

  #waitForActive(stage: 'clear' | 'discovery' | 'joins' | 'replacements'): Wait | undefined {
    const [node] = this.#members[stage].active;
    if (node === undefined) return undefined;
    return stage === 'replacements' ? this.#waitForReplacement(node) : waitFor(stage, node);
  }

  #waitForReplacement(node: string): Wait {
    const size = this.#batchSize();
    const start = Math.floor(this.#replacements.rank(node) / size) * size;
    return waitFor(batchName(start, { size, total: this.#replacements.size }), node);
  }
}

/** Every stage in which a node has work, managers' own ones apart. */
function stagesOf({ image, inTheWay, steps, unwanted }: NodePart): readonly StageName[] {
  const { discovery, join } = steps;
  return [
    ...(image === undefined ? [] : (['images'] as const)),
    ...(inTheWay.length === 0 ? [] : (['clear'] as const)),
    ...(discovery === undefined ? [] : (['discovery'] as const)),
    ...(join === undefined ? [] : [join.isDisruptive ? ('replacements' as const) : ('joins' as const)]),
    ...(unwanted.length === 0 ? [] : (['removals'] as const)),
  ];
}

/** @param o.isManagerStaged whether the step of its manager is not left for a later plan */
function firstOf(part: NodePart, o: { readonly isManagerStaged: boolean }): First | undefined {
  const stages = stagesOf(part);
  const early = stages.find((stage) => beforeManagers.includes(stage));
  return early ?? (o.isManagerStaged ? 'manager' : stages[0]);
}

const beforeManagers: readonly StageName[] = ['images', 'clear', 'discovery'];

function actionsOf({ image, inTheWay, steps, unwanted }: NodePart, first: First): NextActions['actions'] {
  switch (first) {
    case 'images':
      return image === undefined ? [] : [image];
    case 'clear':
      return inTheWay;
    case 'discovery':
      return steps.discovery?.actions ?? [];
    case 'manager':
      return steps.manage?.actions ?? [];
    case 'joins':
    case 'replacements':
      return steps.join?.actions ?? [];
    case 'removals':
      return unwanted;
  }
}
