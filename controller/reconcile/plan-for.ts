// The plan of a cluster as text, as things stand or as if some objects were applied. Changes nothing, makes nothing.
import type { Cluster, Node, Resource } from '../api/resources.js';
import { describeSuspension, suspensionOf } from '../api/suspension.js';
import type { Plan } from '../plan/action.js';
import { desireCluster, type DesiredCluster } from '../plan/desired-cluster.js';
import { planLines } from '../plan/describe-plan.js';
import type { EngineObservation } from '../plan/observation.js';
import { planCluster } from '../plan/plan-cluster.js';
import { currentPlan, duplicateOf } from './current-plan.js';
import type { ReconcilePorts } from './ports.js';
import { resolveNode } from './resolve-node.js';

type Ports = Pick<
  ReconcilePorts,
  'store' | 'fleet' | 'machines' | 'credentials' | 'installation' | 'defaultImage' | 'clock'
>;

/**
 * One line per action; empty when nothing is to be done.
 * @param candidates objects to put in place of, or beside, those in the store
 */
export async function planFor(
  cluster: Cluster,
  ports: Ports,
  candidates: readonly Resource[] = [],
): Promise<readonly string[]> {
  const { name } = cluster.metadata;
  const current = candidates.length === 0 ? currentPlan(name, ports) : undefined;
  const desired = current?.desired ?? (await preview(cluster, candidates, ports));
  const plan = current?.plan ?? planCluster(desired, { engines: enginesOf(desired, ports) });
  const lines = [...planLines(plan), ...unseen(desired, ports)];
  return lines.length === 0 ? lines : [...suspensions(cluster, { ...ports, plan }), ...lines];
}

/** What would be desired. Certificates that do not exist yet are not made, so their files are not compared. */
async function preview(
  cluster: Cluster,
  candidates: readonly Resource[],
  { store, machines, credentials, installation, defaultImage }: Ports,
): Promise<DesiredCluster> {
  const { name } = cluster.metadata;
  const { image } = cluster.spec;
  const nodes = overlay(store.list('Node'), candidates).filter((node) => node.spec.cluster === name);
  const resolved = await Promise.all(
    nodes.map(async (node) => (await resolveNode(node, { cluster, machines })).resolved),
  );
  const known = credentials.known(name);
  return desireCluster({
    installation,
    cluster,
    nodes: resolved,
    image: image === undefined ? await defaultImage() : { reference: image, source: 'registry' },
    ...(known === undefined ? {} : { credentials: known }),
  });
}

function overlay(stored: readonly Node[], candidates: readonly Resource[]): readonly Node[] {
  const nodes = new Map(stored.map((node) => [node.metadata.name, node]));
  for (const candidate of candidates) {
    if (candidate.kind === 'Node') nodes.set(candidate.metadata.name, candidate);
  }
  return [...nodes.values()];
}

/** The engines that were seen, and an empty one for each node that nobody has looked at because it is new. */
function enginesOf(
  desired: DesiredCluster,
  { fleet, store }: Pick<Ports, 'fleet' | 'store'>,
): ReadonlyMap<string, EngineObservation> {
  const engines = new Map<string, EngineObservation>();
  const managers = fleet.managers(desired.name);
  for (const node of desired.nodes) {
    const view = fleet.view(node);
    if (view.type === 'failed' || duplicateOf(node, { fleet, store }) !== undefined) continue;
    const empty = { engineId: '', containers: [], images: [] };
    const manager = managers.get(node);
    engines.set(node, {
      ...(view.type === 'observed' ? { ...view.observation, ...fleet.drift.view(view.engine.id) } : empty),
      ...(manager === undefined ? {} : { isServing: manager.type === 'serving' }),
    });
  }
  return engines;
}

/** Why some of the plan is not carried out now. */
function suspensions(
  cluster: Cluster,
  { store, clock, plan }: Pick<Ports, 'store' | 'clock'> & { readonly plan: Plan },
): readonly string[] {
  const nowMs = clock.now();
  const all = suspensionOf(cluster, nowMs);
  if (all !== undefined) return [`suspended: ${describeSuspension(all)}; nothing of this is done`];
  const nodes = new Set(plan.stages.flatMap(({ actions }) => actions.map(({ node }) => node)));
  return [...nodes].flatMap((name) => {
    const node = store.getNode(name);
    const own = node && suspensionOf(node, nowMs);
    return own === undefined ? [] : [`suspended: ${describeSuspension(own)}; nothing is done there`];
  });
}

function unseen(desired: DesiredCluster, { fleet }: Pick<Ports, 'fleet'>): readonly string[] {
  return desired.nodes.flatMap((node) => {
    const view = fleet.view(node);
    return view.type === 'failed' ? [`wait on ${node}: ${view.error.message}`] : [];
  });
}
