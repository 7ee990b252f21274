// An engine that vanishes without a word, as with a power cut, leaves its builds waiting for ever: a build may say nothing
// for an hour, so silence proves nothing. The pool knows better, since it asks every engine again and again.
import type { Clock } from '../../base/clock.js';
import { SwarmError } from '../../base/errors.js';
import type { PooledEngine } from '../../engine/cluster-view.js';

const lookEveryMs = 10_000;
// A single failed contact may be the load of the build itself; a minute of them is an engine that is gone.
const looksUntilLost = 6;

/**
 * Calls `onLost` once when the engine has not answered for a minute.
 * @returns ends the watch; idempotent
 */
export function watchEngine(
  engine: PooledEngine,
  { clock, onLost }: { readonly clock: Clock; readonly onLost: (error: SwarmError) => void },
): () => void {
  let failed = 0;
  let cancel = clock.setTimer(lookEveryMs, look);
  function look(): void {
    failed = engine.state === 'healthy' ? 0 : failed + 1;
    if (failed < looksUntilLost) {
      cancel = clock.setTimer(lookEveryMs, look);
      return;
    }
    onLost(
      new SwarmError(
        'ENGINE_UNREACHABLE',
        `Cannot go on building: engine "${engine.name}" stopped answering${engine.error === undefined ? '' : ` (${engine.error})`}`,
      ),
    );
  }
  return () => cancel();
}
