// What is being done, in a few words for a condition's message. The same words as long as it takes: a message that counts
// would be written, sent and printed each second. `swarmctl plan` and the debug log have the details.
import type { Action } from '../plan/action.js';

/** The phase that `actions`, of one engine or of the first stage of a plan, belong to. */
export function phaseOf(actions: readonly Action[]): string {
  const types = new Set(actions.map((action) => action.type));
  if (types.has('LoadImage')) return 'Loading the image';
  if (types.has('PullImage')) return 'Pulling the image';
  if (types.has('RemoveContainer'))
    return types.has('CreateContainer') ? 'Replacing containers' : 'Removing containers';
  if (types.has('CreateContainer')) return 'Creating containers';
  if (types.has('StartContainer')) return 'Starting containers';
  return types.has('UpdateContainer') ? 'Updating containers' : 'Delivering new files';
}

/** For the middle of a sentence. */
export function lowerFirst(phase: string): string {
  return phase.charAt(0).toLowerCase() + phase.slice(1);
}
