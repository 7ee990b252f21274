// Which GPUs and devices an engine has, by what it says of itself.
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../base/json.js';

export interface EngineDevices {
  /** `unknown`: the engine can give GPUs to containers, and does not tell how many there are. */
  readonly gpuCount: number | 'unknown';
  /** Their IDs where the engine tells them. */
  readonly gpuIds: readonly string[];
  /** CDI names; undefined where the engine does not tell. */
  readonly cdiNames: readonly string[] | undefined;
}

/**
 * Reads an engine's /info. GPUs are counted by `node-generic-resources` of its configuration, else by the devices it found
 * itself; an engine with the runtime `nvidia` and neither has an unknown number.
 */
export function readEngineDevices(info: JsonObject): EngineDevices {
  const resources = listAt(info, 'GenericResources');
  const named = resources.flatMap((resource) => gpuSpec(resource, 'NamedResourceSpec'));
  const discrete = resources.flatMap((resource) => gpuSpec(resource, 'DiscreteResourceSpec'));
  const found = info['DiscoveredDevices'];
  const cdiNames = Array.isArray(found)
    ? found.flatMap((device) => (stringAt(device, 'Source') === 'cdi' ? [stringAt(device, 'ID') ?? ''] : []))
    : undefined;
  const foundIds = (cdiNames ?? []).flatMap((name) => /\/gpu=(?!all$)(.+)$/i.exec(name)?.[1] ?? []);
  const gpuIds = named.length > 0 ? named.map(({ Value }) => String(Value)) : foundIds;
  const counted = discrete.reduce((sum, { Value }) => sum + (typeof Value === 'number' ? Value : 0), 0);
  const isCapable = isJsonObject(objectAt(info, 'Runtimes')['nvidia']);
  const gpuCount = Math.max(named.length, counted) || foundIds.length || (isCapable ? 'unknown' : 0);
  return { gpuCount, gpuIds, cdiNames };
}

function gpuSpec(resource: unknown, key: string): readonly JsonObject[] {
  const spec = objectAt(resource, key);
  return /gpu/i.test(stringAt(spec, 'Kind') ?? '') ? [spec] : [];
}

function listAt(value: JsonObject, key: string): readonly unknown[] {
  const list: unknown = value[key];
  return Array.isArray(list) ? (list as unknown[]) : [];
}
