// POST /containers/prune on every engine, with the cache read again for what is gone.
import { answerWithin } from '../call-engine.js';
import { fanOut, requireSuccess } from '../fan-out.js';
import { chosenEngines, mergePrune, queryWithoutNode } from '../prune.js';
import { objectAt } from '../../base/json.js';
import { replyJson } from '../reply.js';
import type { RouteHandler } from '../route-context.js';

export const pruneContainers: RouteHandler = async (context) => {
  const { cluster } = context.services;
  const result = await fanOut(context, chosenEngines(context), {
    path: '/containers/prune',
    query: queryWithoutNode(context),
    answerWithinMs: answerWithin.prune,
  });
  requireSuccess(context, result);
  await Promise.all(
    result.successes.map(async ({ engine, value }) => {
      const deleted: unknown = objectAt({ value }, 'value')['ContainersDeleted'];
      for (const id of Array.isArray(deleted) ? (deleted as unknown[]) : []) {
        if (typeof id === 'string') await cluster.refreshContainer(engine, id);
      }
    }),
  );
  const answers = result.successes.map(({ value }) => value);
  replyJson(context.response, 200, mergePrune(answers, { listField: 'ContainersDeleted', hasSpace: true }));
};
