// Filter health: keeps engines that answer.
import type { Filter } from '../filter.js';

export function healthFilter(): Filter {
  return {
    name: 'health',
    isNeeded: true,
    keeps: ({ healthIndicator }) => healthIndicator > 0,
    explain: () => ({
      one: 'is not healthy',
      many: 'are not healthy',
      hint: 'docker info shows the error of each',
    }),
    preferences: [],
    notes: [],
  };
}
