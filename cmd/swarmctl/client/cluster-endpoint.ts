// Where a cluster's Docker API is and which certificates a client needs for it.
import { access } from 'node:fs/promises';
import path from 'node:path';
import { findCondition } from '../../../controller/api/conditions.js';
import { SwarmError } from '../../../controller/base/errors.js';
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../../../controller/base/json.js';
import type { CommandContext } from '../command-context.js';
import { usageError } from '../usage-error.js';
import { withClient } from './api-client.js';
import { Kinds, objectPath } from './kinds.js';
import { conditionsOf } from './wait-for.js';

export interface ClusterEndpoint {
  readonly cluster: string;
  /** Value for DOCKER_HOST. */
  readonly dockerHost: string;
  /** Directory with ca.pem, cert.pem and key.pem; undefined when the cluster uses no TLS. */
  readonly certPath: string | undefined;
}

/** The endpoint of a cluster; without a name, of the only one. Warns when it is not Ready. */
export async function clusterEndpoint(
  context: CommandContext,
  name: string | undefined,
): Promise<ClusterEndpoint> {
  const kinds = await Kinds.load(context);
  const kind = kinds.byKind('Cluster');
  const object = await withClient(context, async (client) => {
    const plain = name?.replace(/^clusters?\//, '');
    if (plain !== undefined)
      return (await client.call({ method: 'GET', path: objectPath({ kind, name: plain }) })).body;
    const { body } = await client.call({ method: 'GET', path: kind.path });
    const { items } = body;
    return onlyCluster(Array.isArray(items) ? items.filter(isJsonObject) : []);
  });
  const cluster = nameOf(object);
  const dockerHost = stringAt(objectAt(object, 'status'), 'endpoint');
  if (dockerHost === undefined) {
    throw new SwarmError('TIMEOUT', `Cannot use cluster "${cluster}": it has no endpoint yet`, {
      hint: `Wait for it with swarmctl wait cluster/${cluster}, or see swarmctl describe cluster ${cluster}`,
    });
  }
  const ready = findCondition(conditionsOf(object), 'Ready');
  if (ready?.status !== 'True') {
    context.stderr(
      `warning: cluster "${cluster}" is not ready: ${ready?.message ?? 'its state is not known yet'}\n`,
    );
  }
  return { cluster, dockerHost, certPath: await certificateDirectory(context, { object, cluster }) };
}

function onlyCluster(clusters: readonly JsonObject[]): JsonObject {
  const [first, ...others] = clusters;
  if (first === undefined)
    throw new SwarmError('OBJECT_NOT_FOUND', 'Cannot choose a cluster: there is none', {
      hint: 'Create one with swarmctl apply -f',
    });
  if (others.length > 0) {
    throw usageError(
      'Cannot choose a cluster: there are several',
      `Name one of ${clusters.map(nameOf).join(', ')}`,
    );
  }
  return first;
}

function nameOf(object: JsonObject): string {
  return stringAt(objectAt(object, 'metadata'), 'name') ?? '';
}

async function certificateDirectory(
  context: CommandContext,
  { object, cluster }: { readonly object: JsonObject; readonly cluster: string },
): Promise<string | undefined> {
  const tls = objectAt(objectAt(object, 'spec'), 'tls');
  if (tls['mode'] === 'disabled') return undefined;
  const own = path.join(context.stateDirectory, 'clusters', cluster, 'client');
  if (await isReadable(own)) return own;
  const given = stringAt(tls, 'hostPath');
  if (given !== undefined) return given;
  context.stderr(
    `warning: the client certificates are not here: ${own} cannot be read; copy it from the operator's machine\n`,
  );
  return own;
}

async function isReadable(directory: string): Promise<boolean> {
  try {
    await access(path.join(directory, 'key.pem'));
    return true;
  } catch {
    return false;
  }
}
