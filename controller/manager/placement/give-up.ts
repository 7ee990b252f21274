// Ends the wait for an engine that was found to be hung meanwhile: its health probe knows long before a slow answer is due.
import type { Clock } from '../../base/clock.js';
import { SwarmError } from '../../base/errors.js';
import type { PooledEngine } from '../../engine/cluster-view.js';

// Small against the 9 s that it takes to find an engine hung, and nothing next to a create.
const lookEveryMs = 500;

/**
 * Runs `work`, whose signal aborts when the engine is no longer healthy.
 * @param options.attempt what is done, before the word "engine" of the message
 */
export async function giveUpOnHung<T>(
  {
    clock,
    engine,
    attempt,
  }: { readonly clock: Clock; readonly engine: PooledEngine; readonly attempt: string },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let cancel = (): void => undefined;
  const look = (): void => {
    if (engine.state === 'healthy') cancel = clock.setTimer(lookEveryMs, look);
    else
      controller.abort(
        new SwarmError(
          'ENGINE_UNREACHABLE',
          `Cannot ${attempt} engine "${engine.name}": it stopped answering${engine.error === undefined ? '' : ` (${engine.error})`}`,
        ),
      );
  };
  cancel = clock.setTimer(lookEveryMs, look);
  try {
    return await work(controller.signal);
  } finally {
    cancel();
  }
}
