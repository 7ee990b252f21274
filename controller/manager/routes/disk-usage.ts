// GET /system/df: what all engines together keep on disk.
import { isJsonObject, type JsonObject } from '../../base/json.js';
import type { CachedContainer } from '../../engine/cluster-view.js';
import { fanOut, requireSuccess } from '../fan-out.js';
import { reachableEngines } from '../find-container.js';
import { mergeDiskUsage, restrictUsage } from '../merge-disk-usage.js';
import { replyJson } from '../reply.js';
import { clusterNames, nameStyleFor, type NameStyle } from '../render-container.js';
import { userAgent, type RouteHandler } from '../route-context.js';

export const diskUsage: RouteHandler = async (context) => {
  const { cluster, settings, shared } = context.services;
  // Engines look at every file for this, and before 23.0 refuse a second request meanwhile.
  const key = `df ${context.version} ${context.query.toString()}`;
  const result = await shared.run(key, () =>
    fanOut(context, reachableEngines(cluster), { path: '/system/df' }),
  );
  requireSuccess(context, result);
  const style = nameStyleFor(userAgent(context), settings.containerNames);
  const merged = mergeDiskUsage(result.successes.map(({ engine, value }) => ({ node: engine.name, value })));
  const known = new Map(cluster.containers().map((container) => [container.id, container]));
  replyJson(
    context.response,
    200,
    restrictUsage(withClusterNames(merged, { known, style }), context.query.getAll('type')),
  );
};

function withClusterNames(
  usage: JsonObject,
  { known, style }: { known: ReadonlyMap<string, CachedContainer>; style: NameStyle },
): JsonObject {
  const containers = usage['Containers'];
  if (!Array.isArray(containers)) return usage;
  return {
    ...usage,
    Containers: (containers as unknown[]).map((entry) => {
      const container = isJsonObject(entry) ? known.get(String(entry['Id'])) : undefined;
      return container === undefined || !isJsonObject(entry)
        ? entry
        : { ...entry, Names: clusterNames(container, style) };
    }),
  };
}
