// Errors whose exit code the command line decides, not the error table.
import { SwarmError } from '../../controller/base/errors.js';

/** A mistake in the command line: exit code 2. */
export function usageError(message: string, hint?: string): SwarmError {
  return new SwarmError('USAGE', message, hint === undefined ? {} : { hint });
}

/** An error that ends the program with another exit code than its own. */
export class ExitCodeError extends Error {
  readonly error: unknown;
  readonly exitCode: number;

  constructor(error: unknown, exitCode: number) {
    super('failed', { cause: error });
    this.error = error;
    this.exitCode = exitCode;
  }
}
