// GET /nodes and /nodes/{id}: the engines of the cluster as swarm-mode nodes, so that `docker node ls` and inspect work.
import { formatTime } from '../../api/conditions.js';
import type { JsonObject } from '../../base/json.js';
import type { PooledEngine } from '../../engine/cluster-view.js';
import { ambiguousReference, ApiError } from '../api-error.js';
import { matchesLabels } from '../label-filter.js';
import { readFilters } from '../query.js';
import { replyJson } from '../reply.js';
import { param, type RouteHandler } from '../route-context.js';

const filterKeys = ['id', 'label', 'membership', 'name', 'node.label', 'role'] as const;

export const listNodes: RouteHandler = (context) => {
  const filters = readFilters(context.query, filterKeys);
  const startsWith = (key: string, text: string): boolean =>
    filters.get(key)?.some((value) => text.startsWith(value)) ?? true;
  const nodes = validated(context.services.cluster.engines()).filter(
    (engine) =>
      startsWith('id', engine.id) &&
      startsWith('name', engine.name) &&
      (filters.get('role')?.includes('worker') ?? true) &&
      (filters.get('membership')?.includes('accepted') ?? true) &&
      matchesLabels(engine.specs?.labels ?? {}, filters.get('label') ?? []) &&
      matchesLabels(engine.specs?.labels ?? {}, filters.get('node.label') ?? []),
  );
  replyJson(context.response, 200, nodes.map(renderSwarmNode));
  return Promise.resolve();
};

export const inspectNode: RouteHandler = (context) => {
  const reference = param(context, 'id');
  const engines = validated(context.services.cluster.engines());
  const exact = engines.filter(({ id, name }) => id === reference || name === reference);
  const found = exact.length > 0 ? exact : engines.filter(({ id }) => id.startsWith(reference));
  const [engine] = found;
  if (engine === undefined) throw new ApiError(404, `node ${reference} not found`);
  if (found.length > 1) throw ambiguousReference('node', reference, found.map(({ id }) => id).sort());
  replyJson(context.response, 200, renderSwarmNode(engine));
  return Promise.resolve();
};

function validated(engines: readonly PooledEngine[]): readonly PooledEngine[] {
  return engines.filter(({ id }) => id !== '');
}

/** An engine in the shape of a swarm-mode node; unhealthy ones are `down`. */
export function renderSwarmNode(engine: PooledEngine): JsonObject {
  const { specs } = engine;
  const labels = specs?.labels ?? {};
  const updated = formatTime(engine.updatedAtMs);
  return {
    ID: engine.id,
    Version: { Index: 1 },
    CreatedAt: updated,
    UpdatedAt: updated,
    Spec: { Labels: labels, Role: 'worker', Availability: 'active' },
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
