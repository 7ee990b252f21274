// Errors of the command line itself: exit code 2.
import { SwarmError } from '../../controller/base/errors.js';

export function usageError(message: string, hint?: string): SwarmError {
  return new SwarmError('USAGE', message, hint === undefined ? {} : { hint });
}
