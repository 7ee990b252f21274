// The filters of GET /images/json, by the engine's rules, applied to each engine's copy of an image.
import { objectAt } from '../base/json.js';
import type { CachedObject, PooledEngine } from '../engine/cluster-view.js';
import { ApiError } from './api-error.js';
import { isAtLeast } from '../engine/api-version.js';
import type { ImageCatalog } from './image-catalog.js';
import { familiarName } from './image-reference.js';
import { matchesLabels } from './label-filter.js';
import { numberAt, showWhole, type ShownImage } from './merge-images.js';
import { matchGlob, matchRegex } from './pattern.js';
import { isTrue, readFilters, readInstant } from './query.js';

const filterKeys = ['before', 'dangling', 'label', 'node', 'reference', 'since', 'until'] as const;

export interface ImageFilterOptions {
  readonly query: URLSearchParams;
  readonly version: string;
  readonly catalog: Pick<ImageCatalog, 'find'>;
  readonly nowMs: number;
}

/**
 * What of `images` the client gets to see, and under which names.
 * @throws ApiError 400 for filters that are not known or not readable, 404 for `before` and `since` of no image
 */
export function filterImages(
  images: readonly CachedObject[],
  { query, version, catalog, nowMs }: ImageFilterOptions,
): readonly ShownImage[] {
  const filters = new Map(readFilters(query, filterKeys));
  // The way of clients before filters had names.
  const legacy = query.get('filter');
  if (legacy !== null && legacy !== '' && !isAtLeast(version, '1.41') && !filters.has('reference')) {
    filters.set('reference', [legacy]);
  }
  const dangling = filters.get('dangling')?.map(readDangling);
  const isDanglingOnly = dangling?.includes(true) ?? false;
  const patterns = filters.get('reference')?.map(referencePattern);
  const nodes = filters.get('node');
  const nodePatterns = nodes?.map((value) => matchRegex(value));
  const labels = filters.get('label') ?? [];
  const created = (key: 'before' | 'since'): number | undefined =>
    createdOf(catalog, { key, values: filters.get(key) });
  const [before, since] = [created('before'), created('since')];
  const until = (filters.get('until') ?? []).map((value) => readInstant(value, { nowMs }));
  const showsIntermediate = isTrue(query.get('all'));
  const isParent = parentsIn(images);
  return images.flatMap((image): ShownImage[] => {
    const seconds = numberAt(image.summary, 'Created');
    if (
      nodePatterns?.some((matches) => matches(image.engine.name)) === false &&
      !nodes?.includes(image.engine.id)
    )
      return [];
    if (labels.length > 0 && !matchesLabels(objectAt(image.summary, 'Labels'), labels)) return [];
    if ((before !== undefined && seconds >= before) || (since !== undefined && seconds <= since)) return [];
    if (until.some((limit) => seconds * 1000 >= limit)) return [];
    const whole = showWhole(image);
    const shown = patterns === undefined ? whole : withNames(whole, patterns);
    if (shown.tags.length > 0) return isDanglingOnly ? [] : [shown];
    if (shown.digests.length > 0) return [shown];
    // An image without a name is a layer of a build, shown with `all`, or what a newer image took the name of.
    if (patterns !== undefined || (dangling !== undefined && !isDanglingOnly)) return [];
    return showsIntermediate || !isParent(image) ? [shown] : [];
  });
}

/** Only the names that match: engines leave the others of an image out. */
function withNames(shown: ShownImage, patterns: readonly ((name: string) => boolean)[]): ShownImage {
  const matches = (name: string): boolean => patterns.some((pattern) => pattern(name));
  return { ...shown, tags: shown.tags.filter(matches), digests: shown.digests.filter(matches) };
}

/** Whether another image on the same engine is built on this one. */
function parentsIn(images: readonly CachedObject[]): (image: CachedObject) => boolean {
  let parents: Map<PooledEngine, Set<unknown>> | undefined;
  return ({ engine, id }) => {
    if (parents === undefined) {
      parents = new Map();
      for (const image of images) {
        const known = parents.get(image.engine) ?? new Set();
        parents.set(image.engine, known.add(image.summary['ParentId']));
      }
    }
    return parents.get(engine)?.has(id) ?? false;
  };
}

/** A glob matches the whole reference or its name without the tag: `busy*` finds busybox:latest. */
function referencePattern(pattern: string): (name: string) => boolean {
  const matches = matchGlob(familiarName(pattern));
  return (name) => {
    const familiar = familiarName(name);
    const withoutTag = familiar.replace(/@.*$/, '').replace(/:[^/:]+$/, '');
    return matches(familiar) || matches(withoutTag);
  };
}

function createdOf(
  catalog: Pick<ImageCatalog, 'find'>,
  { key, values }: { key: string; values: readonly string[] | undefined },
): number | undefined {
  const [reference] = values ?? [];
  if (reference === undefined) return undefined;
  const [image] = catalog.find(reference);
  if (image === undefined) {
    throw new ApiError(404, `invalid filter '${key}=${reference}': No such image: ${reference}`);
  }
  return numberAt(image.summary, 'Created');
}

function readDangling(value: string): boolean {
  if (value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  throw new ApiError(400, `invalid filter 'dangling=[${value}]'`);
}
