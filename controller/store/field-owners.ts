// Who owns which fields of an object: the manifest file that says them, the API, or the operator. Pure.
import { annotations as known } from '../api/labels.js';
import type { StoredRecord } from './record.js';

export interface FieldOwner {
  /** `spec`, `label zone`, `annotation swarmctl.io/suspended` … */
  readonly fields: readonly string[];
  /** `file:line:column`, `API` or `operator`. */
  readonly owner: string;
}

/** What the operator shows on objects, and nobody else writes. */
const shown: readonly string[] = [known.source, known.deletionHeld, known.manifestProblem];

/** Under it `apply` keeps what it applied, for the next time. */
const appliedPrefix = 'applied.swarmctl.io/';

export function fieldOwners({ resource, origin, overlay }: StoredRecord): readonly FieldOwner[] {
  const { labels = {}, annotations = {} } = resource.metadata;
  const ofAll = (map: Readonly<Record<string, string>>, word: string): readonly string[] =>
    Object.keys(map)
      .filter((key) => !shown.includes(key) && !key.startsWith(appliedPrefix))
      .sort()
      .map((key) => `${word} ${key}`);
  const overlaid = [...ofAll(overlay.labels, 'label'), ...ofAll(overlay.annotations, 'annotation')];
  const rest = [...ofAll(labels, 'label'), ...ofAll(annotations, 'annotation')].filter(
    (field) => !overlaid.includes(field),
  );
  return [
    { fields: ['spec', ...rest], owner: origin.type === 'directory' ? origin.position : 'API' },
    ...(overlaid.length === 0 ? [] : [{ fields: overlaid, owner: 'API' }]),
    { fields: ['status'], owner: 'operator' },
  ];
}
