// The condition of an object whose manifest is not used as it is now. Pure.
import { annotations as known } from '../api/labels.js';
import type { ObjectMeta } from '../api/resources.js';
import type { MoreConditions } from './status-conditions.js';

/** `ManifestRefused` while there is a reason to refuse it, which begins with `file:line:column`. */
export function manifestCondition({ annotations = {} }: ObjectMeta): MoreConditions {
  const problem = annotations[known.manifestProblem];
  if (problem === undefined) return { ManifestRefused: undefined };
  const isFromFile = annotations[known.source] !== undefined;
  return {
    ManifestRefused: isFromFile
      ? {
          status: 'True',
          reason: 'InvalidManifest',
          message: `${problem}. The last good version stays in effect`,
        }
      : { status: 'True', reason: 'OwnedByAPI', message: problem },
  };
}
