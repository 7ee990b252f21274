// A plan as text: what `swarmctl plan`, `swarmctl diff`, logs and goldens print.
import { describeAction, type Plan } from './action.js';

/** One line per action in order, then one per problem and per wait. An empty list means nothing is to be done. */
export function planLines(plan: Plan): readonly string[] {
  return [
    ...plan.stages.flatMap((stage) => stage.actions.map(describeAction)),
    ...plan.problems.map((problem) => `problem on ${problem.node}: ${problem.message}`),
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
