// Filter affinity: keeps engines whose containers, images or container labels satisfy each expression.
import type { Candidate } from '../candidate.js';
import { formatExpression, type Expression } from '../expression.js';
import { expressionFilter, type Condition } from '../expression-filter.js';
import type { Filter, Reason } from '../filter.js';
import { labelValuesOf } from '../label-of.js';
import { compileMatcher, type Matcher } from '../matcher.js';
import type { PlacementRequest } from '../placement-request.js';

export function affinityFilter({ affinities }: PlacementRequest): Filter {
  return expressionFilter({
    name: 'affinity',
    conditions: affinities.map(affinityCondition),
    format: (expression) => `${formatExpression(expression)} (soft=false)`,
  });
}

function affinityCondition(expression: Expression): Condition {
  const matcher = compileMatcher(expression.value);
  const isAny = candidateMatcher(expression.key, matcher);
  return {
    expression,
    satisfiedBy: (candidate) => isAny(candidate) === (expression.operator === '=='),
    explain: () => explainAffinity(expression),
    ...(matcher.problem === undefined ? {} : { problem: matcher.problem }),
  };
}

/** Whether anything on the engine that `key` speaks of matches. */
function candidateMatcher(key: string, { matches }: Matcher): (candidate: Candidate) => boolean {
  switch (key) {
    case 'container':
      return ({ containers }) =>
        containers.some(({ id, names: [first] }) => first !== undefined && (matches(id) || matches(first)));
    case 'image': {
      // Thousands of engines have the same few images.
      const known = new Map<string, boolean>();
      const matchesTag = (tag: string): boolean => {
        const before = known.get(tag);
        if (before !== undefined) return before;
        const result = matches(tag) || matches(repositoryOf(tag));
        known.set(tag, result);
        return result;
      };
      return ({ images }) =>
        images.some(
          ({ id, repoTags, repoDigests }) =>
            matches(id) || repoTags.some(matchesTag) || repoDigests.some(matches),
        );
    }
    default:
      return (candidate) => {
        const values = candidate.labelValues?.(key) ?? labelValuesOf([candidate.containers], key);
        for (const value of values) if (matches(value)) return true;
        return false;
      };
  }
}

/** `host:5000/name:tag` without its tag. */
function repositoryOf(tag: string): string {
  const colon = tag.lastIndexOf(':');
  return colon > tag.lastIndexOf('/') ? tag.slice(0, colon) : tag;
}

function explainAffinity({ key, operator, value }: Expression): Reason {
  const what =
    key === 'container'
      ? `container ${value}`
      : key === 'image'
        ? `image ${value}`
        : `container with label ${key}=${value}`;
  return operator === '=='
    ? { one: `has no ${what}`, many: `have no ${what}` }
    : { one: `already has ${article(what)} ${what}`, many: `already have ${article(what)} ${what}` };
}

function article(noun: string): string {
  return noun.startsWith('image') ? 'an' : 'a';
}
