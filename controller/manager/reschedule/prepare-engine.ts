// Makes on the engine that takes a container what it had on the lost one: local networks and named volumes.
import { isJsonObject, objectAt, omitKeys, stringAt, type JsonObject } from '../../base/json.js';
import { SwarmError } from '../../base/errors.js';
import type { Logger } from '../../base/log.js';
import type { ClusterView, PooledEngine } from '../../engine/cluster-view.js';
import { answerWithin, callForBody, messageIn, type SmallResponse } from '../call-engine.js';
import { enginePath } from '../engine-path.js';
import { stringifyJson } from '../lossless-json.js';
import { isLocal, type SavedContainer } from './saved-container.js';

/** ID of the network that one was made after. */
export const copiedNetworkLabel = 'io.swarmctl.copied-network';

export interface PrepareOptions {
  readonly cluster: Pick<
    ClusterView,
    'networks' | 'volumes' | 'refreshNetworks' | 'refreshVolumes' | 'reportOutcome'
  >;
  readonly version: string;
  readonly logger: Logger;
}

export interface PreparedEngine {
  /** The create body for this engine: addresses are left out in a network whose range could not be the same. */
  readonly body: JsonObject;
  /** Removes again what was made and is not used; for when the container was not made. Never rejects. */
  readonly undo: () => Promise<void>;
}

/**
 * @throws SwarmError ENGINE_ERROR with the engine's words, or ENGINE_*
 */
export async function prepareEngine(
  engine: PooledEngine,
  container: SavedContainer,
  options: PrepareOptions,
): Promise<PreparedEngine> {
  const { cluster, logger } = options;
  const made: string[] = [];
  const undo = async (): Promise<void> => {
    for (const path of made.splice(0).reverse()) await removeUnused(engine, path, options);
  };
  const renumbered = new Set<string>();
  for (const network of container.networks) {
    const name = stringAt(network, 'Name') ?? '';
    const isThere = cluster
      .networks()
      .some(({ engine: at, summary }) => at.address === engine.address && summary['Name'] === name);
    if (isThere) continue;
    if ((await createNetwork(engine, network, options)) === 'other range') {
      renumbered.add(name);
      logger.warn(`Network "${name}" has another address range on ${engine.name}: its own is in use there`);
    }
    made.push(`/networks/${encodeURIComponent(name)}`);
    await cluster.refreshNetworks(engine);
  }
  for (const volume of container.volumes) {
    const name = stringAt(volume, 'Name') ?? '';
    const isThere = cluster
      .volumes()
      .some(({ engine: at, id }) => at.address === engine.address && id === name);
    if (isThere) continue;
    await createVolume(engine, volume, options);
    made.push(`/volumes/${encodeURIComponent(name)}`);
    if (hasDataHere(volume))
      logger.warn(`Volume "${name}" of container "${container.name}" is new and empty on ${engine.name}`, {
        kept: `${container.engine.name}/${name}`,
      });
    await cluster.refreshVolumes(engine);
  }
  const body = renumbered.size === 0 ? container.body : withoutAddresses(container.body, renumbered);
  return { body, undo };
}

/** Whether what is in the volume is on its engine alone; one with options is a mount that can be made anywhere. */
export function hasDataHere(volume: JsonObject): boolean {
  return isLocal(volume) && Object.keys(objectAt(volume, 'Options')).length === 0;
}

async function createNetwork(
  engine: PooledEngine,
  network: JsonObject,
  options: PrepareOptions,
): Promise<'same range' | 'other range'> {
  const ipam = objectAt(network, 'IPAM');
  const body = {
    Name: network['Name'],
    CheckDuplicate: true,
    Driver: network['Driver'],
    Internal: network['Internal'],
    Attachable: network['Attachable'],
    EnableIPv6: network['EnableIPv6'],
    Options: network['Options'],
    Labels: { ...objectAt(network, 'Labels'), [copiedNetworkLabel]: network['Id'] },
  };
  const path = '/networks/create';
  const same = await post(engine, { path, body: { ...body, IPAM: ipam }, ...options });
  if (same.status < 400) return 'same range';
  const hasRange = Array.isArray(ipam['Config']) && ipam['Config'].length > 0;
  if (!hasRange || !/overlap|already in use|conflict/i.test(messageIn(same)))
    throw refused(`network "${String(network['Name'])}"`, engine, same);
  const other = await post(engine, { path, body: { ...body, IPAM: { ...ipam, Config: [] } }, ...options });
  if (other.status >= 400) throw refused(`network "${String(network['Name'])}"`, engine, other);
  return 'other range';
}

async function createVolume(
  engine: PooledEngine,
  volume: JsonObject,
  options: PrepareOptions,
): Promise<void> {
  const answer = await post(engine, {
    path: '/volumes/create',
    body: {
      Name: volume['Name'],
      Driver: volume['Driver'],
      DriverOpts: objectAt(volume, 'Options'),
      Labels: objectAt(volume, 'Labels'),
    },
    ...options,
  });
  if (answer.status >= 400) throw refused(`volume "${String(volume['Name'])}"`, engine, answer);
}

/** Engines refuse to remove what is in use, and that is right. */
async function removeUnused(engine: PooledEngine, path: string, options: PrepareOptions): Promise<void> {
  const { cluster, version, logger } = options;
  try {
    await callForBody(cluster, engine, {
      method: 'DELETE',
      path: enginePath(engine, { version, path }),
      headersTimeoutMs: answerWithin.quick,
    });
    await (path.startsWith('/networks/') ? cluster.refreshNetworks(engine) : cluster.refreshVolumes(engine));
  } catch (error) {
    logger.debug('Cannot remove what was made for a container that did not come', {
      path,
      error: String(error),
    });
  }
}

function withoutAddresses(body: JsonObject, networks: ReadonlySet<string>): JsonObject {
  const networking = objectAt(body, 'NetworkingConfig');
  const endpoints = Object.entries(objectAt(networking, 'EndpointsConfig')).map(([name, settings]) => {
    if (!networks.has(name) || !isJsonObject(settings)) return [name, settings] as const;
    return [name, omitKeys(settings, 'IPAMConfig')] as const;
  });
  return { ...body, NetworkingConfig: { ...networking, EndpointsConfig: Object.fromEntries(endpoints) } };
}

function post(
  engine: PooledEngine,
  { cluster, version, path, body }: PrepareOptions & { readonly path: string; readonly body: JsonObject },
): Promise<SmallResponse> {
  return callForBody(cluster, engine, {
    method: 'POST',
    path: enginePath(engine, { version, path }),
    headers: { 'Content-Type': 'application/json' },
    body: Buffer.from(stringifyJson(body)),
    headersTimeoutMs: answerWithin.quick,
  });
}

function refused(what: string, engine: PooledEngine, answer: SmallResponse): SwarmError {
  return new SwarmError(
    'ENGINE_ERROR',
    `Cannot create ${what} on engine "${engine.name}": ${messageIn(answer)}`,
  );
}
