// GET /images/json: one list for the cluster, from the cache; engines are asked only for what they compute on demand.
import type { CachedObject, PooledEngine } from '../../engine/cluster-view.js';
import { isJsonObject, stringAt } from '../../base/json.js';
import { answerWithin } from '../call-engine.js';
import { fanOut } from '../fan-out.js';
import { reachableEngines } from '../find-container.js';
import { filterImages } from '../image-filters.js';
import { keepsImagesInContainerd } from '../image-store.js';
import { mergeImages } from '../merge-images.js';
import { isTrue } from '../query.js';
import { replyJson } from '../reply.js';
import type { RouteContext, RouteHandler } from '../route-context.js';

export const listImages: RouteHandler = async (context) => {
  const { catalog, clock, cluster } = context.services;
  const options = { query: context.query, version: context.version, catalog, nowMs: clock.now() };
  // Filters are checked before any engine is asked.
  const cached = filterImages(cluster.images(), options);
  const asked = enginesToAsk(context);
  const shown = asked.length === 0 ? cached : filterImages(await readAgain(context, asked), options);
  const containers = new Map<string, number>();
  for (const { imageId } of cluster.containers()) containers.set(imageId, (containers.get(imageId) ?? 0) + 1);
  const merged = mergeImages(shown, {
    version: context.version,
    containersOf: (id) => containers.get(id) ?? 0,
  });
  replyJson(context.response, 200, merged);
};

const computed = ['shared-size', 'manifests', 'identity'] as const;

/** Shared sizes all engines compute; manifests only those that keep images in containerd have. */
function enginesToAsk(context: RouteContext): readonly PooledEngine[] {
  const wants = (key: (typeof computed)[number]): boolean => isTrue(context.query.get(key));
  const engines = reachableEngines(context.services.cluster);
  if (wants('shared-size')) return engines;
  return wants('manifests') || wants('identity') ? engines.filter(keepsImagesInContainerd) : [];
}

/** All images, those of `engines` as they say now; of an engine that does not answer in time as it said last. */
async function readAgain(
  context: RouteContext,
  engines: readonly PooledEngine[],
): Promise<readonly CachedObject[]> {
  const query = new URLSearchParams({ all: '1' });
  for (const key of computed) if (isTrue(context.query.get(key))) query.set(key, '1');
  const { successes } = await fanOut(context, engines, {
    path: '/images/json',
    query,
    answerWithinMs: answerWithin.quick,
  });
  const answered = new Set(successes.map(({ engine }) => engine));
  return [
    ...context.services.cluster.images().filter(({ engine }) => !answered.has(engine)),
    ...successes.flatMap(({ engine, value }) =>
      (Array.isArray(value) ? (value as unknown[]) : [])
        .filter(isJsonObject)
        .map((summary) => ({ engine, id: stringAt(summary, 'Id') ?? '', summary })),
    ),
  ];
}
