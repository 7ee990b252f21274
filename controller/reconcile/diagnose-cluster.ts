// One Cluster: what it says of itself, whether its keys are good, and what its managers and discovery services know.
import path from 'node:path';
import { findCondition } from '../api/conditions.js';
import { conditionsOf, type Cluster, type Node } from '../api/resources.js';
import type { Clock } from '../base/clock.js';
import type { EngineTls } from '../engine/endpoint.js';
import { EngineTransport } from '../engine/transport.js';
import { isManager, isWorker } from '../plan/resolved-node.js';
import { checkManager } from './check-manager.js';
import { diagnoseDiscovery } from './diagnose-discovery.js';
import { diagnoseKeys } from './diagnose-keys.js';
import { failed, finding, type Finding } from './diagnosis.js';
import type { MachinePort } from './machine-port.js';
import { findPortHolder, type AskEngine } from './port-holder.js';
import { readTls } from './read-tls.js';
import { resolveNode, type NodeResolution } from './resolve-node.js';

/** For a question about a port, after the service itself did not answer. */
const askTimeoutMs = 3000;

export interface ClusterOptions {
  /** Of the cluster in the state directory: token, pki/, client/. */
  readonly directory: string;
  /** That name the cluster. */
  readonly nodes: readonly Node[];
  readonly machines: MachinePort;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

type Resolutions = readonly NodeResolution[];

export async function diagnoseCluster(cluster: Cluster, o: ClusterOptions): Promise<readonly Finding[]> {
  const subject = `cluster/${cluster.metadata.name}`;
  const resolutions = await Promise.all(
    o.nodes.map((node) => resolveNode(node, { cluster, machines: o.machines })),
  );
  const nodes = resolutions.map(({ resolved }) => resolved);
  const askEngine = engineAsker(resolutions, o);
  const [keys, managers, discovery] = await Promise.all([
    diagnoseKeys(cluster, { ...o, nodes }),
    checkManagers(subject, cluster, { ...o, resolutions, askEngine }),
    diagnoseDiscovery(cluster, { ...o, nodes, askEngine }),
  ]);
  return [...checkReady(subject, cluster), ...keys, ...discovery, ...managers];
}

function checkReady(subject: string, cluster: Cluster): readonly Finding[] {
  const ready = findCondition(conditionsOf(cluster), 'Ready');
  if (ready === undefined) return [];
  const level = ready.status === 'True' ? 'ok' : 'warn';
  // What to do about it is said below, once.
  const said = ready.message.split(' → ')[0] ?? '';
  const message = ready.reason === 'Ready' ? said : `${ready.reason}: ${said}`;
  const remedy = `swarmctl describe ${subject} tells the whole story`;
  return [finding(subject, 'CLUSTER_READY', { level, message, remedy })];
}

async function checkManagers(
  subject: string,
  cluster: Cluster,
  o: ClusterOptions & { readonly resolutions: Resolutions; readonly askEngine: AskEngine },
): Promise<readonly Finding[]> {
  let tls: EngineTls | undefined;
  try {
    const file = (name: string): string => path.join(o.directory, 'client', name);
    tls =
      cluster.spec.tls.mode === 'disabled'
        ? undefined
        : await readTls({ ca: file('ca.pem'), cert: file('cert.pem'), key: file('key.pem') });
  } catch (error) {
    return [failed(subject, 'CLUSTER_CREDENTIALS', error)];
  }
  const resolved = o.resolutions.map((one) => one.resolved);
  const workers = resolved.filter((node) => isWorker(node) && node.entry !== undefined);
  const managers = resolved.filter((node) => isManager(node) && node.address !== undefined);
  if (managers.length === 0) {
    const message = 'no Node with the role manager has an address';
    const remedy = 'Give one Node of the cluster roles: [manager]';
    return [finding(subject, 'CLUSTER_MANAGER', { level: 'fail', message, remedy })];
  }
  // A handful: managers are few, and each is asked with a time limit.
  const found = await Promise.all(
    managers.map(async (node): Promise<readonly Finding[]> => {
      const address = { host: node.address?.host ?? '', port: cluster.spec.manager.port };
      const view = await checkManager({
        ...{ node: node.name, tls, address, clock: o.clock, signal: o.signal },
      });
      const what = `the manager on ${node.name}`;
      if (view.type === 'silent') {
        return [
          await findPortHolder(o.askEngine, {
            ...{ subject, what, code: 'CLUSTER_MANAGER', node, address, error: view.error, clock: o.clock },
            container: `swarm-${cluster.metadata.name}-manage`,
          }),
        ];
      }
      const missing = workers.filter(({ entry }) => view.engines.get(entry ?? '')?.status !== 'Healthy');
      const reasons = missing.slice(0, 3).map(({ name, entry }) => {
        const listed = view.engines.get(entry ?? '');
        const why =
          listed === undefined ? 'not listed' : [listed.status, listed.error].filter(isSaid).join(': ');
        return `${name} (${why})`;
      });
      const more = missing.length > 3 ? ` and ${missing.length - 3} more` : '';
      const message =
        missing.length === 0
          ? `${what} lists all ${workers.length} workers as healthy`
          : `${what} lists ${workers.length - missing.length} of ${workers.length} workers as healthy, not ${reasons.join(', ')}${more}`;
      const answers = `${what} answers at ${address.host}:${address.port}`;
      return [
        finding(subject, 'CLUSTER_MANAGER', { level: 'ok', message: answers }),
        finding(subject, 'CLUSTER_ENGINES', { level: missing.length === 0 ? 'ok' : 'fail', message }),
      ];
    }),
  );
  return found.flat();
}

function isSaid(text: string): boolean {
  return text !== '' && text !== '(none)';
}

/** Asks engines of the cluster one question each; only where something is wrong already. */
function engineAsker(resolutions: Resolutions, { clock, signal }: ClusterOptions): AskEngine {
  return async (node, question) => {
    const endpoint = resolutions.find(({ resolved }) => resolved.name === node)?.endpoint;
    if (endpoint === undefined) return undefined;
    const transport = new EngineTransport({ endpoint, clock });
    try {
      const { status, body } = await transport.requestJson({
        ...{ method: 'GET', path: question, attempt: 'examine', signal, headersTimeoutMs: askTimeoutMs },
      });
      return status === 200 ? body : undefined;
    } catch {
      signal.throwIfAborted();
      return undefined;
    } finally {
      await transport.close();
    }
  };
}
