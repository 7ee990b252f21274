// Filter dependency: keeps engines that hold every container the request shares something with.
import type { Candidate } from '../candidate.js';
import { labelOf } from '../label-of.js';
import type { Dependency } from '../dependency-request.js';
import type { Filter } from '../filter.js';
import type { PlacementRequest } from '../placement-request.js';

export function dependencyFilter({ dependencies }: PlacementRequest): Filter {
  const missing = (candidate: Candidate): readonly Dependency[] =>
    dependencies.filter(({ container }) => !holdsContainer(candidate, container));
  return {
    name: 'dependency',
    isNeeded: dependencies.length > 0,
    keeps: (candidate) => missing(candidate).length === 0,
    tests: dependencies.map(({ container }) => ({
      key: `dependency ${container}`,
      keeps: (candidate) => holdsContainer(candidate, container),
    })),
    explain: (candidate) => {
      const names = [...new Set(missing(candidate).map(({ container }) => `"${container}"`))].join(', ');
      return { one: `does not have container ${names}`, many: `do not have container ${names}` };
    },
    ...(dependencies.length > 0 ? { condition: dependencies.map(({ text }) => text).join(' ') } : {}),
    preferences: [],
    notes: [],
  };
}

/** By full or short ID, swarm ID, name, `node/name`, or a prefix of IDs that is unique on the engine. */
function holdsContainer({ name, id, containers }: Candidate, reference: string): boolean {
  if (reference === '') return false;
  let withPrefix = 0;
  for (const container of containers) {
    const swarmId = labelOf(container.labels, 'com.docker.swarm.id');
    if (container.names.some((own) => [own, `${name}/${own}`, `${id}/${own}`].includes(reference))) {
      return true;
    }
    if (container.id === reference || swarmId === reference) return true;
    if (container.id.startsWith(reference) || swarmId.startsWith(reference)) withPrefix += 1;
  }
  return withPrefix === 1;
}
