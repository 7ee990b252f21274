// A create body as an older engine understands it: what it would refuse or silently ignore is said in its own way.
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../../base/json.js';
import { isAtLeast } from '../../engine/api-version.js';

export interface EngineBody {
  readonly body: JsonObject;
  /** Networks to connect after the create, for engines that take only one endpoint then. */
  readonly connectLater: readonly { readonly network: string; readonly config: unknown }[];
}

export interface SpokenVersions {
  /** API version of the client. */
  readonly client: string;
  /** API version that the engine is spoken to in. */
  readonly engine: string;
  /** Whether the engine's host has cgroups of version 1. */
  readonly hasOldCgroups: boolean;
}

export function adaptCreateBody(given: JsonObject, versions: SpokenVersions): EngineBody {
  const { engine: version } = versions;
  const body = withOldDefaults(given, versions);
  const mounted = isAtLeast(version, '1.42') ? body : bindInsteadOfMount(body);
  return isAtLeast(version, '1.44') ? { body: mounted, connectLater: [] } : splitEndpoints(mounted);
}

/** What a client leaves to the engine means what it meant in the client's version, also for engines that dropped that. */
function withOldDefaults(body: JsonObject, { client, engine, hasOldCgroups }: SpokenVersions): JsonObject {
  const changed = (since: string): boolean => !isAtLeast(client, since) && isAtLeast(engine, since);
  const hostConfig = objectAt(body, 'HostConfig');
  const defaults = {
    ...(changed('1.40') && isUnset(hostConfig['IpcMode']) ? { IpcMode: 'shareable' } : {}),
    ...(changed('1.41') && hasOldCgroups && isUnset(hostConfig['CgroupnsMode'])
      ? { CgroupnsMode: 'host' }
      : {}),
  };
  return Object.keys(defaults).length === 0 ? body : { ...body, HostConfig: { ...hostConfig, ...defaults } };
}

const isUnset = (value: unknown): boolean => value === undefined || value === null || value === '';

/** Before 1.44 a create takes one endpoint, and its MAC address stands in the container's own configuration. */
function splitEndpoints(body: JsonObject): EngineBody {
  const networking = objectAt(body, 'NetworkingConfig');
  const endpoints = Object.entries(objectAt(networking, 'EndpointsConfig'));
  if (endpoints.length === 0) return { body, connectLater: [] };
  const mode = stringAt(objectAt(body, 'HostConfig'), 'NetworkMode') ?? '';
  const main = endpoints.find(([name]) => name === mode) ?? endpoints[0];
  const mac = stringAt(main?.[1], 'MacAddress') ?? '';
  return {
    body: {
      ...body,
      ...(mac === '' || body['MacAddress'] !== undefined ? {} : { MacAddress: mac }),
      NetworkingConfig: {
        ...networking,
        EndpointsConfig: main === undefined ? {} : { [main[0]]: main[1] },
      },
    },
    connectLater: endpoints
      .filter((entry) => entry !== main)
      .map(([network, config]) => ({ network, config })),
  };
}

/** Before 1.42 only `Binds` make a missing directory on the host. */
function bindInsteadOfMount(body: JsonObject): JsonObject {
  const hostConfig = objectAt(body, 'HostConfig');
  const mounts: unknown = hostConfig['Mounts'];
  if (!Array.isArray(mounts)) return body;
  const makes = (mount: unknown): mount is JsonObject =>
    isJsonObject(mount) &&
    mount['Type'] === 'bind' &&
    objectAt(mount, 'BindOptions')['CreateMountpoint'] === true;
  const binds = mounts.filter(makes).map((mount) => {
    const options = [
      ...(mount['ReadOnly'] === true ? ['ro'] : []),
      ...[stringAt(objectAt(mount, 'BindOptions'), 'Propagation') ?? ''].filter((text) => text !== ''),
    ];
    const paths = `${stringAt(mount, 'Source') ?? ''}:${stringAt(mount, 'Target') ?? ''}`;
    return options.length === 0 ? paths : `${paths}:${options.join(',')}`;
  });
  if (binds.length === 0) return body;
  const given: unknown = hostConfig['Binds'];
  return {
    ...body,
    HostConfig: {
      ...hostConfig,
      Mounts: mounts.filter((mount) => !makes(mount)),
      Binds: [...(Array.isArray(given) ? (given as unknown[]) : []), ...binds],
    },
  };
}
