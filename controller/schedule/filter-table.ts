// The filters by name.
import type { FilterName } from './candidate.js';
import type { Filter } from './filter.js';
import { affinityFilter } from './filters/affinity.js';
import { constraintFilter } from './filters/constraint.js';
import { containerSlotsFilter } from './filters/container-slots.js';
import { dependencyFilter } from './filters/dependency.js';
import { healthFilter } from './filters/health.js';
import { portFilter } from './filters/port.js';
import { whitelistFilter } from './filters/whitelist.js';
import type { PlacementRequest } from './placement-request.js';

export const filterTable = {
  health: healthFilter,
  port: portFilter,
  containerslots: containerSlotsFilter,
  dependency: dependencyFilter,
  affinity: affinityFilter,
  constraint: constraintFilter,
  whitelist: whitelistFilter,
} as const satisfies Record<FilterName, (request: PlacementRequest) => Filter>;
