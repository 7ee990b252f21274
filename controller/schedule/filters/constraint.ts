// Filter constraint: keeps engines whose name, ID or labels satisfy each expression.
import type { Candidate } from '../candidate.js';
import { formatExpression, type Expression } from '../expression.js';
import { expressionFilter, type Condition } from '../expression-filter.js';
import type { Filter, Reason } from '../filter.js';
import { hasLabel, labelOf } from '../label-of.js';
import { compileMatcher } from '../matcher.js';
import type { PlacementRequest } from '../placement-request.js';

export function constraintFilter({ constraints }: PlacementRequest): Filter {
  return expressionFilter({
    name: 'constraint',
    conditions: constraints.map(constraintCondition),
    format: formatExpression,
  });
}

/** What a constraint is asked of. */
export type Constrained = Pick<Candidate, 'id' | 'name' | 'labels'>;

/** A constraint on its own, for what is placed without a container. */
export function satisfiesConstraint(expression: Expression): (engine: Constrained) => boolean {
  return matcherOf(expression).satisfiedBy;
}

function constraintCondition(expression: Expression): Condition {
  const { satisfiedBy, problem } = matcherOf(expression);
  return {
    expression,
    satisfiedBy,
    explain: (candidate) => explainConstraint(candidate, expression),
    ...(problem === undefined ? {} : { problem }),
  };
}

function matcherOf({ key, operator, value }: Expression): {
  readonly satisfiedBy: (engine: Constrained) => boolean;
  readonly problem?: string | undefined;
} {
  const matcher = compileMatcher(value);
  const wanted = operator === '==';
  return {
    satisfiedBy: (candidate) =>
      (key === 'node'
        ? matcher.matches(candidate.id) || matcher.matches(candidate.name)
        : matcher.matches(labelOf(candidate.labels, key))) === wanted,
    problem: matcher.problem,
  };
}

function explainConstraint({ name, labels }: Candidate, { key, operator, value }: Expression): Reason {
  const hint = 'docker info shows the name and the labels of each engine';
  if (key === 'node') {
    return operator === '=='
      ? { one: `is not named ${value}`, many: `are not named ${value}`, sample: name, hint }
      : { one: `is named ${value}`, many: `are named ${value}`, hint };
  }
  if (!hasLabel(labels, key)) return { one: `has no label ${key}`, many: `have no label ${key}`, hint };
  const sample = labelOf(labels, key);
  return operator === '=='
    ? { one: `has another label ${key}`, many: `have another label ${key}`, sample, hint }
    : {
        one: `has a label ${key} that matches ${value}`,
        many: `have a label ${key} that matches ${value}`,
        sample,
        hint,
      };
}
