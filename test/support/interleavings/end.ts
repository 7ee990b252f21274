// Where every interleaving must end, computed without the operator from what its users left: as text to compare.
import { agentContainerName, managerVolumeName, type AgentRole } from '../../../controller/api/agent-role.js';
import { annotations, containerLabels } from '../../../controller/api/labels.js';
import type { Resource } from '../../../controller/api/resources.js';
import type { DebtBook } from '../../../controller/reconcile/debt-book.js';
import type { Store } from '../../../controller/store/store.js';
import { isOurs, labelsOf } from './model-engine.js';
import { homeOf, type ModelDirectory } from './model-directory.js';
import { addressAt } from './model-directory.js';
import type { ModelWorld } from './model-world.js';

interface Home {
  readonly at: number;
  readonly isManager: boolean;
}

/** By the files, and by the API for what only it describes. */
export function expectedEnd(o: {
  readonly directory: ModelDirectory;
  readonly world: ModelWorld;
  readonly store: Store;
}): string {
  const { objects } = o.directory;
  const homes = new Map<string, Home>();
  const isThere =
    objects.has('demo') || o.store.list('Cluster').some((cluster) => isToStay(cluster, o.store));
  for (const [object, { isManager }] of objects) {
    if (object !== 'demo') homes.set(object, { at: homeOf(object), isManager });
  }
  for (const node of o.store.list('Node')) {
    const { metadata, spec } = node;
    if (!isToStay(node, o.store)) continue;
    const at = o.world.engines.find(({ number }) => addressAt(number) === spec.engine?.address)?.number ?? 0;
    homes.set(metadata.name, { at, isManager: spec.roles.includes('manager') });
  }
  const names = [...homes.keys()].sort();
  const containers = [...homes].flatMap(([node, { at, isManager }]) => {
    const roles: readonly AgentRole[] = isManager ? ['discovery', 'manage', 'join'] : ['join'];
    if (!isThere) return [];
    const volume = isManager ? [`engine ${at}: volume ${managerVolumeName('demo')}`] : [];
    return [
      ...roles.map((role) =>
        containerLine(at, { node, role, name: agentContainerName('demo', role), status: 'running' }),
      ),
      ...volume,
    ];
  });
  return [
    ...(isThere ? ['cluster demo'] : []),
    ...names.map((name) => `node ${name}`),
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
      .map(({ metadata }) => `cluster ${metadata.name}${going(metadata.deletionTimestamp)}`),
    ...o.store
      .list('Node')
      .map(({ metadata }) => `node ${metadata.name}${going(metadata.deletionTimestamp)}`),
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
