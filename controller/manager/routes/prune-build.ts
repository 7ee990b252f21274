// POST /build/prune on every engine; engines before API 1.48 know the space to keep by its old name and would prune all.
import type { PooledEngine } from '../../engine/cluster-view.js';
import { isAtLeast } from '../../engine/api-version.js';
import { engineVersion } from '../engine-path.js';
import { ApiError } from '../api-error.js';
import { answerWithin } from '../call-engine.js';
import { fanOut, requireSuccess } from '../fan-out.js';
import { chosenEngines, mergePrune, queryWithoutNode } from '../prune.js';
import { replyJson } from '../reply.js';
import type { RouteContext, RouteHandler } from '../route-context.js';

export const pruneBuild: RouteHandler = async (context) => {
  const engines = chosenEngines(context);
  refuseFreeSpace(context, engines);
  const result = await fanOut(context, engines, {
    path: '/build/prune',
    query: (engine) => queryFor(context, engine),
    answerWithinMs: answerWithin.prune,
  });
  requireSuccess(context, result);
  const answers = result.successes.map(({ value }) => value);
  replyJson(context.response, 200, mergePrune(answers, { listField: 'CachesDeleted', hasSpace: true }));
};

const isNew = (context: RouteContext, engine: PooledEngine): boolean =>
  isAtLeast(engineVersion(engine, context.version), '1.48');

/**
 * To older engines the space that is to be free says nothing: they would prune all, or all but the reserved space, also
 * where the disk is empty. With an upper limit besides they keep that much, which is never less than was asked for.
 */
function refuseFreeSpace(context: RouteContext, engines: readonly PooledEngine[]): void {
  const asks = (key: string): boolean => Number(context.query.get(key) ?? '0') > 0;
  if (!asks('min-free-space') || asks('max-used-space')) return;
  const old = engines.filter((engine) => !isNew(context, engine));
  if (old.length === 0) return;
  const named = old
    .slice(0, 3)
    .map((engine) => `${engine.name} is spoken to in ${engineVersion(engine, context.version)}`);
  throw new ApiError(
    400,
    `Cannot prune the build cache by free space: ${old.length} of ${engines.length} engines would prune all of it, as that needs API 1.48 (${named.join(', ')}${old.length > 3 ? ', …' : ''}); give max-used-space too, or choose engines with the filter node`,
  );
}

function queryFor(context: RouteContext, engine: PooledEngine): URLSearchParams {
  const query = queryWithoutNode(context);
  const knowsSpaces = isNew(context, engine);
  const [from, to] = knowsSpaces ? ['keep-storage', 'reserved-space'] : ['reserved-space', 'keep-storage'];
  const value = query.get(from);
  if (value !== null) {
    query.delete(from);
    if (!query.has(to)) query.set(to, value);
  }
  // What the cache may use at most is to older ones the space to keep: left out, they would prune all.
  const most = query.get('max-used-space');
  if (!knowsSpaces && most !== null) {
    query.delete('max-used-space');
    if (Number(most) > Number(query.get('keep-storage') ?? '0')) query.set('keep-storage', most);
  }
  return query;
}
