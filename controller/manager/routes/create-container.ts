// POST /containers/create: name reserved in the whole cluster, engine chosen, image brought there, container made once.
import { isJsonObject, objectAt, type JsonObject } from '../../base/json.js';
import type { PooledEngine } from '../../engine/cluster-view.js';
import { reservationLabels, swarmIdLabel } from '../../engine/container-row.js';
import { parsePlacement, type PlacementRequest } from '../../schedule/placement-request.js';
import { formatReservedPorts } from '../../schedule/reserved-ports.js';
import { answerWithin, callForBody, neverArrived, type SmallResponse } from '../call-engine.js';
import { enginePath, engineVersion } from '../engine-path.js';
import { forwardChange, replySmall } from '../forward.js';
import { parseJson, stringifyJson } from '../lossless-json.js';
import { colocate } from '../placement/colocation.js';
import { adaptCreateBody } from '../placement/engine-body.js';
import { parseJsonObject } from '../read-all.js';
import { readJsonBody } from '../read-body.js';
import { replyJson } from '../reply.js';
import type { RouteContext, RouteHandler } from '../route-context.js';

interface Create {
  readonly name: string;
  /** Label value that finds the container again when an answer was lost. */
  readonly swarmId: string;
  readonly image: string;
  readonly body: JsonObject;
}

export const createContainer: RouteHandler = async (context) => {
  const { services } = context;
  const given = await readJsonBody(context);
  const name = (context.query.get('name') ?? '').replace(/^\//, '');
  const located = colocate(given, services.cluster);
  const { request, body } = parsePlacement(located.body);
  const swarmId = services.randomHex(32);
  const release = services.names.reserve(name, swarmId);
  try {
    await placeAndCreate(context, {
      create: { name, swarmId, image: request.image, body: withPlacementLabels(body, { swarmId, request }) },
      request,
      only: located.only,
    });
  } finally {
    release();
  }
};

// Each try on an engine that is down costs its connect time-out; a fleet where five in a row are down needs an operator.
const maxUnreachable = 5;

async function placeAndCreate(
  context: RouteContext,
  {
    create,
    request,
    only,
  }: { create: Create; request: PlacementRequest; only: ReadonlySet<string> | undefined },
): Promise<void> {
  const { cluster, placer, settings, logger } = context.services;
  const failed = new Set<string>();
  let lastAnswer: SmallResponse | undefined;
  let lastError: unknown;
  for (let refused = 0; failed.size <= maxUnreachable + settings.createRetry;) {
    let placement;
    try {
      placement = placer.place({ request, id: create.swarmId, name: create.name, only, except: failed });
    } catch (error) {
      // After a failed try the reason why that engine failed says more than "no engine is left".
      if (lastAnswer !== undefined) break;
      throw lastError ?? error;
    }
    const { engine, release } = placement;
    try {
      const answer = await createOn(context, engine, create);
      if (answer.status < 400) {
        await refreshCreated(context, { engine, answer });
        replySmall(context, answer);
        return;
      }
      lastAnswer = answer;
      if (answer.status < 500 || refused >= settings.createRetry) break;
      refused += 1;
    } catch (error) {
      if (!neverArrived(error)) {
        const id = await findCreated(context, { engine, swarmId: create.swarmId, error });
        if (id !== undefined) {
          await cluster.refreshContainer(engine, id);
          replyJson(context.response, 201, { Id: id, Warnings: [] });
          return;
        }
      }
      lastError = error;
    } finally {
      release();
    }
    failed.add(engine.address);
    logger.warn(`Failed to create container: engine "${engine.name}" did not take it, retrying`, {
      container: create.name,
    });
  }
  if (lastAnswer === undefined) throw lastError;
  replySmall(context, lastAnswer);
}

/** Makes the container on this engine. @returns the engine's answer, whatever its status */
async function createOn(context: RouteContext, engine: PooledEngine, create: Create): Promise<SmallResponse> {
  const adapted = adaptCreateBody(create.body, engineVersion(engine, context.version));
  const send = (): Promise<SmallResponse> =>
    forwardChange(context, {
      engine,
      path: '/containers/create',
      body: Buffer.from(stringifyJson(adapted.body)),
      answerWithinMs: answerWithin.slow,
    });
  let answer = await send();
  if (isImageMissing(answer) && (await context.services.images.copyTo(engine, create.image))) {
    answer = await send();
  }
  if (answer.status !== 201) return answer;
  const id = createdId(answer);
  for (const { network, config } of adapted.connectLater) {
    const connected = await callForBody(context.services.cluster, engine, {
      method: 'POST',
      path: enginePath(engine, {
        version: context.version,
        path: `/networks/${encodeURIComponent(network)}/connect`,
      }),
      headers: { 'Content-Type': 'application/json' },
      body: Buffer.from(stringifyJson({ Container: id, EndpointConfig: config })),
      headersTimeoutMs: answerWithin.slow,
    });
    if (connected.status >= 400) {
      await removeHalfMade(context, { engine, id });
      return connected;
    }
  }
  return answer;
}

/** The engine's words for a missing image; other 404s (networks, plugins) are answers for the client. */
function isImageMissing(answer: SmallResponse): boolean {
  return answer.status === 404 && /no such image/i.test(answer.body.toString('utf8'));
}

async function removeHalfMade(
  context: RouteContext,
  { engine, id }: { engine: PooledEngine; id: string },
): Promise<void> {
  await callForBody(context.services.cluster, engine, {
    method: 'DELETE',
    path: enginePath(engine, {
      version: context.version,
      path: `/containers/${id}`,
      query: new URLSearchParams({ force: '1', v: '1' }),
    }),
    headersTimeoutMs: answerWithin.slow,
  });
  await context.services.cluster.refreshContainer(engine, id);
}

/**
 * After an answer was lost: whether the engine made the container all the same.
 * @throws `error` when the engine cannot be asked, because then nothing may be tried elsewhere
 */
async function findCreated(
  context: RouteContext,
  { engine, swarmId, error }: { engine: PooledEngine; swarmId: string; error: unknown },
): Promise<string | undefined> {
  const filters = JSON.stringify({ label: { [`${swarmIdLabel}=${swarmId}`]: true } });
  let answer: SmallResponse;
  try {
    answer = await callForBody(context.services.cluster, engine, {
      method: 'GET',
      path: enginePath(engine, {
        version: context.version,
        path: '/containers/json',
        query: new URLSearchParams({ all: '1', filters }),
      }),
      headersTimeoutMs: answerWithin.quick,
    });
  } catch {
    throw error;
  }
  if (answer.status !== 200) throw error;
  const entries = parseJson(answer.body.toString('utf8'));
  const entry: unknown = Array.isArray(entries) ? entries[0] : undefined;
  const id = isJsonObject(entry) ? entry['Id'] : undefined;
  return typeof id === 'string' ? id : undefined;
}

async function refreshCreated(
  context: RouteContext,
  { engine, answer }: { engine: PooledEngine; answer: SmallResponse },
): Promise<void> {
  const id = createdId(answer);
  if (id !== '') await context.services.cluster.refreshContainer(engine, id);
}

function createdId(answer: SmallResponse): string {
  const id = parseJsonObject(answer.body)['Id'];
  return typeof id === 'string' ? id : '';
}

function withPlacementLabels(
  body: JsonObject,
  { swarmId, request }: { swarmId: string; request: PlacementRequest },
): JsonObject {
  const ports = formatReservedPorts(request);
  return {
    ...body,
    Labels: {
      ...objectAt(body, 'Labels'),
      [swarmIdLabel]: swarmId,
      ...(request.memoryBytes > 0 ? { [reservationLabels.memoryBytes]: String(request.memoryBytes) } : {}),
      ...(request.cpus > 0 ? { [reservationLabels.cpus]: String(request.cpus) } : {}),
      ...(ports === undefined ? {} : { [reservationLabels.ports]: ports }),
    },
  };
}
