// GET of a collection: a list, a Table, or a watch that goes on from one.
import type { Clock } from '../base/clock.js';
import type { JsonObject } from '../base/json.js';
import { stringAt } from '../base/json.js';
import type { Feed } from './feed.js';
import {
  booleanParameter,
  choiceParameter,
  json,
  numberParameter,
  type ApiRequest,
  type ApiResponse,
} from './request.js';
import { groupVersion, type ResourceType } from './resource-types.js';
import { matchesFields, matchesLabels, parseFieldSelector, parseLabelSelector } from './selectors.js';
import { StatusError } from './status.js';
import { toTable, wantsTable, type IncludeObject } from './table.js';
import { expired, WatchStream, type Selection } from './watch-stream.js';

// Watches end by themselves, so that a client that lost its connection without noticing comes back with a new one.
// kubectl get -w ends when its watch does, which is why this is long.
const defaultWatchSeconds = 45 * 60;
const longestWatchSeconds = 24 * 3600;

export function listOrWatch(
  request: ApiRequest,
  o: {
    readonly type: ResourceType;
    readonly feed: Feed;
    readonly clock: Clock;
    readonly namespace?: string | undefined;
  },
): ApiResponse {
  const selection = readSelection(request, o);
  if (booleanParameter(request.query, 'watch')) return watch(request, { ...o, selection });
  const objects = o.feed.list().filter(selection.matches);
  const body = selection.asTable?.(objects, { definitions: true }) ?? {
    kind: `${o.type.kind}List`,
    apiVersion: groupVersion(o.type),
    metadata: { resourceVersion: String(o.feed.resourceVersion) },
    items: objects,
  };
  return json(body);
}

/** One object, as JSON or as a Table of one row. */
export function presentOne(
  request: ApiRequest,
  o: { readonly type: ResourceType; readonly object: JsonObject; readonly clock: Clock },
): JsonObject {
  if (!wantsTable(request.accept)) return o.object;
  return toTable(o.type, [o.object], {
    nowMs: o.clock.now(),
    include: readInclude(request),
    resourceVersion: stringAt(o.object['metadata'], 'resourceVersion') ?? '',
    definitions: true,
  });
}

function readSelection(
  request: ApiRequest,
  o: {
    readonly type: ResourceType;
    readonly feed: Feed;
    readonly clock: Clock;
    readonly namespace?: string | undefined;
  },
): Selection {
  const labels = parseLabelSelector(request.query.get('labelSelector') ?? '');
  const fields = parseFieldSelector(request.query.get('fieldSelector') ?? '', o.type.selectableFields);
  const include = readInclude(request);
  return {
    type: o.type,
    matches: (object) =>
      (o.namespace === undefined || stringAt(object['metadata'], 'namespace') === o.namespace) &&
      matchesFields(fields, object) &&
      matchesLabels(labels, labelsOf(object)),
    asTable: wantsTable(request.accept)
      ? (objects, { definitions }) =>
          toTable(o.type, objects, {
            nowMs: o.clock.now(),
            include,
            definitions,
            resourceVersion: String(o.feed.resourceVersion),
          })
      : undefined,
  };
}

function readInclude(request: ApiRequest): IncludeObject {
  return choiceParameter(request.query, 'includeObject', {
    choices: ['None', 'Metadata', 'Object'],
    otherwise: 'Metadata',
  });
}

function labelsOf(object: JsonObject): Readonly<Record<string, string>> | undefined {
  const metadata = object['metadata'] as { readonly labels?: Readonly<Record<string, string>> } | undefined; // served objects are valid
  return metadata?.labels;
}

function watch(
  request: ApiRequest,
  o: { readonly feed: Feed; readonly clock: Clock; readonly selection: Selection },
): ApiResponse {
  const { query } = request;
  const from = query.get('resourceVersion') ?? '';
  const initial = booleanParameter(query, 'sendInitialEvents');
  const bookmarks = booleanParameter(query, 'allowWatchBookmarks');
  if (!/^\d*$/.test(from)) {
    throw new StatusError(
      'BadRequest',
      `Cannot watch from resourceVersion ${JSON.stringify(from)}: must be a number`,
    );
  }
  const timeoutSeconds = Math.min(
    numberParameter(query, 'timeoutSeconds') ?? defaultWatchSeconds,
    longestWatchSeconds,
  );
  const replayed = from === '' || from === '0' || initial ? undefined : o.feed.changesSince(Number(from));
  if (replayed === 'expired') throw expired(o.selection.type, from);
  return {
    type: 'stream',
    run: async (sink, signal) => {
      const stream = new WatchStream({ ...o, sink, bookmarks });
      try {
        stream.start({
          replayFrom: replayed === undefined ? undefined : Number(from),
          endInitial: initial && bookmarks,
        });
        await stream.finished(signal, timeoutSeconds * 1000);
      } finally {
        stream.stop();
      }
    },
  };
}
