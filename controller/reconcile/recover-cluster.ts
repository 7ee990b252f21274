// What a new or damaged state directory may do about a cluster that runs already: take it over by its containers' labels,
// and never make new keys for it unless a person asks for that.
import { annotations, containerLabels } from '../api/labels.js';
import type { Cluster } from '../api/resources.js';
import { isSwarmError, SwarmError } from '../base/errors.js';
import { omitKeys } from '../base/json.js';
import type { ObservedContainer } from '../plan/observation.js';
import type { NodeView } from './fleet.js';
import type { Credential } from './lost-credentials.js';
import type { ReconcilePorts } from './ports.js';

/** A node as it was last seen. */
export interface SeenNode {
  readonly name: string;
  readonly cluster: string;
  readonly isManager: boolean;
  readonly view: NodeView;
}

/**
 * Whether enough was seen of a cluster to say that nothing of it runs: its managers' engines were looked at, and some
 * engine answered. Without a manager, every engine counts. Pure.
 */
export function isSeen(cluster: string, nodes: readonly SeenNode[]): boolean {
  const own = nodes.filter((node) => node.cluster === cluster);
  const managers = own.filter((node) => node.isManager);
  return (
    (managers.length > 0 ? managers : own).every(({ view }) => view.type !== 'unknown') &&
    own.some(({ view }) => view.type === 'observed')
  );
}

/** Nodes on which containers run that were made for this very cluster and node by `installation`, sorted. Pure. */
export function nodesRunning(
  cluster: string,
  { installation, nodes }: { readonly installation: string; readonly nodes: readonly SeenNode[] },
): readonly string[] {
  return nodes
    .filter((node) =>
      containersOf(node).some(
        ({ labels }) =>
          labels[containerLabels.cluster] === cluster &&
          labels[containerLabels.installation] === installation,
      ),
    )
    .map(({ name }) => name)
    .sort();
}

/** Whose containers run for our clusters on the very nodes that our manifests name, sorted. Pure. */
export function installationsSeen(nodes: readonly SeenNode[]): readonly string[] {
  const found = nodes.flatMap((node) =>
    containersOf(node).flatMap(({ labels }) => {
      const isOfNode =
        labels[containerLabels.cluster] === node.cluster && labels[containerLabels.node] === node.name;
      return isOfNode ? (labels[containerLabels.installation] ?? []) : [];
    }),
  );
  return [...new Set(found)].sort();
}

function containersOf({ view }: SeenNode): readonly ObservedContainer[] {
  return view.type === 'observed' ? view.observation.containers : [];
}

type Ports = Pick<
  ReconcilePorts,
  'store' | 'fleet' | 'identity' | 'credentials' | 'sessions' | 'story' | 'enqueue'
>;

/**
 * Call it before credentials are made.
 * @returns false: look again when more engines were seen
 * @throws {CREDENTIALS_LOST} the cluster runs, but its keys are gone
 */
export async function recoverCluster(cluster: Cluster, ports: Ports): Promise<boolean> {
  const { credentials, identity } = ports;
  const { name } = cluster.metadata;
  const lost = await credentials.findLost(cluster);
  if (identity.isSettled && lost.length === 0) {
    if (isRepairWanted(cluster)) await credentials.setAsideDamaged(name);
    return true;
  }
  const nodes = seenNodes(ports);
  if (!identity.isSettled) {
    const [other, ...more] = installationsSeen(nodes);
    if (other !== undefined && more.length === 0) await takeOver(other, cluster, ports);
    else if (!isSeen(name, nodes)) return false;
  }
  if (!isSeen(name, nodes)) return false;
  const running = nodesRunning(name, { installation: identity.id, nodes });
  if (lost.length > 0 && running.length > 0 && !isRepairWanted(cluster)) throw lostError(name, lost, running);
  if (lost.length > 0 && isRepairWanted(cluster)) await credentials.setAsideDamaged(name);
  await identity.settle();
  return true;
}

/** A request has had its day once new keys are there, or were not what was wrong: the next loss needs a new one. */
export async function forgetRepair(
  cluster: Cluster,
  { store, story }: Pick<ReconcilePorts, 'store' | 'story'>,
  isRepaired: boolean,
): Promise<void> {
  if (!isRepairWanted(cluster)) return;
  const { metadata } = cluster;
  const rest = omitKeys(metadata.annotations ?? {}, annotations.repair);
  const { resourceVersion } = metadata;
  try {
    await store.update(
      { ...cluster, metadata: { ...metadata, annotations: rest } },
      { origin: { type: 'api' }, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
    );
  } catch (error) {
    // Somebody changed the cluster meanwhile: the run that this brings comes here again.
    if (isSwarmError(error, 'OBJECT_CONFLICT') || isSwarmError(error, 'OBJECT_NOT_FOUND')) return;
    throw error;
  }
  if (!isRepaired) return;
  story.tell(
    { kind: 'Cluster', name: metadata.name },
    {
      type: 'Normal',
      reason: 'CredentialsRepaired',
      message: `Cluster ${metadata.name} has its keys and token; what is new goes to its containers without a restart`,
    },
  );
}

async function takeOver(installation: string, cluster: Cluster, ports: Ports): Promise<void> {
  await ports.identity.settle(installation);
  ports.story.tell(
    { kind: 'Cluster', name: cluster.metadata.name },
    {
      type: 'Warning',
      reason: 'StateRebuilt',
      message: `The state directory is new, and containers of installation ${installation} run on the engines of these manifests: they are taken over. If another operator works on them, stop one of the two`,
    },
  );
  // Their containers were looked for, and watched, under another name.
  ports.sessions.rewatch();
  for (const kind of ['Cluster', 'Node'] as const) {
    for (const { metadata } of ports.store.list(kind)) ports.enqueue({ kind, name: metadata.name });
  }
}

function seenNodes({ store, fleet }: Pick<ReconcilePorts, 'store' | 'fleet'>): readonly SeenNode[] {
  return store.list('Node').map(({ metadata, spec }) => ({
    name: metadata.name,
    cluster: spec.cluster,
    isManager: spec.roles.includes('manager') && metadata.deletionTimestamp === undefined,
    view: fleet.view(metadata.name),
  }));
}

function isRepairWanted({ metadata }: Cluster): boolean {
  return metadata.annotations?.[annotations.repair] === 'true';
}

function lostError(cluster: string, lost: readonly Credential[], running: readonly string[]): SwarmError {
  const [first = '', ...others] = running;
  const where = others.length === 0 ? first : `${first} and ${others.length} more`;
  return new SwarmError(
    'CREDENTIALS_LOST',
    `Cannot look after cluster "${cluster}": its ${lost.join(' and ')} ${lost.length > 1 ? 'are' : 'is'} gone from the state directory, but it runs on ${where}; nothing there is changed`,
    {
      hint: `Restore a backup with swarmctl restore, or make new ones with swarmctl repair cluster ${cluster}`,
    },
  );
}
