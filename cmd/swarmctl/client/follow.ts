// Follows objects for as long as a command needs: the present state first, then every change, across restarts of
// the operator.
import { backoffDelayMs } from '../../../controller/base/backoff.js';
import { isSwarmError } from '../../../controller/base/errors.js';
import { isJsonObject, objectAt, type JsonObject } from '../../../controller/base/json.js';
import type { CommandContext } from '../command-context.js';
import type { ApiClient } from './api-client.js';
import type { ListedKind } from './kinds.js';

export type Followed =
  /** What was known before counts for nothing; the present state follows. */
  | { readonly type: 'restart' }
  | { readonly type: 'added' | 'modified' | 'deleted'; readonly object: JsonObject }
  /** The present state is complete. */
  | { readonly type: 'synced' }
  /** The operator is gone; it will be tried again. */
  | { readonly type: 'lost'; readonly error: Error };

export interface FollowOptions {
  readonly kind: ListedKind;
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** `application/json;as=Table;…` for printed rows. */
  readonly accept?: string;
  readonly signal: AbortSignal;
  /** Only changes from now on, without the present state. */
  readonly onlyChanges?: boolean;
}

const types: Readonly<Record<string, 'added' | 'modified' | 'deleted'>> = {
  ADDED: 'added',
  MODIFIED: 'modified',
  DELETED: 'deleted',
};

/** Never ends by itself; ends when the signal does. @throws when the first connection fails, or the server refuses */
export async function* follow(
  client: ApiClient,
  context: Pick<CommandContext, 'clock' | 'random'>,
  o: FollowOptions,
): AsyncGenerator<Followed> {
  // A function, because the signal changes while this waits and the compiler would remember its first answer.
  const isOver = (): boolean => o.signal.aborted;
  let failures = 0;
  for (let connected = false; ;) {
    const query = {
      ...o.query,
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
    };
    const accept = o.accept === undefined ? {} : { accept: o.accept };
    try {
      yield { type: 'restart' };
      for await (const event of client.watch({ path: o.kind.path, query, ...accept }, o.signal)) {
        connected = true;
        failures = 0;
        const followed = readEvent(event);
        if (followed !== undefined) yield followed;
      }
    } catch (error) {
      if (isOver()) return;
      const mayComeBack = isSwarmError(error, 'OPERATOR_UNREACHABLE') || isSwarmError(error, 'TIMEOUT');
      if (!connected || !mayComeBack) throw error;
      failures += 1;
      if (failures === 1) yield { type: 'lost', error };
    }
    if (isOver()) return;
    // A local socket costs nothing to try; five seconds keep a restart of the operator from being missed for long.
    const delayMs = backoffDelayMs(Math.max(failures, 1), context.random, { baseMs: 200, capMs: 5000 });
    await context.clock.sleep(delayMs, o.signal).catch(() => undefined);
    if (isOver()) return;
  }
}

function readEvent(event: JsonObject): Followed | undefined {
  const object = isJsonObject(event['object']) ? event['object'] : {};
  if (event['type'] === 'BOOKMARK') {
    return isInitialEnd(object) ? { type: 'synced' } : undefined;
  }
  const type = types[String(event['type'])];
  return type === undefined ? undefined : { type, object };
}

/** Bookmarks of Tables carry the marked object in their only row. */
function isInitialEnd(object: JsonObject): boolean {
  const rows: unknown = object['rows'];
  const marked: unknown = Array.isArray(rows) ? objectAt(rows[0], 'object') : object;
  return objectAt(objectAt(marked, 'metadata'), 'annotations')['k8s.io/initial-events-end'] === 'true';
}
