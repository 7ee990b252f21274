// The engines that get an image which comes into the cluster, by the manager's setting or the header of the request.
import { SwarmError } from '../base/errors.js';
import type { PooledEngine } from '../engine/cluster-view.js';
import { satisfiesConstraint } from '../schedule/filters/constraint.js';
import { parsePlacement } from '../schedule/placement-request.js';
import { ApiError } from './api-error.js';
import { isReachable } from './find-container.js';
import { parseImagePlacement, type ImagePlacement } from './image-placement.js';
import type { RouteContext } from './route-context.js';

/** Header of a request that says where its image goes; the docker CLI sends it from `HttpHeaders` of its config.json. */
const placementHeader = 'x-swarm-image-placement';

export interface ImageEngines {
  /** Never empty. */
  readonly engines: readonly PooledEngine[];
  /** Engines that should get the image but cannot be asked. */
  readonly leftOut: readonly PooledEngine[];
}

/**
 * The engines that get the image.
 * @param reference an engine that has an older image of this name is preferred where one engine is enough
 * @throws ApiError 400 for a header that cannot be read, 503 without a healthy engine; SwarmError NO_ELIGIBLE_ENGINE
 */
export function chooseImageEngines(context: RouteContext, reference: string): ImageEngines {
  const { catalog, cluster, placer, randomHex } = context.services;
  const placement = placementOf(context);
  const wanted = cluster.engines().filter((engine) => engine.id !== '' && satisfies(engine, placement));
  const reachable = wanted.filter(isReachable);
  if (reachable.length === 0) {
    if (placement.type !== 'where') throw new ApiError(503, 'No healthy node available in the cluster');
    const texts = placement.constraints.map(({ text }) => text).join(' ');
    throw new SwarmError(
      'NO_ELIGIBLE_ENGINE',
      `Cannot place the image: no healthy engine satisfies ${texts}`,
    );
  }
  if (placement.type !== 'one') {
    return { engines: reachable, leftOut: wanted.filter((engine) => !isReachable(engine)) };
  }
  const holder = catalog.find(reference)[0]?.engine;
  if (holder !== undefined) return { engines: [holder], leftOut: [] };
  // Where the next container would go is where the image is needed first.
  const place = placer.place({ request: parsePlacement({}).request, id: randomHex(32), name: '' });
  place.release();
  return { engines: [place.engine], leftOut: [] };
}

function placementOf(context: RouteContext): ImagePlacement {
  const header = context.request.headers[placementHeader];
  if (header === undefined || header === '') return context.services.settings.imagePlacement;
  const parsed = parseImagePlacement(String(header));
  if ('problem' in parsed)
    throw new ApiError(400, `invalid header X-Swarm-Image-Placement: ${parsed.problem}`);
  return parsed;
}

function satisfies({ id, name, specs }: PooledEngine, placement: ImagePlacement): boolean {
  return (
    placement.type !== 'where' ||
    placement.constraints.every((constraint) =>
      satisfiesConstraint(constraint)({ id, name, labels: specs?.labels ?? {} }),
    )
  );
}
