// POST /containers/create: name reserved in the whole cluster, engine chosen, image brought there, container made once.
import { objectAt, stringAt, type JsonObject } from '../../base/json.js';
import type { PooledEngine } from '../../engine/cluster-view.js';
import { reservationLabels, swarmIdLabel } from '../../engine/container-row.js';
import { takeExplainMode, type ExplainMode } from '../../schedule/explain-mode.js';
import {
  formatPlacementRecord,
  placementLabel,
  type PlacementRecord,
} from '../../schedule/placement-record.js';
import type { PlacementRequest } from '../../schedule/placement-request.js';
import { withEngineCpuShares } from '../../schedule/resource-request.js';
import { formatReservedPorts } from '../../schedule/reserved-ports.js';
import { ApiError, nameInUse } from '../api-error.js';
import { createNeeds, lossWarnings, type ApiNeed } from '../api-needs.js';
import { answerWithin, neverArrived, type SmallResponse } from '../call-engine.js';
import { engineVersion } from '../engine-path.js';
import { isReachable } from '../find-container.js';
import { forwardChange, replySmall } from '../forward.js';
import { contendForName } from '../contend-for-name.js';
import { withPins, type Pin } from '../placement/colocation.js';
import { createWarnings, withWarnings } from '../placement/create-warnings.js';
import { gather } from '../placement/gather.js';
import { giveUpOnHung } from '../placement/give-up.js';
import { createdId, findBySwarmId, makeContainer, removeUnstarted } from '../placement/make-container.js';
import { readJsonBody } from '../read-body.js';
import { replyJson } from '../reply.js';
import type { RouteContext, RouteHandler } from '../route-context.js';

interface Create {
  readonly name: string;
  readonly image: string;
  /** Everything but the label of the swarm ID, which each try has its own of. */
  readonly body: JsonObject;
}

/** One try on one engine. */
interface Made {
  readonly create: Create;
  readonly swarmId: string;
  readonly record: PlacementRecord;
}

export const createContainer: RouteHandler = async (context) => {
  const { services } = context;
  const given = await readJsonBody(context);
  const name = (context.query.get('name') ?? '').replace(/^\//, '');
  const asked = takeExplainMode(given);
  const swarmId = services.randomHex(32);
  const release = services.names.reserve(name, swarmId);
  try {
    const needs = createNeeds(asked.body, {
      version: context.version,
      platform: context.query.get('platform'),
    });
    const { request, body, pins, ...used } = await gather(services, asked.body, needs);
    try {
      const isMade = await placeAndCreate(context, {
        create: { name, image: request.image, body: withPlacementLabels(body, request) },
        swarmId,
        request,
        pins,
        needs,
        explain: asked.mode ?? services.settings.explain,
      });
      if (isMade) used.settle();
    } catch (error) {
      throw withPins(error, services, pins);
    } finally {
      used.release();
    }
  } finally {
    release();
  }
};

// Each try on an engine that is down costs its connect time-out; a fleet where five in a row are down needs an operator.
const maxUnreachable = 5;

/** @returns whether there is a container; if not, the client has the engine's answer */
async function placeAndCreate(
  context: RouteContext,
  plan: {
    create: Create;
    swarmId: string;
    request: PlacementRequest;
    pins: readonly Pin[];
    needs: readonly ApiNeed[];
    explain: ExplainMode;
  },
): Promise<boolean> {
  const { create, request, pins, needs } = plan;
  const { volumes, settings, logger, clock } = context.services;
  const failed = new Set<string>();
  let { swarmId } = plan;
  let lastAnswer: SmallResponse | undefined;
  let lastError: unknown;
  for (let refused = 0; failed.size <= maxUnreachable + settings.createRetry;) {
    let placement;
    try {
      placement = volumes.place(
        { request, id: swarmId, name: create.name, except: failed, needs },
        { body: create.body, pins },
      );
    } catch (error) {
      // After a failed try the reason why that engine failed says more than "no engine is left".
      if (lastAnswer !== undefined) break;
      throw lastError ?? error;
    }
    const { engine, release } = placement;
    const record = { ...placement.record, atSeconds: Math.floor(clock.now() / 1000) };
    const lost = lossWarnings(create.body, {
      version: context.version,
      engine: engine.name,
      engineVersion: engineVersion(engine, context.version),
    });
    let broughtImage: string | undefined;
    const onCopied = (): void => void (broughtImage = create.image);
    try {
      const answer = await createOn(context, { engine, create, swarmId, record, onCopied });
      if (answer.status < 400) {
        const id = createdId(answer);
        if (id !== '') await settleCreated(context, { engine, id, create, swarmId, record });
        const warnings = [...lost, ...createWarnings(plan.explain, { record, broughtImage })];
        replySmall(context, withWarnings(answer, warnings));
        return true;
      }
      lastAnswer = answer;
      if (answer.status < 500 || refused >= settings.createRetry) break;
      refused += 1;
    } catch (error) {
      if (error instanceof ApiError) throw error;
      lastError = error;
      if (!neverArrived(error)) {
        const id = await findCreated(context, { engine, swarmId, name: create.name, error });
        if (id !== undefined) {
          await settleCreated(context, { engine, id, create, swarmId, record });
          const warnings = [...lost, ...createWarnings(plan.explain, { record, broughtImage: undefined })];
          replyJson(context.response, 201, { Id: id, Warnings: warnings });
          return true;
        }
        // The next try must not be taken for what this engine may still make of this one.
        swarmId = context.services.randomHex(32);
      }
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
  return false;
}

// An engine whose connection broke takes a new one at once; one that hangs would not answer in a minute either.
const lastChanceMs = 3_000;

/** Makes the container on this engine. @returns the engine's answer, whatever its status */
function createOn(
  context: RouteContext,
  { engine, create, swarmId, record, onCopied }: Made & { engine: PooledEngine; onCopied: () => void },
): Promise<SmallResponse> {
  const { cluster, images, clock, settings, others } = context.services;
  others.gave(swarmId);
  const body =
    settings.cpuShares === 'classic'
      ? withEngineCpuShares(create.body, { engineCpus: engine.specs?.cpus ?? 0, isUpdate: false })
      : create.body;
  const labels = labelsOf({ create, swarmId, record });
  const isAttached = body['AttachStdin'] === true || body['AttachStdout'] === true;
  return giveUpOnHung({ clock, engine, attempt: 'create a container on' }, (signal) =>
    makeContainer(engine, {
      cluster,
      images,
      version: context.version,
      image: create.image,
      platform: context.query.get('platform') ?? undefined,
      // Asked for only to copy an image: most engines have it.
      signal: () => AbortSignal.any([context.signal, signal]),
      body: { ...body, Labels: labels },
      onCopied,
      send: (body) => {
        const answer = forwardChange(context, {
          engine,
          path: '/containers/create',
          body,
          answerWithinMs: answerWithin.slow,
          signal,
        });
        // Its maker attaches to it next, and waits for its end.
        if (isAttached) engine.transport.openAhead(2);
        return answer;
      },
    }),
  );
}

/**
 * After an answer was lost: the ID of the container if the engine made it all the same. Whatever it makes later is removed.
 * @throws `error` when an engine that is up does not tell, because then nothing may be tried elsewhere
 */
async function findCreated(
  context: RouteContext,
  { engine, swarmId, name, error }: { engine: PooledEngine; swarmId: string; name: string; error: unknown },
): Promise<string | undefined> {
  const { cluster, doubtful } = context.services;
  const found = await findBySwarmId(engine, {
    cluster,
    version: context.version,
    swarmId,
    answerWithinMs: isReachable(engine) ? answerWithin.quick : lastChanceMs,
  });
  if (typeof found === 'object') return found.id;
  await doubtful.note({ address: engine.address, node: engine.name, swarmId, name });
  if (found === 'unknown' && isReachable(engine)) throw error;
  return undefined;
}

/**
 * The cache learns of the container, so that the client's next request finds it; what only its engine knows is read after
 * the answer. A name that another manager gave away at the same time is given back.
 */
async function settleCreated(
  context: RouteContext,
  { engine, id, ...made }: Made & { readonly engine: PooledEngine; readonly id: string },
): Promise<void> {
  const { cluster, clock, terminals } = context.services;
  const { name } = made.create;
  cluster.noteMade(engine, id, madeSummary(id, made, clock.now()));
  terminals.note(id, made.create.body);
  const other = await contendForName(context.services, { name, engine, id, isNew: true });
  if (other === undefined) return;
  const status = await removeUnstarted(engine, { cluster, version: context.version, id });
  if (status < 400 || status === 404) throw nameInUse(name, other);
}

/** The entry of a list that the engine would give, as far as it is known here. */
function madeSummary(id: string, made: Made, nowMs: number): JsonObject {
  const { name, image, body } = made.create;
  return {
    Id: id,
    Names: name === '' ? [] : [`/${name}`],
    Image: image,
    ImageID: '',
    Command: '',
    Created: Math.floor(nowMs / 1000),
    Ports: [],
    Labels: labelsOf(made),
    State: 'created',
    Status: 'Created',
    HostConfig: { NetworkMode: stringAt(objectAt(body, 'HostConfig'), 'NetworkMode') ?? 'default' },
    NetworkSettings: { Networks: {} },
    Mounts: [],
  };
}

function labelsOf({ create, swarmId, record }: Made): JsonObject {
  return {
    ...objectAt(create.body, 'Labels'),
    [swarmIdLabel]: swarmId,
    [placementLabel]: formatPlacementRecord(record),
  };
}

/** The body with what a list must tell of the container's claims: memory, CPUs, ports, devices. */
export function withPlacementLabels(body: JsonObject, request: PlacementRequest): JsonObject {
  const ports = formatReservedPorts(request);
  return {
    ...body,
    Labels: {
      ...objectAt(body, 'Labels'),
      // Also when they are 0: an image made by docker commit would pass on the labels of its container.
      [reservationLabels.memoryBytes]: String(request.memoryBytes),
      [reservationLabels.cpus]: String(request.cpus),
      ...(ports === undefined ? {} : { [reservationLabels.ports]: ports }),
      ...(request.devices === undefined
        ? {}
        : { [reservationLabels.devices]: JSON.stringify(objectAt(body, 'HostConfig')['DeviceRequests']) }),
    },
  };
}
