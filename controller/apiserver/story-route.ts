// What only the running operator knows about an object: when it looks at it again, after how many failures, and who owns
// its fields. Not part of the object, because it changes with every look.
import type { ObjectKey } from '../api/object-key.js';
import { apiVersion } from '../api/labels.js';
import { formatTime } from '../api/conditions.js';
import { json, type ApiResponse } from './request.js';
import { StatusError } from './status.js';

export interface ObjectStory {
  /** Epoch ms; absent while it is being looked at, or never will be. */
  readonly nextRunAtMs?: number;
  /** Failures in a row. */
  readonly failures: number;
  readonly owners: readonly { readonly fields: readonly string[]; readonly owner: string }[];
}

/** undefined: there is no such object. */
export type StoryOf = (key: ObjectKey) => ObjectStory | undefined;

const kindsByPlural: Readonly<Record<string, ObjectKey['kind']>> = { clusters: 'Cluster', nodes: 'Node' };

export function tellStory(o: {
  readonly plural: string;
  readonly name: string;
  readonly storyOf?: StoryOf | undefined;
}): ApiResponse {
  const kind = kindsByPlural[o.plural];
  const story = kind && o.storyOf?.({ kind, name: o.name });
  if (story === undefined) {
    throw new StatusError('NotFound', `story of ${o.plural} ${JSON.stringify(o.name)} not found`);
  }
  const { nextRunAtMs, failures, owners } = story;
  return json({
    kind: 'Story',
    apiVersion,
    metadata: { name: o.name },
    ...(nextRunAtMs === undefined ? {} : { nextRunTime: formatTime(nextRunAtMs) }),
    failures,
    owners,
  });
}
