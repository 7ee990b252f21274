// Where a build runs: like a container with these directives, but where its cache is when it may go there.
import type { JsonObject } from '../../base/json.js';
import { isSwarmError, SwarmError } from '../../base/errors.js';
import { isAtLeast } from '../../engine/api-version.js';
import type { CachedObject, PooledEngine } from '../../engine/cluster-view.js';
import { parsePlacement } from '../../schedule/placement-request.js';
import { ApiError } from '../api-error.js';
import { isReachable, reachableEngines } from '../find-container.js';
import { imageMatches, withDefaultTag } from '../image-reference.js';
import { groupOf } from '../placement/group-homes.js';
import type { Placement } from '../placement/placer.js';
import type { ManagerServices } from '../services.js';

export interface BuildWish {
  /** `constraint:…` and `affinity:…` among the build arguments, as environment entries. */
  readonly directives: readonly string[];
  /** Labels for the image: those of the scheduler count as on containers. */
  readonly labels: JsonObject;
  readonly tags: readonly string[];
  /** Memory limit of the build's containers in bytes. */
  readonly memoryBytes?: number;
  readonly needsBuildKit: boolean;
  /** The engine that has a session of this build already: no other will do. */
  readonly pinned?: PooledEngine | undefined;
  /** The engine of other builds of the same command: its results may be inputs of this one. */
  readonly near?: PooledEngine | undefined;
  /** Images that the build begins with, where they are known. */
  readonly baseImages?: readonly string[];
  /** Images whose layers it may take over, `--cache-from`. */
  readonly cacheImages?: readonly string[];
}

/** `POST /grpc` came with API 1.40. */
const buildKitSince = '1.40';

/** Whether clients can use the engine's BuildKit over the API. */
export function hasBuildKit(engine: PooledEngine): boolean {
  return (
    engine.specs !== undefined &&
    engine.specs.os === 'linux' &&
    isAtLeast(engine.specs.apiVersion, buildKitSince)
  );
}

/**
 * The engine for what belongs to no build: the oldest of those with BuildKit, because clients take what it can for what
 * all can.
 * @throws ApiError 503 without a reachable engine, 404 as from an engine without BuildKit when none has it
 */
export function defaultBuilder(services: Pick<ManagerServices, 'cluster'>): PooledEngine {
  const engines = reachableEngines(services.cluster);
  if (engines.length === 0) throw new ApiError(503, 'No healthy node available in the cluster');
  const [first, ...others] = engines.filter(hasBuildKit);
  if (first === undefined) throw new ApiError(404, 'page not found');
  const version = (engine: PooledEngine): string => engine.specs?.apiVersion ?? '';
  return others.reduce(
    (oldest, engine) => (isAtLeast(version(engine), version(oldest)) ? oldest : engine),
    first,
  );
}

/**
 * Chooses an engine and counts the build as a container there until it is released. Of the engines that the directives
 * allow: the one of its compose project, the one of the same command, the one that built the same tags last, one that has
 * the base images, one that has an image to cache from, one that has the tags, else what the strategy says.
 * @throws SwarmError NO_ELIGIBLE_ENGINE, PLACEMENT_INVALID
 */
export function placeBuild(services: ManagerServices, wish: BuildWish): Placement {
  const { request } = parsePlacement({
    Env: wish.directives,
    Labels: wish.labels,
    HostConfig: { Memory: wish.memoryBytes ?? 0 },
  });
  const allowed = allowedAddresses(services, wish);
  const place = (only: ReadonlySet<string> | undefined): Placement =>
    services.placer.place({ request, id: services.randomHex(32), name: '', only });
  for (const preferred of preferences(services, wish)) {
    const only = new Set(preferred.filter((address) => allowed?.has(address) ?? true));
    if (only.size === 0) continue;
    try {
      return place(only);
    } catch (error) {
      if (!isSwarmError(error, 'NO_ELIGIBLE_ENGINE')) throw error;
    }
  }
  return place(allowed);
}

/** Addresses of the engines that can run it at all; undefined = every engine. */
function allowedAddresses(services: ManagerServices, wish: BuildWish): ReadonlySet<string> | undefined {
  if (wish.pinned !== undefined) {
    if (!isReachable(wish.pinned)) {
      throw new SwarmError(
        'ENGINE_UNREACHABLE',
        `Cannot build on engine "${wish.pinned.name}", which has the session of this build: it does not answer`,
      );
    }
    return new Set([wish.pinned.address]);
  }
  if (!wish.needsBuildKit) return undefined;
  const engines = services.cluster.engines();
  const able = engines.filter(hasBuildKit);
  if (able.length === 0 && engines.some(isReachable)) {
    throw new SwarmError(
      'NO_ELIGIBLE_ENGINE',
      'Cannot build with BuildKit: no engine of the cluster offers it',
      {
        hint: 'Set DOCKER_BUILDKIT=0',
      },
    );
  }
  return new Set(able.map(({ address }) => address));
}

/** Addresses to try one group after the other. */
function* preferences(
  services: ManagerServices,
  wish: BuildWish,
): Generator<readonly string[], void, undefined> {
  const { cluster, builds, homes } = services;
  const group = groupOf(wish.labels);
  const home = group === undefined ? undefined : homes.find(group);
  if (home !== undefined) yield [home.address];
  if (wish.near !== undefined) yield [wish.near.address];
  const tags = wish.tags.map(withDefaultTag);
  const recent = tags.flatMap((tag) => builds.recent.find(tag) ?? []);
  if (recent.length > 0) yield recent;
  const images = cluster.images();
  const { baseImages = [], cacheImages = [] } = wish;
  const base = holdersOfAll(images, baseImages);
  const cache = holdersOfAny(images, cacheImages);
  yield base.filter((address) => cache.includes(address));
  yield base;
  yield cache;
  yield holdersOfAny(images, tags);
}

function holdersOfAny(images: readonly CachedObject[], references: readonly string[]): readonly string[] {
  if (references.length === 0) return [];
  return images
    .filter((image) => references.some((reference) => imageMatches(image, reference)))
    .map(({ engine }) => engine.address);
}

function holdersOfAll(images: readonly CachedObject[], references: readonly string[]): readonly string[] {
  const [first = [], ...others] = references.map((reference) =>
    images.filter((image) => imageMatches(image, reference)).map(({ engine }) => engine.address),
  );
  return first.filter((address) => others.every((holders) => holders.includes(address)));
}
