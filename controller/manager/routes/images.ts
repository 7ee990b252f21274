// Images: look-ups on an engine that has the image, changes on every engine that has it, questions to registries.
import type { PooledEngine } from '../../engine/cluster-view.js';
import { ApiError } from '../api-error.js';
import { ableEngines, imageNeeds, unknownTo, type ImageCall } from '../api-needs.js';
import { isAtLeast } from '../../engine/api-version.js';
import { answerWithin } from '../call-engine.js';
import { encodeReference, engineVersion } from '../engine-path.js';
import { fanOut, requireSuccess, type FanOutResult } from '../fan-out.js';
import { anyEngine, reachableEngines } from '../find-container.js';
import { askRegistry, forwardToHolder } from '../forward-to-first.js';
import { pruneEverywhere, uniteItems } from '../prune.js';
import { replyEmpty, replyJson } from '../reply.js';
import { param, type RouteContext, type RouteHandler } from '../route-context.js';

/** A look-up or stream of one engine that has the image. */
function fromHolder(suffix: Exclude<ImageCall, 'load'>, answerWithinMs: number): RouteHandler {
  return async (context) => {
    const reference = param(context, 'name');
    const copies = context.services.catalog.copies(withTagOf(context, reference, suffix));
    await forwardToHolder(context, {
      engines: ableHolders(
        context,
        suffix,
        copies.map(({ engine }) => engine),
      ),
      path: `/images/${encodeReference(reference)}/${suffix}`,
      answerWithinMs,
      isBulk: suffix === 'get',
    });
  };
}

// What an older engine tells of its only platform is still true; what it sends away would be the wrong platform.
const onlyTold: ReadonlySet<ImageCall> = new Set(['json', 'history']);

function ableHolders(
  context: RouteContext,
  call: ImageCall,
  engines: readonly PooledEngine[],
): readonly PooledEngine[] {
  const needs = imageNeeds(call, context.query, context.version);
  const able = engines.filter((engine) => unknownTo(needs, engine.specs?.apiVersion) === undefined);
  return able.length === 0 && onlyTold.has(call) ? engines : ableEngines(engines, needs);
}

/** Push names the tag beside the path. */
function withTagOf(context: RouteContext, reference: string, suffix: string): string {
  const tag = context.query.get('tag') ?? '';
  return suffix === 'push' && tag !== '' ? `${reference}:${tag}` : reference;
}

export const inspectImage = fromHolder('json', answerWithin.quick);
export const imageHistory = fromHolder('history', answerWithin.quick);
// Engines write a whole archive to disk before they send it, and ask the registry before they push.
export const saveImage = fromHolder('get', answerWithin.unbounded);
export const pushImage = fromHolder('push', answerWithin.unbounded);

/** Several images in one archive come from the engine that has most of them; it gets the others first. */
export const saveImages: RouteHandler = async (context) => {
  const { catalog, cluster, images } = context.services;
  const names = context.query.getAll('names').filter((name) => name !== '');
  const holders = names.map((name) => catalog.copies(name).map(({ engine }) => engine));
  const having = (engine: PooledEngine): number => holders.filter((held) => held.includes(engine)).length;
  const engine = ableHolders(context, 'get', [...new Set(holders.flat())]).reduce<PooledEngine | undefined>(
    (best, one) => (best === undefined || having(one) > having(best) ? one : best),
    undefined,
  );
  for (const [at, name] of names.entries()) {
    if (engine === undefined || holders[at]?.includes(engine) === true) continue;
    const copied = await images.copyTo(engine, name, { signal: context.signal });
    if (copied === undefined) {
      const where = names.map(
        (one, index) => `${one} is on ${holders[index]?.map((held) => held.name).join(', ') ?? ''}`,
      );
      throw new ApiError(
        404,
        `Unable to find a healthy engine containing all images: [${names.join(' ')}]: ${where.join('; ')}`,
      );
    }
  }
  await forwardToHolder(context, {
    // Without names the engine says itself what is wrong with the request.
    engines: [engine ?? anyEngine(cluster)],
    path: '/images/get',
    answerWithinMs: answerWithin.unbounded,
    isBulk: true,
  });
};

/** On engines that store images differently the copies have an ID each. */
export const tagImage: RouteHandler = async (context) => {
  const { catalog, cluster } = context.services;
  const copies = catalog.copies(param(context, 'name'));
  const idOn = new Map(copies.map(({ engine, id }) => [engine, id]));
  const result = await fanOut(context, [...idOn.keys()], {
    path: (engine) => `/images/${encodeReference(idOn.get(engine) ?? '')}/tag`,
  });
  requireSuccess(context, result);
  await Promise.all(result.successes.map(({ engine }) => cluster.refreshImages(engine)));
  const repo = context.query.get('repo') ?? '';
  const tag = context.query.get('tag') ?? '';
  const [copy] = copies;
  if (repo !== '' && copy !== undefined) catalog.noteName(tag === '' ? repo : `${repo}:${tag}`, copy.id);
  replyEmpty(context.response, 201);
};

export const removeImage: RouteHandler = async (context) => {
  const { catalog, cluster } = context.services;
  const reference = param(context, 'name');
  catalog.copies(reference);
  const engines = [...new Set(catalog.find(reference).map(({ engine }) => engine))];
  refusePlatforms(context, engines);
  const result = await fanOut(context, engines, { path: `/images/${encodeReference(reference)}` });
  await Promise.all(result.successes.map(({ engine }) => cluster.refreshImages(engine)));
  requireRemoved(context, result);
  replyJson(context.response, 200, uniteItems(result.successes.map(({ value }) => value)));
};

/** Before 1.50 an engine does not know that only some platforms are meant, and would remove the image whole. */
function refusePlatforms(context: RouteContext, engines: readonly PooledEngine[]): void {
  if (!context.query.has('platforms')) return;
  const old = engines.filter((engine) => !isAtLeast(engineVersion(engine, context.version), '1.50'));
  if (old.length === 0) return;
  throw new ApiError(
    400,
    `Cannot remove platforms of an image: ${old.map(({ name }) => name).join(', ')} must speak API 1.50 for that`,
  );
}

/**
 * Where an engine refused, the image is still there, and the client must know: the refusal is the answer, with the node
 * and with what was done elsewhere. Engines that cannot be reached are left out.
 * @throws ApiError
 */
function requireRemoved(context: RouteContext, result: FanOutResult): void {
  const { successes, failures } = result;
  const refusals = failures.filter(({ isRefusal, status }) => isRefusal && status !== 404);
  const [first] = refusals;
  if (successes.length === 0 || first === undefined) {
    requireSuccess(context, result);
    return;
  }
  const told = refusals.map(({ engine, message }) => `${engine.name}: ${message}`).join('; ');
  throw new ApiError(
    first.status,
    `${told}; removed from ${successes.map(({ engine }) => engine.name).join(', ')}`,
  );
}

export const pruneImages: RouteHandler = (context) =>
  pruneEverywhere(context, {
    path: '/images/prune',
    listField: 'ImagesDeleted',
    hasSpace: true,
    refresh: (engine) => context.services.cluster.refreshImages(engine),
  });

/** Engines give a registry up after half a minute; a slow one may take several requests. */
function fromRegistry(path: (context: RouteContext) => string): RouteHandler {
  return (context) =>
    askRegistry(context, {
      engines: reachableEngines(context.services.cluster),
      path: path(context),
      answerWithinMs: answerWithin.slow,
    });
}

export const searchImages = fromRegistry(() => '/images/search');
export const checkAuth = fromRegistry(() => '/auth');
export const inspectDistribution = fromRegistry(
  (context) => `/distribution/${encodeReference(param(context, 'name'))}/json`,
);
