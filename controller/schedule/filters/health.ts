// Filter health: keeps engines that answer.
import type { Filter } from '../filter.js';

export function healthFilter(): Filter {
  const keeps: Filter['keeps'] = ({ healthIndicator }) => healthIndicator > 0;
  return {
    name: 'health',
    isNeeded: true,
    keeps,
    tests: [{ key: 'health', keeps }],
    explain: () => ({
      one: 'is not healthy',
      many: 'are not healthy',
      hint: 'docker info shows the error of each',
    }),
    preferences: [],
    notes: [],
  };
}
