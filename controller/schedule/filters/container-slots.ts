// Filter containerslots: an engine label of that name limits how many containers the engine takes.
import type { Candidate } from '../candidate.js';
import type { Filter } from '../filter.js';

const label = 'containerslots';

export function containerSlotsFilter(): Filter {
  const keeps: Filter['keeps'] = (candidate) => {
    const slots = slotsOf(candidate);
    return slots === undefined || candidate.containerCount < slots;
  };
  return {
    name: 'containerslots',
    isNeeded: true,
    keeps,
    tests: [{ key: 'containerslots', keeps }],
    explain: (candidate) => ({
      one: `has all of its ${slotsOf(candidate) ?? 0} container slots taken`,
      many: 'have all of their container slots taken',
    }),
    condition: 'available container slots',
    preferences: [],
    notes: [],
  };
}

/** The limit; undefined when the label is absent or not an integer. */
function slotsOf({ labels }: Candidate): number | undefined {
  // Asked of every engine at every create, and hardly any has it.
  const text = labels[label];
  if (text === undefined) return undefined;
  return /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
}
