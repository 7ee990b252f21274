// Where a manager's answer differs from its engine's on purpose: the whole list, each with its reason.
import type { Difference } from './compare.js';
import type { Step } from './step.js';

export interface AllowedDifference {
  /** Operation, or several; absent: all. */
  readonly operations?: readonly string[];
  /** `about` of the step; absent: all steps of the operations. */
  readonly about?: RegExp;
  readonly place: RegExp;
  readonly reason: string;
}

export const allowedDifferences: readonly AllowedDifference[] = [
  { place: /^header date$/, reason: 'the moment of the answer' },
];

export function reasonFor(step: Step, difference: Difference): AllowedDifference | undefined {
  return allowedDifferences.find(
    ({ operations, about, place }) =>
      (operations?.includes(step.operation) ?? true) &&
      (about?.test(step.about ?? '') ?? true) &&
      place.test(difference.place),
  );
}
