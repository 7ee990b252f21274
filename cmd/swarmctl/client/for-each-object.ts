// One change for several objects: what fails for one does not keep it from the others.
import { isSwarmError, toSwarmError } from '../../../controller/base/errors.js';
import type { CommandContext } from '../command-context.js';

/**
 * Prints what fails, and goes on; the exit code tells, that of the last failure.
 * @returns what `change` gave, for those that did not fail
 * @throws {OPERATOR_UNREACHABLE | ABORTED} there is no use in going on
 */
export async function forEachObject<T, R>(
  context: CommandContext,
  objects: readonly T[],
  change: (object: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  for (const object of objects) {
    try {
      results.push(await change(object));
    } catch (error) {
      if (isSwarmError(error, 'OPERATOR_UNREACHABLE') || context.signal.aborted) throw error;
      const { message, hint, exitCode } = toSwarmError(error);
      context.stderr(`error: ${message}\nhint: ${hint}\n`);
      context.setExitCode(exitCode);
    }
  }
  return results;
}
