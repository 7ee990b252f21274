// Images: one list for the cluster, look-ups on an engine that has the image, changes on every engine that has it.
import type { PooledEngine } from '../../engine/cluster-view.js';
import { ApiError, noSuchImage } from '../api-error.js';
import { answerWithin } from '../call-engine.js';
import { encodeReference } from '../engine-path.js';
import { fanOut, requireSuccess } from '../fan-out.js';
import { anyEngine, isReachable } from '../find-container.js';
import { findImage, findImages } from '../find-object.js';
import { forwardStream } from '../forward.js';
import { imageMatches } from '../image-reference.js';
import { listMergedImages } from '../merge-images.js';
import { pruneEverywhere } from '../prune.js';
import { replyEmpty, replyJson } from '../reply.js';
import { readBody } from '../read-body.js';
import { param, type RouteContext, type RouteHandler } from '../route-context.js';

export const listImages: RouteHandler = (context) => {
  replyJson(context.response, 200, listMergedImages(context));
  return Promise.resolve();
};

/** A look-up or stream of one engine that has the image: inspect, history, save, push. */
function fromHolder(suffix: string): RouteHandler {
  return async (context) => {
    const reference = param(context, 'name');
    const image = findImage(context.services.cluster, withTagOf(context, reference, suffix));
    await forwardStream(context, {
      engine: image.engine,
      path: `/images/${encodeReference(reference)}/${suffix}`,
    });
  };
}

/** Push names the tag beside the path. */
function withTagOf(context: RouteContext, reference: string, suffix: string): string {
  const tag = context.query.get('tag') ?? '';
  return suffix === 'push' && tag !== '' ? `${reference}:${tag}` : reference;
}

export const inspectImage = fromHolder('json');
export const imageHistory = fromHolder('history');
export const saveImage = fromHolder('get');
export const pushImage = fromHolder('push');

/** Several images in one archive come from an engine that has them all. */
export const saveImages: RouteHandler = async (context) => {
  const { cluster } = context.services;
  const names = context.query.getAll('names');
  const images = cluster.images();
  const engine = cluster
    .engines()
    .filter(isReachable)
    .find(({ address }) =>
      names.every((name) =>
        images.some((image) => image.engine.address === address && imageMatches(image, name)),
      ),
    );
  if (engine === undefined) {
    const missing = names.find((name) => findImages(cluster, name).length === 0);
    if (missing !== undefined) throw noSuchImage(missing);
    throw new ApiError(404, `Unable to find a healthy engine containing all images: [${names.join(' ')}]`);
  }
  await forwardStream(context, { engine, path: '/images/get' });
};

const holdersOf = (context: RouteContext, reference: string): readonly PooledEngine[] => [
  ...new Set(findImages(context.services.cluster, reference).map(({ engine }) => engine)),
];

export const tagImage: RouteHandler = async (context) => {
  const reference = param(context, 'name');
  const engines = holdersOf(context, reference);
  if (engines.length === 0) throw noSuchImage(reference);
  const result = await fanOut(context, engines, { path: `/images/${encodeReference(reference)}/tag` });
  requireSuccess(context, result);
  await Promise.all(result.successes.map(({ engine }) => context.services.cluster.refreshImages(engine)));
  replyEmpty(context.response, 201);
};

export const removeImage: RouteHandler = async (context) => {
  const reference = param(context, 'name');
  const engines = holdersOf(context, reference);
  if (engines.length === 0) throw noSuchImage(reference);
  const result = await fanOut(context, engines, { path: `/images/${encodeReference(reference)}` });
  requireSuccess(context, result);
  await Promise.all(result.successes.map(({ engine }) => context.services.cluster.refreshImages(engine)));
  replyJson(context.response, 200, uniteDeleted(result.successes.map(({ value }) => value)));
};

/** The items of all engines, each once. */
export function uniteDeleted(answers: readonly unknown[]): unknown[] {
  const items = new Map<string, unknown>();
  for (const answer of answers) {
    for (const item of Array.isArray(answer) ? (answer as unknown[]) : [])
      items.set(JSON.stringify(item), item);
  }
  return [...items.values()];
}

export const pruneImages: RouteHandler = (context) =>
  pruneEverywhere(context, {
    path: '/images/prune',
    listField: 'ImagesDeleted',
    hasSpace: true,
    refresh: (engine) => context.services.cluster.refreshImages(engine),
  });

/** Calls about a registry, which any engine can make. */
function fromAnyEngine(path: (context: RouteContext) => string): RouteHandler {
  return async (context) => {
    const body = await readBody(context);
    await forwardStream(context, {
      engine: anyEngine(context.services.cluster),
      path: path(context),
      // Registries are far away: engines themselves give up after half a minute.
      answerWithinMs: answerWithin.slow,
      ...(body.length > 0 ? { body } : {}),
    });
  };
}

export const searchImages = fromAnyEngine(() => '/images/search');
export const checkAuth = fromAnyEngine(() => '/auth');
export const inspectDistribution = fromAnyEngine(
  (context) => `/distribution/${encodeReference(param(context, 'name'))}/json`,
);
