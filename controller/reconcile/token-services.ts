// The token services of a Cluster, and how to ask one of them who is registered there.
import path from 'node:path';
import { formatHostPort } from '../api/engine-address.js';
import type { Cluster } from '../api/resources.js';
import type { Clock } from '../base/clock.js';
import { withDeadline } from '../base/deadline.js';
import { SwarmError } from '../base/errors.js';
import { discoveryUrl, runsTokenService } from '../plan/discovery-url.js';
import { isManager, type ResolvedNode } from '../plan/resolved-node.js';
import type { Outside } from './outside.js';

/** A token service answers in milliseconds. */
const deadlineMs = 5000;

export interface TokenServicePlace {
  /** `host:port`, as users know it. */
  readonly name: string;
  /** The Node on whose engine it runs in a container of ours; undefined for one that somebody else keeps. */
  readonly node: ResolvedNode | undefined;
  /** Contains the token: never print it. */
  readonly url: (token: string) => string | undefined;
}

/** Nothing for backends that are lists which somebody keeps. */
export function tokenServicesOf(
  cluster: Cluster,
  nodes: readonly ResolvedNode[],
): readonly TokenServicePlace[] {
  const { discovery } = cluster.spec;
  if (discovery.backend !== 'token') return [];
  if (runsTokenService(cluster)) {
    return nodes.flatMap((node) =>
      isManager(node) && node.address !== undefined
        ? [
            {
              name: formatHostPort({ host: node.address.host, port: discovery.port }),
              node,
              url: (token: string) => discoveryUrl(cluster, { nodes: [node], token }),
            },
          ]
        : [],
    );
  }
  return discovery.endpoints.map((endpoint) => {
    const alone = {
      ...cluster,
      spec: { ...cluster.spec, discovery: { ...discovery, endpoints: [endpoint] } },
    };
    return { name: endpoint, node: undefined, url: (token) => discoveryUrl(alone, { nodes: [], token }) };
  });
}

/** `--discovery-opt` pairs that name the client files of a cluster, by the directory they are in. */
export function clientFiles(directory: string): Readonly<Record<string, string>> {
  return {
    'token.cacertfile': path.join(directory, 'ca.pem'),
    'token.certfile': path.join(directory, 'cert.pem'),
    'token.keyfile': path.join(directory, 'key.pem'),
  };
}

/**
 * The entries that a service has leases of. Takes 5 s at most.
 * @param o.directory with the client files of the cluster
 * @throws {DISCOVERY_FAILED | CREDENTIALS_*}
 */
export async function listEntries(
  url: string,
  o: {
    readonly directory: string;
    readonly outside: Pick<Outside, 'openDiscovery'>;
    readonly clock: Clock;
    readonly random: () => number;
    readonly signal: AbortSignal;
  },
): Promise<readonly string[]> {
  const { clock, random } = o;
  const reason = (): Error =>
    new SwarmError(
      'DISCOVERY_FAILED',
      `Cannot ask the discovery service: no answer in ${deadlineMs / 1000} s`,
    );
  return withDeadline(clock, { delayMs: deadlineMs, parent: o.signal, reason }, async (limit) => {
    const backend = await o.outside.openDiscovery(url, { clock, random, options: clientFiles(o.directory) });
    try {
      return await backend.list(limit);
    } finally {
      await backend.close();
    }
  });
}
