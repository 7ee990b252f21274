// What a source says of itself: how the last look went, in one word and one sentence.
import { counted } from '../base/counted.js';
import type { ObjectKey } from '../api/object-key.js';
import type { ManifestProblem } from './manifest-problem.js';

export interface SourceState {
  readonly directory: string;
  /** Ready: the last look was complete; Degraded: some files cannot be used; the others: nothing was applied. */
  readonly condition:
    'Starting' | 'Ready' | 'Degraded' | 'Empty' | 'Missing' | 'Unreadable' | 'Unstable' | 'Failed';
  readonly message: string;
  /** Epoch ms of the last finished look. */
  readonly lastScanMs: number | undefined;
  readonly files: number;
  readonly objects: number;
  readonly problems: readonly ManifestProblem[];
  /** Objects without a manifest that are kept, and why. */
  readonly held: readonly { readonly key: ObjectKey; readonly why: string }[];
  /** Whether changes are noticed by events; without, by the periodic look alone. */
  readonly isWatching: boolean;
}

export function describeLook(o: {
  readonly problems: readonly ManifestProblem[];
  readonly isEmpty: boolean;
  readonly held: number;
  readonly conflicts: number;
}): Pick<SourceState, 'condition' | 'message'> {
  const files = new Set(o.problems.map(({ file }) => file)).size;
  if (files > 0) {
    const message = `${counted(o.problems.length, 'problem')} in ${counted(files, 'file')}; what is in there keeps its last good version`;
    return { condition: 'Degraded', message };
  }
  if (o.conflicts > 0) {
    const message = `${counted(o.conflicts, 'manifest')} not used, because the API owns what they describe`;
    return { condition: 'Degraded', message };
  }
  if (o.isEmpty)
    return {
      condition: 'Empty',
      message: 'No object is in the directory; nothing is deleted because of that',
    };
  const held = o.held === 0 ? '' : `; kept without a manifest: ${counted(o.held, 'object')}`;
  return { condition: 'Ready', message: `Every manifest is in use${held}` };
}
