// The text of a refusal: classic swarm's wording and lines first, so that scripts still match, then the reasons.
import type { Explanation } from './explanation.js';
import { describeReasons } from './explain.js';
import type { Filter } from './filter.js';

export const refusalTexts = {
  noHealthyNode: 'No healthy node available in the cluster',
  noNodes: 'No nodes available in the cluster',
  noResources: 'no resources available to schedule container',
  // The blank at the end is part of the classic text.
  noMatch: 'Unable to find a node that satisfies the following conditions ',
} as const;

/** What left no engine: nothing to choose from, a filter, or the resources. */
export type RefusalCause =
  | { readonly type: 'empty' }
  | { readonly type: 'filter'; readonly filters: readonly Filter[] /* up to and including the failing one */ }
  | { readonly type: 'resources' };

export function refusalMessage(cause: RefusalCause, explanation: Explanation): string {
  return [...classicLines(cause), ...describeReasons(explanation)].join('\n');
}

function classicLines(cause: RefusalCause): readonly string[] {
  switch (cause.type) {
    case 'empty':
      return [refusalTexts.noNodes];
    case 'resources':
      return [refusalTexts.noResources];
    case 'filter':
      if (cause.filters.at(-1)?.name === 'health') return [refusalTexts.noHealthyNode];
      return [
        refusalTexts.noMatch,
        ...cause.filters.flatMap(({ condition }) => (condition === undefined ? [] : [`[${condition}]`])),
      ];
  }
}
