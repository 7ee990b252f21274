// Plugins of the cluster: each engine installs its own, so one plugin has a different ID on every engine that has it.
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../base/json.js';
import type { PooledEngine } from '../engine/cluster-view.js';
import { ApiError } from './api-error.js';
import { fanOut, requireSuccess } from './fan-out.js';
import { reachableEngines } from './find-container.js';
import { stringifyJson } from './lossless-json.js';
import type { RouteContext } from './route-context.js';

/** One engine's installation of a plugin. */
export interface Plugin {
  readonly engine: PooledEngine;
  readonly id: string;
  /** With tag, as in `vieux/sshfs:latest`. */
  readonly name: string;
  /** The engine's own entry. */
  readonly entry: JsonObject;
}

/** The plugins of all engines that answer, in engine order. @param query of the list; none: all plugins */
export async function readPlugins(
  context: RouteContext,
  query: URLSearchParams = new URLSearchParams(),
): Promise<readonly Plugin[]> {
  const result = await fanOut(context, reachableEngines(context.services.cluster), {
    path: '/plugins',
    method: 'GET',
    query,
  });
  requireSuccess(context, result);
  return result.successes.flatMap(({ engine, value }) =>
    (Array.isArray(value) ? (value as unknown[]) : []).filter(isJsonObject).map((entry) => ({
      engine,
      id: stringAt(entry, 'Id') ?? '',
      name: stringAt(entry, 'Name') ?? '',
      entry,
    })),
  );
}

/**
 * The installations that a reference means: by `node/name`, name with or without its tag, or the beginning of an ID.
 * @throws ApiError 404 in the engine's words
 */
export async function findPlugins(context: RouteContext, reference: string): Promise<readonly Plugin[]> {
  const plugins = await readPlugins(context);
  const isNamed = (name: string, wanted: string): boolean => name === wanted || name === `${wanted}:latest`;
  const searches: readonly ((plugin: Plugin) => boolean)[] = [
    ({ id }) => id === reference,
    ({ name }) => isNamed(name, reference),
    ({ name, engine }) =>
      reference.startsWith(`${engine.name}/`) && isNamed(name, reference.slice(engine.name.length + 1)),
    ({ id }) => /^[0-9a-f]+$/.test(reference) && id.startsWith(reference),
  ];
  for (const matches of searches) {
    const found = plugins.filter(matches);
    if (found.length > 0) return found;
  }
  throw new ApiError(404, `plugin ${JSON.stringify(reference)} not found`);
}

/**
 * One row for each name whose installations agree, enabled when it is enabled everywhere; installations that differ have
 * rows of their own, called `node/name`.
 */
export function mergePlugins(plugins: readonly Plugin[]): readonly JsonObject[] {
  const byName = new Map<string, Plugin[]>();
  for (const plugin of plugins) byName.set(plugin.name, [...(byName.get(plugin.name) ?? []), plugin]);
  return [...byName.values()].flatMap((same): readonly JsonObject[] => {
    const [first] = same;
    if (first === undefined) return [];
    if (new Set(same.map(comparable)).size > 1) {
      return same.map(({ engine, name, entry }) => ({ ...entry, Name: `${engine.name}/${name}` }));
    }
    return [{ ...first.entry, Enabled: same.every(({ entry }) => entry['Enabled'] === true) }];
  });
}

/** What must be equal for two installations to be one plugin; the version of the Docker that made it here need not. */
function comparable({ entry }: Plugin): string {
  const config = { ...objectAt(entry, 'Config'), DockerVersion: '' };
  return stringifyJson({ ...entry, Config: config, Id: '', Enabled: true });
}
