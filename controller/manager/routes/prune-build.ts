// POST /build/prune on every engine; engines before API 1.48 know the space to keep by its old name and would prune all.
import type { PooledEngine } from '../../engine/cluster-view.js';
import { isAtLeast } from '../../engine/api-version.js';
import { engineVersion } from '../engine-path.js';
import { answerWithin } from '../call-engine.js';
import { fanOut, requireSuccess } from '../fan-out.js';
import { chosenEngines, mergePrune, queryWithoutNode } from '../prune.js';
import { replyJson } from '../reply.js';
import type { RouteContext, RouteHandler } from '../route-context.js';

export const pruneBuild: RouteHandler = async (context) => {
  const result = await fanOut(context, chosenEngines(context), {
    path: '/build/prune',
    query: (engine) => queryFor(context, engine),
    answerWithinMs: answerWithin.prune,
  });
  requireSuccess(context, result);
  const answers = result.successes.map(({ value }) => value);
  replyJson(context.response, 200, mergePrune(answers, { listField: 'CachesDeleted', hasSpace: true }));
};

function queryFor(context: RouteContext, engine: PooledEngine): URLSearchParams {
  const query = queryWithoutNode(context);
  const isNew = isAtLeast(engineVersion(engine, context.version), '1.48');
  const [from, to] = isNew ? ['keep-storage', 'reserved-space'] : ['reserved-space', 'keep-storage'];
  const value = query.get(from);
  if (value !== null) {
    query.delete(from);
    if (!query.has(to)) query.set(to, value);
  }
  // What the cache may use at most is to older ones the space to keep: left out, they would prune all.
  const most = query.get('max-used-space');
  if (!isNew && most !== null) {
    query.delete('max-used-space');
    if (Number(most) > Number(query.get('keep-storage') ?? '0')) query.set('keep-storage', most);
  }
  return query;
}
