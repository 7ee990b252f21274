// POST /placement: where a create with this body would go, and what each engine scores. Nothing is made or moved. Engines
// have no such operation, so who asks one by mistake gets its 404 and no container.
import { objectAt } from '../../base/json.js';
import { takeExplainMode } from '../../schedule/explain-mode.js';
import { createNeeds } from '../api-needs.js';
import { describeLack, withPins } from '../placement/colocation.js';
import { foresee } from '../placement/gather.js';
import { readJsonBody } from '../read-body.js';
import { replyJson } from '../reply.js';
import type { RouteHandler } from '../route-context.js';
import { withPlacementLabels } from './create-container.js';

export const placeContainer: RouteHandler = async (context) => {
  const { services, query } = context;
  const asked = takeExplainMode(await readJsonBody(context));
  const needs = createNeeds(asked.body, { version: context.version, platform: query.get('platform') });
  const { body, request, only, pins } = await foresee(services, asked.body, needs);
  try {
    const { engine, record, release } = services.placer.place({
      request,
      id: services.randomHex(32),
      name: query.get('name') ?? '',
      only,
      onlyBecause: describeLack(pins),
      needs,
    });
    release();
    replyJson(context.response, 200, {
      Node: engine.name,
      Placement: { ...record, atSeconds: Math.floor(services.clock.now() / 1000) },
      Labels: objectAt(withPlacementLabels(body, request), 'Labels'),
    });
  } catch (error) {
    throw withPins(error, services, pins);
  }
};
