// What the filters of expressions share: hard expressions keep or leave out, soft ones become preferences.
import type { Candidate, FilterName } from './candidate.js';
import { formatExpression, type Expression } from './expression.js';
import type { Filter, Reason } from './filter.js';

/** An expression made ready to be asked of many engines. */
export interface Condition {
  readonly expression: Expression;
  satisfiedBy(candidate: Candidate): boolean;
  /** Why a candidate does not satisfy it. */
  explain(candidate: Candidate): Reason;
  /** Why its value can never match. */
  readonly problem?: string;
}

export interface ExpressionFilterOptions {
  readonly name: FilterName;
  readonly conditions: readonly Condition[];
  /** How a refusal prints one hard expression. */
  readonly format: (expression: Expression) => string;
}

export function expressionFilter({ name, conditions, format }: ExpressionFilterOptions): Filter {
  const hard = conditions.filter(({ expression }) => !expression.soft);
  const keyOf = ({ expression }: Condition): string => `${name} ${formatExpression(expression)}`;
  return {
    name,
    isNeeded: hard.length > 0,
    keeps: (candidate) => hard.every((condition) => condition.satisfiedBy(candidate)),
    tests: hard.map((condition) => ({
      key: keyOf(condition),
      keeps: (candidate) => condition.satisfiedBy(candidate),
    })),
    explain: (candidate) => {
      const failed = hard.find((condition) => !condition.satisfiedBy(candidate));
      return failed === undefined ? { one: 'is left out', many: 'are left out' } : failed.explain(candidate);
    },
    ...(hard.length > 0 ? { condition: hard.map(({ expression }) => format(expression)).join(' ') } : {}),
    preferences: conditions
      .filter(({ expression }) => expression.soft)
      .map((condition) => ({
        expression: condition.expression,
        key: keyOf(condition),
        satisfiedBy: (candidate) => condition.satisfiedBy(candidate),
      })),
    notes: conditions.flatMap(({ expression, problem }) =>
      problem === undefined ? [] : [`the value of ${name} ${expression.text} matches nothing: ${problem}`],
    ),
  };
}
