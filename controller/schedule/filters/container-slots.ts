// Filter containerslots: an engine label of that name limits how many containers the engine takes.
import { labelOf } from '../label-of.js';
import type { Candidate } from '../candidate.js';
import type { Filter } from '../filter.js';

export function containerSlotsFilter(): Filter {
  return {
    name: 'containerslots',
    isNeeded: true,
    keeps: (candidate) => {
      const slots = slotsOf(candidate);
      return slots === undefined || candidate.containers.length < slots;
    },
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
  const text = labelOf(labels, 'containerslots');
  return /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
}
