// What has to be known of a container to start it elsewhere after its engine is lost: made from its inspection, while the
// engine still answers. Pure.
import { createHash } from 'node:crypto';
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../../base/json.js';
import type { CachedObject } from '../../engine/cluster-view.js';
import { swarmIdLabel } from '../../engine/container-row.js';
import { isUp, replacedIds } from '../../engine/superseded.js';

export interface SavedContainer {
  readonly id: string;
  readonly swarmId: string;
  /** Without a slash. */
  readonly name: string;
  readonly engine: {
    readonly id: string;
    readonly name: string;
    readonly address: string;
    /** For reservations given in shares; 0 = unknown. */
    readonly cpus: number;
  };
  /** running, exited, … as listed when this was saved. */
  readonly state: string;
  /** When the manager first saw it without a process after it had one, epoch ms; absent while it has one, or never had. */
  readonly endedAtMs?: number | undefined;
  /** IDs of earlier containers that it replaced, oldest first. */
  readonly replaced: readonly string[];
  /** ID of the image it runs, for engines that have it under another name. */
  readonly imageId: string;
  /** A create body that makes the same container. */
  readonly body: JsonObject;
  /** List entries of the local networks it is in, to make them where they are missing. */
  readonly networks: readonly JsonObject[];
  /** List entries of its named volumes, likewise. */
  readonly volumes: readonly JsonObject[];
}

export interface SaveOptions {
  readonly engine: SavedContainer['engine'];
  readonly state: string;
  readonly endedAtMs?: number | undefined;
  /** Networks and volumes of that engine. */
  readonly networks: readonly CachedObject[];
  readonly volumes: readonly CachedObject[];
  /** Name of the container with this ID, on that engine; undefined when there is none. */
  readonly nameOf: (id: string) => string | undefined;
}

const predefinedNetworks = new Set(['bridge', 'host', 'none', 'default', 'nat']);

/** @returns undefined when the inspection is not one of a container with a name */
export function saveContainer(inspection: JsonObject, options: SaveOptions): SavedContainer | undefined {
  const id = stringAt(inspection, 'Id') ?? '';
  const name = (stringAt(inspection, 'Name') ?? '').replace(/^\//, '');
  if (id === '' || name === '') return undefined;
  const config = objectAt(inspection, 'Config');
  const labels = objectAt(config, 'Labels');
  const networks = objectAt(objectAt(inspection, 'NetworkSettings'), 'Networks');
  const hostConfig = movableHostConfig(objectAt(inspection, 'HostConfig'), {
    networks,
    nameOf: options.nameOf,
  });
  const endpoints = endpointsOf(networks, { id, hostConfig });
  const used = new Set([...Object.keys(endpoints), stringAt(hostConfig, 'NetworkMode') ?? '']);
  const volumeNames = namedVolumes(inspection);
  return {
    id,
    swarmId: stringAt(labels, swarmIdLabel) ?? derivedSwarmId(id),
    name,
    engine: options.engine,
    state: options.state,
    ...(options.endedAtMs === undefined ? {} : { endedAtMs: options.endedAtMs }),
    replaced: replacedIds({ labels: stringEntries(labels) }),
    imageId: stringAt(inspection, 'Image') ?? '',
    body: {
      ...movableConfig(config, { id, engineName: options.engine.name, hostConfig }),
      HostConfig: hostConfig,
      NetworkingConfig: { EndpointsConfig: endpoints },
    },
    networks: options.networks
      .map(({ summary }) => summary)
      .filter((network) => {
        const called = stringAt(network, 'Name') ?? '';
        return used.has(called) && !predefinedNetworks.has(called) && isLocal(network);
      }),
    volumes: options.volumes
      .map(({ summary }) => summary)
      .filter(({ Name: called }) => volumeNames.has(called)),
  };
}

/** The same for every manager, for containers that were made without one: 64 digits, the first twelve not all decimal. */
export function derivedSwarmId(containerId: string): string {
  return `a${createHash('sha256').update(`swarm ${containerId}`).digest('hex').slice(1)}`;
}

export function isLocal(object: JsonObject): boolean {
  return (object['Scope'] ?? 'local') === 'local';
}

/** Whether it shall run: it did when it was last seen, or its engine stopped it on its own way down. */
export function shouldRun(
  saved: Pick<SavedContainer, 'state' | 'endedAtMs'>,
  options: { readonly lostAtMs: number },
): boolean {
  if (isUp(saved)) return true;
  return saved.endedAtMs !== undefined && saved.endedAtMs >= options.lostAtMs - shutdownMs;
}

// An engine that is shut down gives its containers 15 s to end, and takes the manager up to 10 s to be found gone.
const shutdownMs = 25_000;

function movableConfig(
  config: JsonObject,
  { id, engineName, hostConfig }: { id: string; engineName: string; hostConfig: JsonObject },
): JsonObject {
  const { Hostname: hostname, ...rest } = config;
  // What the engine chose itself is not the user's wish: the container's ID, or its own name in its own network.
  const isChosen =
    hostname === id.slice(0, 12) ||
    (stringAt(hostConfig, 'NetworkMode') === 'host' && hostname === engineName) ||
    (stringAt(hostConfig, 'NetworkMode') ?? '').startsWith('container:');
  return isChosen || hostname === '' ? rest : { Hostname: hostname, ...rest };
}

function movableHostConfig(
  hostConfig: JsonObject,
  { networks, nameOf }: { networks: JsonObject; nameOf: SaveOptions['nameOf'] },
): JsonObject {
  const named = (mode: string): string => {
    if (mode.startsWith('container:')) {
      const reference = mode.slice('container:'.length);
      return `container:${nameOf(reference) ?? reference}`;
    }
    const byId = Object.entries(networks).find(([, settings]) => stringAt(settings, 'NetworkID') === mode);
    return byId?.[0] ?? mode;
  };
  const patched: JsonObject = { ...hostConfig };
  for (const key of ['NetworkMode', 'IpcMode', 'PidMode']) {
    const mode = stringAt(hostConfig, key);
    if (mode !== undefined) patched[key] = named(mode);
  }
  const { Links: links, VolumesFrom: volumesFrom } = hostConfig;
  // Inspections show `/db:/web/alias`.
  if (Array.isArray(links))
    patched['Links'] = links.map((link: unknown) => {
      const [target = '', alias = ''] = String(link).split(':');
      return `${target.replace(/^\//, '')}:${alias.slice(alias.lastIndexOf('/') + 1)}`;
    });
  if (Array.isArray(volumesFrom))
    patched['VolumesFrom'] = volumesFrom.map((entry: unknown) => {
      const [reference = '', ...mode] = String(entry).split(':');
      return [nameOf(reference) ?? reference, ...mode].join(':');
    });
  // A path on the engine that wrote it.
  delete patched['ContainerIDFile'];
  return patched;
}

const endpointKeys = ['IPAMConfig', 'Links', 'DriverOpts', 'GwPriority'] as const;

/** Endpoints as they were asked for: addresses that the engine chose are left for the next one to choose. */
function endpointsOf(
  networks: JsonObject,
  { id, hostConfig }: { id: string; hostConfig: JsonObject },
): JsonObject {
  const mode = stringAt(hostConfig, 'NetworkMode') ?? '';
  const own = Object.entries(networks).filter(([name]) => !predefinedNetworks.has(name));
  if (own.length === 0) return {};
  const isBridged = mode === '' || mode === 'default' || mode === 'bridge';
  const wanted = own.map(([name, settings]): [string, JsonObject] => {
    const aliases: unknown = objectAt({ settings }, 'settings')['Aliases'];
    const given = Array.isArray(aliases) ? aliases.filter((alias) => alias !== id.slice(0, 12)) : [];
    return [
      name,
      {
        ...Object.fromEntries(
          endpointKeys.flatMap((key) => {
            const value = objectAt({ settings }, 'settings')[key];
            return value === undefined || value === null || value === 0 ? [] : [[key, value]];
          }),
        ),
        ...(given.length > 0 ? { Aliases: given } : {}),
      },
    ];
  });
  // The network of the mode first: engines before API 1.44 take that one alone with the create.
  const sorted = wanted.sort(([a], [b]) => Number(b === mode) - Number(a === mode));
  return Object.fromEntries(isBridged ? [['bridge', {}], ...sorted] : sorted);
}

/** Names of volumes that its user gave; those that engines name themselves are made anew. */
function namedVolumes(inspection: JsonObject): ReadonlySet<unknown> {
  const mounts: unknown = inspection['Mounts'];
  if (!Array.isArray(mounts)) return new Set();
  return new Set(
    mounts
      .filter((mount: unknown) => isJsonObject(mount) && mount['Type'] === 'volume')
      .map((mount: unknown) => stringAt(mount, 'Name') ?? '')
      .filter((name) => name !== '' && !/^[0-9a-f]{64}$/.test(name)),
  );
}

function stringEntries(labels: JsonObject): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );
}
