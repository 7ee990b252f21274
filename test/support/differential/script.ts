// One run through every operation: what is asked, in an order in which each finds what it needs. The same requests go to
// an engine and to a manager; what they make has the same names in both runs and is gone at the end.
import { buildSteps } from './steps-build.js';
import { containerSteps } from './steps-containers.js';
import { imageSteps } from './steps-images.js';
import { objectSteps } from './steps-objects.js';
import { systemSteps } from './steps-system.js';
import type { Step } from './step.js';

export const steps: readonly Step[] = [
  ...systemSteps,
  ...containerSteps,
  ...imageSteps,
  ...buildSteps,
  ...objectSteps,
];
