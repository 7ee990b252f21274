// The token services of one Cluster: does each answer, know the token, and have a lease for every engine?
import path from 'node:path';
import { readFile } from 'node:fs/promises';
import type { Cluster } from '../api/resources.js';
import type { Clock } from '../base/clock.js';
import { SwarmError } from '../base/errors.js';
import { openDiscovery } from '../discovery/open-backend.js';
import { isWorker, type ResolvedNode } from '../plan/resolved-node.js';
import { failed, finding, type Finding } from './diagnosis.js';
import { findPortHolder, type AskEngine } from './port-holder.js';
import { listEntries, tokenServicesOf } from './token-services.js';

export interface DiscoveryOptions {
  readonly directory: string;
  readonly nodes: readonly ResolvedNode[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly random: () => number;
  readonly askEngine: AskEngine;
}

/** Nothing for backends that are lists which somebody keeps. */
export async function diagnoseDiscovery(cluster: Cluster, o: DiscoveryOptions): Promise<readonly Finding[]> {
  if (cluster.spec.discovery.backend !== 'token') return [];
  const token = (await readFile(path.join(o.directory, 'token'), 'utf8').catch(() => '')).trim();
  if (!/^[0-9a-f]{32}$/.test(token)) return []; // CLUSTER_CREDENTIALS says so
  // As many as there are managers, each with a time limit.
  return (
    await Promise.all(
      tokenServicesOf(cluster, o.nodes).map(({ name, node, url }) =>
        checkService(cluster, { ...o, name, node, url: url(token) }),
      ),
    )
  ).flat();
}

async function checkService(
  cluster: Cluster,
  o: DiscoveryOptions & {
    readonly name: string;
    readonly node: ResolvedNode | undefined;
    readonly url: string | undefined;
  },
): Promise<readonly Finding[]> {
  const subject = `cluster/${cluster.metadata.name}`;
  const where = o.node === undefined ? `at ${o.name}` : `on ${o.node.name} (${o.name})`;
  if (o.url === undefined) return [];
  let entries: readonly string[];
  try {
    entries = await listEntries(o.url, {
      ...{ clock: o.clock, random: o.random, signal: o.signal, outside: { openDiscovery } },
      directory: path.join(o.directory, 'client'),
    });
  } catch (error) {
    o.signal.throwIfAborted();
    const why =
      error instanceof SwarmError && /404 HTTP/.test(error.message)
        ? 'it does not know the token of the cluster'
        : undefined;
    const place = o.node?.address;
    if (why === undefined && o.node !== undefined && place !== undefined)
      return [
        await findPortHolder(o.askEngine, {
          subject,
          what: `the discovery service ${where}`,
          code: 'CLUSTER_DISCOVERY',
          node: o.node,
          address: { host: place.host, port: cluster.spec.discovery.port },
          container: `swarm-${cluster.metadata.name}-discovery`,
          error,
          clock: o.clock,
        }),
      ];
    return [
      why === undefined
        ? failed(subject, 'CLUSTER_DISCOVERY', error)
        : finding(subject, 'CLUSTER_DISCOVERY', {
            level: 'fail',
            message: `the discovery service ${where} answers, but ${why}`,
          }),
    ];
  }
  const wanted = o.nodes.filter((node) => isWorker(node) && node.entry !== undefined);
  const missing = wanted
    .filter(({ entry }) => !entries.includes(entry ?? ''))
    .map(({ name, entry }) => `${name} (${entry ?? ''})`);
  const strange = entries.filter((one) => !wanted.some(({ entry }) => entry === one));
  const list = (some: readonly string[]): string =>
    `${some.slice(0, 3).join(', ')}${some.length > 3 ? ` and ${some.length - 3} more` : ''}`;
  const about = `the discovery service ${where} has leases of ${wanted.length - missing.length} of ${wanted.length} workers`;
  const message = [
    about,
    ...(missing.length === 0 ? [] : [`not of ${list(missing)}`]),
    ...(strange.length === 0 ? [] : [`and of ${list(strange)}, which no Node names`]),
  ].join(', ');
  const level = missing.length > 0 ? 'fail' : strange.length > 0 ? 'warn' : 'ok';
  return [finding(subject, 'CLUSTER_DISCOVERY', { level, message })];
}
