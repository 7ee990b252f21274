// GET /info: the cluster as if it were one engine, from the cache alone, with the classic's block about each node.
import { replyBytes } from '../reply.js';
import type { RouteHandler } from '../route-context.js';

export const info: RouteHandler = (context) => {
  replyBytes(context.response, 200, context.services.info.answer(context.version), 'application/json');
  return Promise.resolve();
};
