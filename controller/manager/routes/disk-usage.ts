// GET /system/df: what all engines together keep on disk. Copies of one image really take their space several times.
import { isJsonObject, objectAt, type JsonObject } from '../../base/json.js';
import { fanOut, requireSuccess } from '../fan-out.js';
import { reachableEngines } from '../find-container.js';
import { replyJson } from '../reply.js';
import { clusterNames, nameStyleFor } from '../render-container.js';
import { userAgent, type RouteHandler } from '../route-context.js';

export const diskUsage: RouteHandler = async (context) => {
  const { cluster } = context.services;
  const result = await fanOut(context, reachableEngines(cluster), { path: '/system/df' });
  requireSuccess(context, result);
  const style = nameStyleFor(userAgent(context), context.services.settings.containerNames);
  const known = new Map(cluster.containers().map((container) => [container.id, container]));
  const merged = mergeDiskUsage(result.successes.map(({ value }) => value));
  const containers = merged['Containers'];
  replyJson(context.response, 200, {
    ...merged,
    ...(Array.isArray(containers)
      ? {
          Containers: containers.map((entry: unknown) => {
            const container = isJsonObject(entry) ? known.get(String(entry['Id'])) : undefined;
            return container === undefined || !isJsonObject(entry)
              ? entry
              : { ...entry, Names: clusterNames(container, style) };
          }),
        }
      : {}),
  });
};

/** Sums of numbers, lists one after the other; null for what every engine left out, as engines answer. */
export function mergeDiskUsage(answers: readonly unknown[]): JsonObject {
  const merged: JsonObject = {};
  for (const answer of answers) {
    for (const [key, value] of Object.entries(objectAt({ answer }, 'answer'))) {
      const before = merged[key];
      if (typeof value === 'number') merged[key] = (typeof before === 'number' ? before : 0) + value;
      else if (Array.isArray(value)) {
        merged[key] = [...(Array.isArray(before) ? (before as unknown[]) : []), ...(value as unknown[])];
      } else if (before === undefined) merged[key] = value;
    }
  }
  return merged;
}
