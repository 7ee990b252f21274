// Where every interleaving must end, computed without the operator from what its users left: as text to compare.
import { agentContainerName, managerVolumeName, type AgentRole } from '../../../controller/api/agent-role.js';
import { annotations, containerLabels } from '../../../controller/api/labels.js';
import type { Resource } from '../../../controller/api/resources.js';
import type { DebtBook } from '../../../controller/reconcile/debt-book.js';
import type { Store } from '../../../controller/store/store.js';
import { isOurs, labelsOf } from './model-engine.js';
import { addressAt, clusterNames, homeOf, isClusterName, type ModelDirectory } from './model-directory.js';
import { sayingOf, sayingOfVariant } from './rules.js';
import type { ModelWorld } from './model-world.js';

interface Home {
  readonly at: number;
  readonly cluster: string;
  readonly isManager: boolean;
  readonly saying: string;
}

/** By the files, and by the API for what only it describes. */
export function expectedEnd(o: {
  readonly directory: ModelDirectory;
  readonly world: ModelWorld;
  readonly store: Store;
}): string {
  const { objects } = o.directory;
  const homes = new Map<string, Home>();
  const clusters = new Map<string, string>();
  for (const [object, variant] of objects) {
    const { isManager, cluster } = variant;
    const saying = sayingOfVariant(variant, isClusterName(object));
    if (isClusterName(object)) clusters.set(object, saying);
    else homes.set(object, { at: homeOf(object), cluster, isManager, saying });
  }
  for (const cluster of o.store.list('Cluster')) {
    if (isToStay(cluster, o.store)) clusters.set(cluster.metadata.name, sayingOf(cluster));
  }
  for (const node of o.store.list('Node')) {
    const { metadata, spec } = node;
    if (!isToStay(node, o.store)) continue;
    const at = o.world.engines.find(({ number }) => addressAt(number) === spec.engine?.address)?.number ?? 0;
    const { cluster } = spec;
    homes.set(metadata.name, {
      at,
      cluster,
      isManager: spec.roles.includes('manager'),
      saying: sayingOf(node),
    });
  }
  const names = [...homes.keys()].sort();
  const containers = [...homes].flatMap(([node, { at, cluster, isManager }]) => {
    const roles: readonly AgentRole[] = isManager ? ['discovery', 'manage', 'join'] : ['join'];
    if (!clusters.has(cluster)) return [];
    const volume = isManager ? [`engine ${at}: volume ${managerVolumeName(cluster)}`] : [];
    return [
      ...roles.map((role) =>
        containerLine(at, { node, role, name: agentContainerName(cluster, role), status: 'running' }),
      ),
      ...volume,
    ];
  });
  return [
    ...clusterNames.flatMap((name) =>
      clusters.has(name) ? [`cluster ${name}: ${clusters.get(name) ?? ''}`] : [],
    ),
    ...names.map((name) => `node ${name}: ${homes.get(name)?.saying ?? ''}`),
    ...containers.sort(),
  ].join('\n');
}

/** What the API owns stays what the API said, whatever the files say of it, and what is never to be pruned stays, too. */
function isToStay({ kind, metadata }: Resource, store: Store): boolean {
  const isOfApi = store.originOf({ kind, name: metadata.name })?.type === 'api';
  return isOfApi || metadata.annotations?.[annotations.prune] === 'disabled';
}

export function foundEnd(o: {
  readonly world: ModelWorld;
  readonly store: Store;
  readonly debts: DebtBook;
}): string {
  const things = o.world.engines.flatMap((engine) => [
    ...engine.containers.filter(isOurs).map((container) => {
      const labels = labelsOf(container);
      const { name, status } = container;
      return containerLine(engine.number, {
        ...{ name, status },
        node: labels[containerLabels.node] ?? '',
        role: labels[containerLabels.role] ?? '',
      });
    }),
    ...[...engine.volumes]
      .filter((volume) => volume.startsWith('swarm-'))
      .map((volume) => `engine ${engine.number}: volume ${volume}`),
  ]);
  const going = (deletionTimestamp: string | undefined): string =>
    deletionTimestamp === undefined ? '' : ' is being deleted';
  return [
    ...o.store
      .list('Cluster')
      .map((one) => `cluster ${one.metadata.name}: ${sayingOf(one)}${going(one.metadata.deletionTimestamp)}`)
      .sort()
      .reverse(),
    ...o.store
      .list('Node')
      .map((one) => `node ${one.metadata.name}: ${sayingOf(one)}${going(one.metadata.deletionTimestamp)}`)
      .sort(),
    ...things.sort(),
    ...o.debts.list().map(({ node }) => `debt of ${node.metadata.name}`),
  ].join('\n');
}

function containerLine(
  at: number,
  o: { readonly node: string; readonly role: string; readonly name: string; readonly status: string },
): string {
  return `engine ${at}: ${o.name} of ${o.node} as ${o.role} is ${o.status}`;
}
