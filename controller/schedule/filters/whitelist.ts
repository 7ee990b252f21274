// Filter whitelist: keeps engines named in a list (`==`), or not named in it (`!=`).
import { formatExpression, type Expression } from '../expression.js';
import { expressionFilter, type Condition } from '../expression-filter.js';
import type { Filter } from '../filter.js';
import type { PlacementRequest } from '../placement-request.js';

export function whitelistFilter({ whitelists }: PlacementRequest): Filter {
  return expressionFilter({
    name: 'whitelist',
    conditions: whitelists.map(whitelistCondition),
    format: (expression) => `${formatExpression(expression)} (soft=false)`,
  });
}

// Names are compared as they are, without globs; `|` separates them, and so does the comma that users expect.
function whitelistCondition(expression: Expression): Condition {
  const names = new Set(expression.value.split(/[|,]/).map((name) => name.trim()));
  const wanted = expression.operator === '==';
  return {
    expression,
    satisfiedBy: ({ name }) => names.has(name) === wanted,
    explain: () =>
      wanted
        ? { one: 'is not in the whitelist', many: 'are not in the whitelist' }
        : { one: 'is excluded by the whitelist', many: 'are excluded by the whitelist' },
  };
}
