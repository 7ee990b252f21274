// Which containers have to meet on one engine because of what they share, in the order in which they can be made. Pure.
import { isJsonObject, objectAt, stringAt } from '../../base/json.js';
import type { SavedContainer } from './saved-container.js';

/** Groups in the order of their first container; within a group whatever others depend on comes first. */
export function groupByShared(containers: readonly SavedContainer[]): readonly (readonly SavedContainer[])[] {
  const groups: { keys: Set<string>; members: SavedContainer[] }[] = [];
  for (const container of containers) {
    const keys = new Set(sharedKeys(container));
    const joined = groups.filter((group) => [...keys].some((key) => group.keys.has(key)));
    for (const group of joined) groups.splice(groups.indexOf(group), 1);
    groups.push({
      keys: new Set([...joined.flatMap((group) => [...group.keys]), ...keys]),
      members: [...joined.flatMap(({ members }) => members), container],
    });
  }
  return groups.map(({ members }) => inOrder(members));
}

function sharedKeys(container: SavedContainer): readonly string[] {
  const named = (kind: string, objects: SavedContainer['networks']): string[] =>
    objects.map((object) => `${kind} ${stringAt(object, 'Name') ?? ''}`);
  return [
    `container ${container.name}`,
    ...dependencies(container).map((name) => `container ${name}`),
    ...named('network', container.networks),
    ...named('volume', container.volumes),
  ];
}

/** Names of containers that must be there first. */
function dependencies({ body }: SavedContainer): readonly string[] {
  const host = objectAt(body, 'HostConfig');
  const listed = ['Links', 'VolumesFrom'].flatMap((key) => {
    const entries: unknown = host[key];
    return Array.isArray(entries) ? entries.map((entry: unknown) => String(entry).split(':')[0] ?? '') : [];
  });
  const modes = ['NetworkMode', 'IpcMode', 'PidMode'].flatMap((key) => {
    const mode = stringAt(host, key) ?? '';
    return mode.startsWith('container:') ? [mode.slice('container:'.length)] : [];
  });
  const endpoints = Object.values(objectAt(objectAt(body, 'NetworkingConfig'), 'EndpointsConfig'));
  const linked = endpoints.flatMap((settings) => {
    const links: unknown = isJsonObject(settings) ? settings['Links'] : undefined;
    return Array.isArray(links) ? links.map((link: unknown) => String(link).split(':')[0] ?? '') : [];
  });
  return [...listed, ...modes, ...linked].map((name) => name.replace(/^\//, ''));
}

/** Depth first; a circle, which engines would not have made, is cut where it is met. */
function inOrder(members: readonly SavedContainer[]): readonly SavedContainer[] {
  const ordered: SavedContainer[] = [];
  const visited = new Set<SavedContainer>();
  const visit = (container: SavedContainer): void => {
    if (visited.has(container)) return;
    visited.add(container);
    for (const name of dependencies(container)) {
      const needed = members.find((other) => other.name === name || other.id === name);
      if (needed !== undefined) visit(needed);
    }
    ordered.push(container);
  };
  for (const container of members) visit(container);
  return ordered;
}
