// Which actions of a plan one engine may carry out now. Every engine is worked on by itself, so that a slow one delays
// nobody; this is the only place where they wait for each other. `LivePlan` answers the same of a plan that is kept. Pure.
import type { Action, Plan, Stage } from './action.js';

export interface Progress {
  /** Nodes whose first observation is still under way, so that the plan does not know them yet. */
  readonly unknown: ReadonlySet<string>;
  /** Nodes whose last attempt failed: nobody waits for them, except for further disruption. */
  readonly failing: ReadonlySet<string>;
}

export interface NextActions {
  readonly actions: readonly Action[];
  /** What it waits for, when it has actions in a later stage. */
  readonly waitsFor?: Wait;
}

/** For people. */
export interface Wait {
  /** The same as long as the plan is in this phase: `the managers`. */
  readonly phase: string;
  /** Who is waited for right now: `manager node0`. */
  readonly detail: string;
}

/** The actions of `node` in its first stage, unless an earlier stage is unfinished elsewhere. */
export function nextActions(plan: Plan, node: string, progress: Progress): NextActions {
  const index = plan.stages.findIndex((stage) => stage.actions.some((action) => action.node === node));
  const stage = plan.stages[index];
  if (stage === undefined) return { actions: [] };
  const waitsFor = waitBefore(plan, index, progress);
  if (waitsFor !== undefined) return { actions: [], waitsFor };
  return { actions: stage.actions.filter((action) => action.node === node) };
}

/** What every node waits for whose first actions are in the stage at `index`; undefined when they may begin. */
function waitBefore(plan: Plan, index: number, progress: Progress): Wait | undefined {
  const stage = plan.stages[index];
  if (stage === undefined) return undefined;
  for (const earlier of plan.stages.slice(0, index).filter((other) => other.isPreparation !== true)) {
    const blocker = earlier.actions.find((action) => !isIgnored(action.node, { earlier, stage, progress }));
    if (blocker !== undefined) return waitFor(earlier.name, blocker.node);
  }
  const [unknown] = progress.unknown;
  // Nodes that may turn out to run a manager come first; clearing what stands in the way harms no order.
  if (unknown === undefined || ['images', 'clear', 'discovery'].includes(stage.name)) return undefined;
  return unknownWait(unknown);
}

export function unknownWait(node: string): Wait {
  return { phase: 'a first look at every engine', detail: `the first look at ${node}` };
}

/** @param name of the stage */
export function waitFor(name: string, node: string): Wait {
  // The stage of a manager carries its node's name already.
  const detail = name.endsWith(` ${node}`) ? name : `${name} on ${node}`;
  const [kind = ''] = name.split(' ');
  return { phase: phases[kind] ?? name, detail };
}

/** By the first word of a stage's name. */
const phases: Readonly<Record<string, string>> = {
  clear: 'containers of another cluster to be removed',
  discovery: 'the token services',
  manager: 'the managers',
  joins: 'the turn of its join container',
};

/** The nodes that could work now, in the plan's order. */
export function nodesToWake(plan: Plan, progress: Progress): readonly string[] {
  const seen = new Set<string>();
  return plan.stages.flatMap(({ actions }, index) => {
    const first = new Set(actions.map(({ node }) => node).filter((node) => !seen.has(node)));
    for (const node of first) seen.add(node);
    return first.size === 0 || waitBefore(plan, index, progress) !== undefined ? [] : [...first];
  });
}

/** Whether `stage` need not wait for `node`, which has work in `earlier`. */
export function isIgnored(
  node: string,
  {
    earlier,
    stage,
    progress,
  }: {
    readonly earlier: Pick<Stage, 'disrupts'>;
    readonly stage: Pick<Stage, 'disrupts'>;
    readonly progress: Pick<Progress, 'failing'>;
  },
): boolean {
  if (!progress.failing.has(node)) return false;
  // A roll-out stops at the first failure: what runs elsewhere is worth more than what is new.
  return stage.disrupts === undefined || earlier.disrupts !== stage.disrupts;
}
