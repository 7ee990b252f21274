// The image list of the cluster: entries of all engines with the same ID become one with all its names.
import { isJsonObject, objectAt, type JsonObject } from '../base/json.js';
import { isAtLeast } from '../engine/api-version.js';
import type { CachedObject } from '../engine/cluster-view.js';
import { ApiError } from './api-error.js';
import { familiarName, imageMatches, repoDigests, repoTags } from './image-reference.js';
import { matchesLabels } from './label-filter.js';
import { matchGlob, matchRegex } from './pattern.js';
import { isTrue, readFilters, readInstant, type Filters } from './query.js';
import type { RouteContext } from './route-context.js';

const filterKeys = ['before', 'dangling', 'label', 'node', 'reference', 'since', 'until'] as const;

/** The answer to GET /images/json, newest first. */
export function listMergedImages(context: RouteContext): JsonObject[] {
  const filters = new Map(readFilters(context.query, filterKeys));
  const legacy = context.query.get('filter');
  if (legacy !== null && legacy !== '' && !filters.has('reference')) filters.set('reference', [legacy]);
  const keeps = imagePredicate(context, filters);
  const groups = new Map<string, CachedObject[]>();
  for (const image of context.services.cluster.images()) {
    if (!keeps(image)) continue;
    const group = groups.get(image.id);
    if (group === undefined) groups.set(image.id, [image]);
    else group.push(image);
  }
  return [...groups.values()]
    .map((group) => mergeImages(group, context.version))
    .sort((a, b) => numberAt(b, 'Created') - numberAt(a, 'Created'));
}

/** One entry for copies of one image on several engines; unknown fields are those of the first. */
export function mergeImages(copies: readonly CachedObject[], version: string): JsonObject {
  const summaries = copies.map(({ summary }) => summary);
  const tags = unite(copies, repoTags);
  const digests = unite(copies, repoDigests);
  const containers = summaries.map((summary) => numberAt(summary, 'Containers', -1));
  // Before 1.43 engines show an image without names as `<none>`; clients of that time rely on it.
  const showsNone = !isAtLeast(version, '1.43');
  return {
    ...summaries[0],
    RepoTags: tags.length === 0 && showsNone ? ['<none>:<none>'] : tags,
    RepoDigests: digests.length === 0 && showsNone ? ['<none>@<none>'] : digests,
    Created: Math.min(...summaries.map((summary) => numberAt(summary, 'Created'))),
    Size: Math.max(...summaries.map((summary) => numberAt(summary, 'Size'))),
    Containers:
      isAtLeast(version, '1.51') && containers.every((count) => count >= 0)
        ? containers.reduce((sum, count) => sum + count, 0)
        : -1,
  };
}

function imagePredicate(context: RouteContext, filters: Filters): (image: CachedObject) => boolean {
  const dangling = filters.get('dangling')?.map((value) => readBoolean(value));
  const references = filters.get('reference')?.map((value) => referencePattern(value));
  const nodes = filters.get('node')?.map((value) => matchRegex(value));
  const labels = filters.get('label') ?? [];
  const before = createdOf(context, filters.get('before'));
  const since = createdOf(context, filters.get('since'));
  const until = filters
    .get('until')
    ?.map((value) => readInstant(value, { key: 'until', nowMs: context.services.clock.now() }));
  const showsIntermediate = isTrue(context.query.get('all'));
  return (image) => {
    const names = [...repoTags(image), ...repoDigests(image)];
    const isDangling = repoTags(image).length === 0;
    const created = numberAt(image.summary, 'Created');
    if (dangling !== undefined && !dangling.includes(isDangling)) return false;
    if (dangling === undefined && !showsIntermediate && names.length === 0 && hasChildren(image, context))
      return false;
    if (references !== undefined && !references.some((matches) => names.some((name) => matches(name))))
      return false;
    if (nodes !== undefined && !nodes.some((matches) => matches(image.engine.name))) return false;
    if (labels.length > 0 && !matchesLabels(objectAt(image.summary, 'Labels'), labels)) return false;
    if (before !== undefined && created >= before) return false;
    if (since !== undefined && created <= since) return false;
    return until?.every((limit) => created * 1000 < limit) ?? true;
  };
}

/** Layers that another image is built on are shown only with `all`, as in the engine. */
function hasChildren(image: CachedObject, context: RouteContext): boolean {
  return context.services.cluster
    .images()
    .some((other) => other.engine.address === image.engine.address && other.summary['ParentId'] === image.id);
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

function createdOf(context: RouteContext, values: readonly string[] | undefined): number | undefined {
  const [reference] = values ?? [];
  if (reference === undefined) return undefined;
  const image = context.services.cluster.images().find((candidate) => imageMatches(candidate, reference));
  if (image === undefined) throw new ApiError(404, `No such image: ${reference}`);
  return numberAt(image.summary, 'Created');
}

function readBoolean(value: string): boolean {
  if (value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  throw new ApiError(400, `invalid filter 'dangling=${value}'`);
}

function unite(copies: readonly CachedObject[], read: (image: CachedObject) => string[]): string[] {
  return [...new Set(copies.flatMap(read))].sort();
}

function numberAt(value: JsonObject | undefined, key: string, fallback = 0): number {
  const inner = isJsonObject(value) ? value[key] : undefined;
  return typeof inner === 'number' ? inner : fallback;
}
