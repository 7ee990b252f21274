// GET /info: the cluster as if it were one engine, from the cache alone, with the classic's block about each node.
import { replyPieces } from '../reply.js';
import type { RouteHandler } from '../route-context.js';

export const info: RouteHandler = async (context) => {
  const behind = context.services.cluster.caughtUp();
  if (behind !== undefined) await behind;
  const { pieces, giveBack } = context.services.info.answer(context.version);
  context.response.once('close', giveBack);
  replyPieces(context.response, 200, pieces, 'application/json');
};
