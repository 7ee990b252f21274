// The engines of the cluster as swarm-mode nodes, so that `docker node ls`, inspect, update and rm work.
import { formatTime } from '../../api/conditions.js';
import { objectAt, stringAt, type JsonObject } from '../../base/json.js';
import type { PooledEngine } from '../../engine/cluster-view.js';
import { ambiguousReference, ApiError } from '../api-error.js';
import { matchesLabels } from '../label-filter.js';
import { availabilities, type Availability, type NodeState } from '../node-table.js';
import { isTrue, readFilters } from '../query.js';
import { readJsonBody } from '../read-body.js';
import { replyEmpty, replyJson } from '../reply.js';
import { param, type RouteContext, type RouteHandler } from '../route-context.js';

const filterKeys = ['id', 'label', 'membership', 'name', 'node.label', 'role'] as const;

export const listNodes: RouteHandler = (context) => {
  const { cluster, nodes } = context.services;
  const filters = readFilters(context.query, filterKeys);
  const startsWith = (key: string, text: string): boolean =>
    filters.get(key)?.some((value) => text.startsWith(value)) ?? true;
  const listed = validated(cluster.engines()).filter(
    (engine) =>
      startsWith('id', engine.id) &&
      startsWith('name', engine.name) &&
      (filters.get('role')?.includes('worker') ?? true) &&
      (filters.get('membership')?.includes('accepted') ?? true) &&
      matchesLabels(engine.specs?.labels ?? {}, filters.get('label') ?? []) &&
      matchesLabels(engine.specs?.labels ?? {}, filters.get('node.label') ?? []),
  );
  replyJson(
    context.response,
    200,
    listed.map((engine) => renderSwarmNode(engine, nodes.stateOf(engine))),
  );
  return Promise.resolve();
};

export const inspectNode: RouteHandler = (context) => {
  const engine = findNode(context);
  replyJson(context.response, 200, renderSwarmNode(engine, context.services.nodes.stateOf(engine)));
  return Promise.resolve();
};

/**
 * `docker node update`: the availability is taken; role and labels of a node are its engine's, and a change of them is
 * refused, never ignored.
 */
export const updateNode: RouteHandler = async (context) => {
  const { nodes, clock, logger } = context.services;
  const version = context.query.get('version') ?? '';
  if (!/^\d{1,15}$/.test(version)) {
    throw new ApiError(
      400,
      `invalid node version '${version}': strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`,
    );
  }
  const spec = await readJsonBody(context);
  const engine = findNode(context);
  const before = nodes.stateOf(engine);
  refuseOther(spec, engine);
  const availability = readAvailability(spec, before.availability);
  await nodes.update(engine, { index: Number(version), availability, nowMs: clock.now() });
  if (availability !== before.availability) {
    logger.info(`Node ${engine.name} is ${availability} now`, { before: before.availability });
  }
  replyEmpty(context.response, 200);
};

/** `docker node rm`: what was known of a lost engine is forgotten; it is a new one if it ever answers again. */
export const removeNode: RouteHandler = (context) => {
  const { cluster, logger } = context.services;
  const engine = findNode(context);
  if (engine.state === 'healthy') {
    throw new ApiError(
      400,
      isTrue(context.query.get('force'))
        ? `Cannot remove node "${engine.name}": it is up; end its agent (swarm join) or remove it from the discovery list`
        : `rpc error: code = FailedPrecondition desc = node ${engine.id} is not down and can't be removed`,
    );
  }
  cluster.forget(engine);
  logger.info(`Forgot node ${engine.name}`, { addr: engine.address });
  replyEmpty(context.response, 200);
  return Promise.resolve();
};

/** By ID, name, or the beginning of an ID. @throws ApiError 404, 409 */
function findNode(context: RouteContext): PooledEngine {
  const reference = param(context, 'id');
  const engines = validated(context.services.cluster.engines());
  const exact = engines.filter(({ id, name }) => id === reference || name === reference);
  const found = exact.length > 0 ? exact : engines.filter(({ id }) => id.startsWith(reference));
  const [engine] = found;
  if (engine === undefined) throw new ApiError(404, `node ${reference} not found`);
  if (found.length > 1) throw ambiguousReference('node', reference, found.map(({ id }) => id).sort());
  return engine;
}

function validated(engines: readonly PooledEngine[]): readonly PooledEngine[] {
  return engines.filter(({ id }) => id !== '');
}

function readAvailability(spec: JsonObject, fallback: Availability): Availability {
  const text = stringAt(spec, 'Availability') ?? '';
  if (text === '') return fallback;
  const availability = availabilities.find((known) => known === text);
  if (availability === undefined) {
    throw new ApiError(400, `invalid Availability: ${JSON.stringify(text)}`);
  }
  return availability;
}

function refuseOther(spec: JsonObject, engine: PooledEngine): void {
  const role = stringAt(spec, 'Role') ?? 'worker';
  if (role !== '' && role !== 'worker') {
    throw new ApiError(
      400,
      `Cannot make node "${engine.name}" a ${role}: which engines run managers is set by spec.roles of their Nodes`,
    );
  }
  const labels = objectAt(spec, 'Labels');
  const own = engine.specs?.labels ?? {};
  const changed = [...new Set([...Object.keys(labels), ...Object.keys(own)])].filter(
    (key) => labels[key] !== own[key],
  );
  if (spec['Labels'] !== undefined && changed.length > 0) {
    throw new ApiError(
      400,
      `Cannot change labels of node "${engine.name}" (${changed.sort().join(', ')}): they are its engine's; start dockerd with other --label arguments`,
    );
  }
}

/** An engine in the shape of a swarm-mode node; unhealthy ones are `down`. */
export function renderSwarmNode(engine: PooledEngine, state: NodeState): JsonObject {
  const { specs } = engine;
  const labels = specs?.labels ?? {};
  const updated = formatTime(state.updatedAtMs ?? engine.updatedAtMs);
  return {
    ID: engine.id,
    Version: { Index: state.index },
    CreatedAt: updated,
    UpdatedAt: updated,
    Spec: { Labels: labels, Role: 'worker', Availability: state.availability },
    Description: {
      Hostname: engine.name,
      Platform: { Architecture: specs?.arch ?? '', OS: specs?.os ?? '' },
      Resources: { NanoCPUs: Math.round((specs?.cpus ?? 0) * 1e9), MemoryBytes: specs?.memoryBytes ?? 0 },
      Engine: { EngineVersion: specs?.version ?? '', Labels: labels, Plugins: [] },
      TLSInfo: {},
    },
    Status: {
      State: engine.state === 'healthy' ? 'ready' : engine.state === 'pending' ? 'unknown' : 'down',
      ...(engine.error === undefined ? {} : { Message: engine.error }),
      Addr: engine.ip,
    },
  };
}
