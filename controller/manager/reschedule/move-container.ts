// Starts a saved container on another engine: look, make, look again, start. Every step may be the last of this process;
// the next one finds what was made by its labels and goes on from there.
import type { Clock } from '../../base/clock.js';
import { SwarmError } from '../../base/errors.js';
import { objectAt, stringAt, type JsonObject } from '../../base/json.js';
import type { Logger } from '../../base/log.js';
import type { ClusterView, PooledEngine } from '../../engine/cluster-view.js';
import { swarmIdLabel } from '../../engine/container-row.js';
import { isUp, replacesLabel } from '../../engine/superseded.js';
import { withEngineCpuShares } from '../../schedule/resource-request.js';
import { answerWithin, callForBody, messageIn, type SmallResponse } from '../call-engine.js';
import { enginePath } from '../engine-path.js';
import { isReachable } from '../find-container.js';
import { stringifyJson } from '../lossless-json.js';
import type { NameTable } from '../name-table.js';
import { giveUpOnHung } from '../placement/give-up.js';
import type { ImageCopier } from '../placement/image-copier.js';
import { isImageMissing } from '../placement/provide-image.js';
import { createdId, makeContainer, removeUnstarted } from '../placement/make-container.js';
import type { Placer } from '../placement/placer.js';
import type { ManagerSettings } from '../services.js';
import { findCopies, type Copy } from './find-copies.js';
import { choosePlace, inCpus } from './choose-place.js';
import { prepareEngine } from './prepare-engine.js';
import { pullImage } from './pull-image.js';
import type { SavedContainer } from './saved-container.js';

export interface MoveServices {
  readonly cluster: ClusterView;
  readonly settings: Pick<ManagerSettings, 'versions' | 'cpuShares'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly names: NameTable;
  readonly placer: Placer;
  readonly images: ImageCopier;
  readonly shutdown: AbortSignal;
}

export type Moved =
  | { readonly type: 'started'; readonly engine: PooledEngine; readonly id: string }
  /** Another manager is at it: look again later. */
  | { readonly type: 'yielded' };

// A container that several engines in a row refuse has a reason that the next one shares.
const maxEngines = 5;
// Labels are in every list: 20 moves are 1.3 kB, and engines that were lost before that will not come back with theirs.
const maxReplaced = 20;

/**
 * @param companions what shares networks or volumes with it and has to move too
 * @throws SwarmError NO_ELIGIBLE_ENGINE, ENGINE_*; ApiError when its name is taken: to be tried again later
 */
export async function moveContainer(
  services: MoveServices,
  container: SavedContainer,
  companions: readonly SavedContainer[],
): Promise<Moved> {
  const there = await lookForCopies(services, container);
  const [first] = there;
  if (first !== undefined) return finish(services, container, there.find(isUp) ?? first);
  // The name may be that of the lost container itself, and of nobody else.
  const release = services.names.reserve(container.name, container.swarmId, { except: container.id });
  try {
    return await makeSomewhere(services, container, companions);
  } finally {
    release();
  }
}

/** Starts a copy that was made before; connects what it still lacks. @throws SwarmError ENGINE_* */
export async function startCopy(
  services: MoveServices,
  container: SavedContainer,
  copy: Pick<Copy, 'engine' | 'id'>,
): Promise<void> {
  const { cluster } = services;
  const { engine, id } = copy;
  const inspected = await call(services, engine, { method: 'GET', path: `/containers/${id}/json` });
  if (inspected.status >= 400) throw refused('inspect', container, { engine, answer: inspected });
  const present = objectAt(
    objectAt(JSON.parse(inspected.body.toString('utf8')), 'NetworkSettings'),
    'Networks',
  );
  const endpoints = objectAt(objectAt(container.body, 'NetworkingConfig'), 'EndpointsConfig');
  for (const [network, settings] of Object.entries(endpoints)) {
    if (network in present || network === 'bridge') continue;
    const answer = await call(services, engine, {
      method: 'POST',
      path: `/networks/${encodeURIComponent(network)}/connect`,
      body: { Container: id, EndpointConfig: settings },
    });
    if (answer.status >= 400) throw refused('connect', container, { engine, answer });
  }
  const started = await call(services, engine, { method: 'POST', path: `/containers/${id}/start` });
  await cluster.refreshContainer(engine, id);
  if (started.status >= 400) throw refused('start', container, { engine, answer: started });
}

async function makeSomewhere(
  services: MoveServices,
  container: SavedContainer,
  companions: readonly SavedContainer[],
): Promise<Moved> {
  const { logger } = services;
  const failed = new Set<string>([container.engine.address]);
  let lastError: unknown;
  for (let tries = 0; tries < maxEngines; tries += 1) {
    let placement;
    try {
      placement = choosePlace(services, { container, companions, failed });
    } catch (error) {
      throw lastError ?? error;
    }
    const { engine, release } = placement;
    try {
      return await makeOn(services, container, engine);
    } catch (error) {
      lastError = error;
      logger.debug('An engine did not take a container that has to move', {
        node: engine.name,
        error: String(error),
      });
    } finally {
      release();
    }
    failed.add(engine.address);
  }
  throw lastError;
}

async function makeOn(
  services: MoveServices,
  container: SavedContainer,
  engine: PooledEngine,
): Promise<Moved> {
  const { cluster, settings, logger } = services;
  const version = settings.versions.max;
  const { body, undo } = await prepareEngine(engine, container, { cluster, version, logger });
  try {
    const moved = await makePrepared(services, { container, engine, prepared: body });
    if (moved.type === 'yielded') await undo();
    return moved;
  } catch (error) {
    // An empty network left here would keep the next try here.
    await undo();
    throw error;
  }
}

async function makePrepared(
  services: MoveServices,
  { container, engine, prepared }: { container: SavedContainer; engine: PooledEngine; prepared: JsonObject },
): Promise<Moved> {
  const { cluster, clock, settings } = services;
  const version = settings.versions.max;
  const sized =
    settings.cpuShares === 'classic'
      ? withEngineCpuShares(inCpus(prepared, { container, settings }), {
          engineCpus: engine.specs?.cpus ?? 0,
          isUpdate: false,
        })
      : prepared;
  const body = { ...sized, Labels: movedLabels(container) };
  // What a hung engine makes of it late has the labels of a copy, and is found or removed as one.
  const answer = await giveUpOnHung({ clock, engine, attempt: 'create a container on' }, (signal) =>
    create(services, { container, engine, body, signal }),
  );
  if (answer.status >= 400) throw refused('create', container, { engine, answer });
  const id = createdId(answer);
  await cluster.refreshContainer(engine, id);
  const mine: Copy = { engine, id, state: 'created' };
  const others = (await lookForCopies(services, container)).filter((copy) => copy.id !== id);
  if (others.length > 0) {
    // Whoever made another one looks after making, too: if nobody can miss the other, at most one of us goes on.
    await removeUnstarted(engine, { cluster, version, id });
    return { type: 'yielded' };
  }
  return finish(services, container, mine);
}

/** Starts the copy; one that does not start makes room for another try. */
async function finish(services: MoveServices, container: SavedContainer, copy: Copy): Promise<Moved> {
  const { engine, id } = copy;
  if (isUp(copy)) return { type: 'started', engine, id };
  try {
    await startCopy(services, container, copy);
  } catch (error) {
    const { cluster, settings } = services;
    if (isReachable(engine)) await removeUnstarted(engine, { cluster, version: settings.versions.max, id });
    throw error;
  }
  return { type: 'started', engine, id };
}

/** Creates it with its image: as it is named there, copied from where it is, known by its ID, or pulled. */
async function create(
  services: MoveServices,
  {
    container,
    engine,
    body,
    signal,
  }: { container: SavedContainer; engine: PooledEngine; body: JsonObject; signal: AbortSignal },
): Promise<SmallResponse> {
  const { cluster, images, settings, clock, shutdown } = services;
  const version = settings.versions.max;
  const image = stringAt(body, 'Image') ?? '';
  const make = (reference: string): Promise<SmallResponse> =>
    makeContainer(engine, {
      cluster,
      images,
      version,
      image: reference,
      body: { ...body, Image: reference },
      send: (bytes) =>
        callForBody(cluster, engine, {
          method: 'POST',
          path: enginePath(engine, {
            version,
            path: '/containers/create',
            query: new URLSearchParams({ name: container.name }),
          }),
          headers: { 'Content-Type': 'application/json' },
          body: bytes,
          headersTimeoutMs: answerWithin.slow,
          signal: AbortSignal.any([signal, shutdown]),
        }),
    });
  const answer = await make(image);
  if (!isImageMissing(answer)) return answer;
  const byId = cluster.images().some(({ id, engine: at }) => id === container.imageId && isReachable(at));
  if (byId) return make(container.imageId);
  return (await pullImage(engine, { cluster, clock, version, reference: image, signal }))
    ? make(image)
    : answer;
}

function movedLabels(container: SavedContainer): JsonObject {
  const replaced = [...container.replaced, container.id].slice(-maxReplaced);
  return {
    ...objectAt(container.body, 'Labels'),
    [swarmIdLabel]: container.swarmId,
    [replacesLabel]: replaced.join(','),
  };
}

function lookForCopies(services: MoveServices, container: SavedContainer): Promise<readonly Copy[]> {
  return findCopies(services.cluster, { container, version: services.settings.versions.max });
}

function call(
  services: MoveServices,
  engine: PooledEngine,
  request: { readonly method: string; readonly path: string; readonly body?: JsonObject },
): Promise<SmallResponse> {
  const { method, path, body } = request;
  return callForBody(services.cluster, engine, {
    method,
    path: enginePath(engine, { version: services.settings.versions.max, path }),
    headersTimeoutMs: answerWithin.slow,
    signal: services.shutdown,
    ...(body === undefined
      ? {}
      : { headers: { 'Content-Type': 'application/json' }, body: Buffer.from(stringifyJson(body)) }),
  });
}

function refused(
  what: string,
  container: SavedContainer,
  { engine, answer }: { engine: PooledEngine; answer: SmallResponse },
): SwarmError {
  return new SwarmError(
    'ENGINE_ERROR',
    `Cannot ${what} container "${container.name}" on engine "${engine.name}": ${messageIn(answer)}`,
  );
}
