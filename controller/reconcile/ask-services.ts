// Which token services of a Cluster are to be asked now, and how each is asked.
import { agentContainerName } from '../api/agent-role.js';
import type { Cluster } from '../api/resources.js';
import { isSwarmError, toSwarmError, type SwarmError } from '../base/errors.js';
import type { ResolvedNode } from '../plan/resolved-node.js';
import type { ReconcilePorts } from './ports.js';
import type { ServiceQuestion } from './service-questions.js';
import { listEntries, tokenServicesOf, type TokenServicePlace } from './token-services.js';

/**
 * Those of our own whose container was seen running, and those that somebody else keeps.
 * @returns undefined while an engine that may run one was not looked at
 */
export function servicesToAsk(
  cluster: Cluster,
  { resolved, ports }: { readonly resolved: readonly ResolvedNode[]; readonly ports: ReconcilePorts },
): readonly ServiceQuestion[] | undefined {
  const { fleet } = ports;
  const name = agentContainerName(cluster.metadata.name, 'discovery');
  const places = tokenServicesOf(cluster, resolved);
  const views = places.map(({ node }) => node && fleet.view(node.name));
  if (views.some((view) => view?.type === 'unknown')) return undefined;
  return places
    .filter((_place, index) => {
      const view = views[index];
      if (view === undefined) return true;
      // What is wrong with an engine, or with the container, is told of its Node.
      if (view.type !== 'observed') return false;
      return view.observation.containers.some((one) => one.name === name && one.state === 'running');
    })
    .map((place) => ({
      name: place.name,
      node: place.node?.name,
      ask: (signal) => ask(cluster.metadata.name, { place, ports, signal }),
    }));
}

/** Never rejects: that a service does not answer is an answer. */
async function ask(
  cluster: string,
  o: { readonly place: TokenServicePlace; readonly ports: ReconcilePorts; readonly signal: AbortSignal },
): Promise<SwarmError | undefined> {
  const { credentials, outside, clock, random, logger } = o.ports;
  try {
    const token = await credentials.token(cluster);
    const url = token === undefined ? undefined : o.place.url(token);
    if (url === undefined) return undefined;
    await listEntries(url, {
      ...{ clock, random, outside, signal: o.signal },
      directory: credentials.clientDirectory(cluster),
    });
    return undefined;
  } catch (error) {
    if (isSwarmError(error, 'DISCOVERY_FAILED')) return error;
    // Nothing was asked: what is wrong with our own files is told of the Cluster.
    logger.debug(`Cannot ask ${o.place.name}: ${toSwarmError(error).message}`);
    return undefined;
  }
}
