// Engine plugins, for reading: each plugin once with the engines' own entry. Changing them is not done for clusters.
import { isJsonObject, stringAt, type JsonObject } from '../../base/json.js';
import { ApiError } from '../api-error.js';
import { fanOut, requireSuccess } from '../fan-out.js';
import { reachableEngines } from '../find-container.js';
import { replyJson } from '../reply.js';
import { param, type RouteContext, type RouteHandler } from '../route-context.js';

export const listPlugins: RouteHandler = async (context) => {
  replyJson(context.response, 200, await readPlugins(context));
};

/** `docker inspect` without a type asks here last, so a missing one must be the engine's 404. */
export const inspectPlugin: RouteHandler = async (context) => {
  const reference = param(context, 'name');
  const named = (await readPlugins(context, new URLSearchParams())).find(
    (plugin) =>
      [reference, `${reference}:latest`].includes(stringAt(plugin, 'Name') ?? '') ||
      (reference.length >= 12 && (stringAt(plugin, 'Id') ?? '').startsWith(reference)),
  );
  if (named === undefined) throw new ApiError(404, `plugin ${JSON.stringify(reference)} not found`);
  replyJson(context.response, 200, named);
};

/** Plugins of all engines by ID, in engine order; an ID is random per installation, so equal names may repeat. */
async function readPlugins(context: RouteContext, query?: URLSearchParams): Promise<readonly JsonObject[]> {
  const result = await fanOut(context, reachableEngines(context.services.cluster), {
    path: '/plugins',
    method: 'GET',
    ...(query === undefined ? {} : { query }),
  });
  requireSuccess(context, result);
  const plugins = new Map<string, JsonObject>();
  for (const { value } of result.successes) {
    for (const plugin of Array.isArray(value) ? (value as unknown[]) : []) {
      if (isJsonObject(plugin)) plugins.set(stringAt(plugin, 'Id') ?? '', plugin);
    }
  }
  return [...plugins.values()];
}
