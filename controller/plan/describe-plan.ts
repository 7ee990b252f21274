// A plan as text: what `swarmctl plan`, `swarmctl diff`, logs and goldens print.
import { formatTime } from '../api/conditions.js';
import { describeAction, type Plan } from './action.js';
import { describeDrift, type ContainerDrift } from './find-drift.js';

/** One line per action in order, then one per problem, drift that is left, and wait. An empty list means nothing is to be done. */
export function planLines(plan: Plan): readonly string[] {
  return [
    ...plan.stages.flatMap((stage) => stage.actions.map(describeAction)),
    ...plan.problems.map((problem) => `problem on ${problem.node}: ${problem.message}`),
    ...plan.drifts.flatMap(leftLine),
    ...plan.waits.map((wait) => `wait on ${wait.node}: ${wait.message}`),
  ];
}

/** The lines of `planLines`, grouped by stage. */
export function describePlan(plan: Plan): string {
  const stages = plan.stages.map((stage) =>
    [`${stage.name}:`, ...stage.actions.map((action) => `  ${describeAction(action)}`)].join('\n'),
  );
  const rest = planLines({ ...plan, stages: [] });
  return [...stages, ...rest, ''].join('\n');
}

/** What others changed and is left as it is; what is healed stands among the actions. */
function leftLine(drift: ContainerDrift): readonly string[] {
  const { node, treatment } = drift;
  if (treatment.type === 'heal') return [];
  const why =
    treatment.type === 'report'
      ? 'left so, because spec.driftPolicy is Report'
      : `healed ${treatment.heals} times in vain, the next time at ${formatTime(treatment.untilMs)}`;
  return [`drift on ${node}: ${describeDrift(drift)} (${why})`];
}
