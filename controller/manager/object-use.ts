// Whether a container uses a network or a volume of its engine, from its list entry.
import { objectAt, stringAt } from '../base/json.js';
import type { CachedContainer, CachedObject } from '../engine/cluster-view.js';

/** By ID; a container that never ran may know its network only by the name. */
export function usesNetwork({ summary }: CachedContainer, network: CachedObject): boolean {
  const name = stringAt(network.summary, 'Name');
  return Object.entries(objectAt(summary['NetworkSettings'], 'Networks')).some(([key, settings]) => {
    const id = stringAt(settings, 'NetworkID') ?? '';
    return id === '' ? key === name || key === network.id : id === network.id;
  });
}

export function usesVolume({ summary }: CachedContainer, volume: CachedObject): boolean {
  const mounts: unknown = summary['Mounts'];
  return Array.isArray(mounts) && mounts.some((mount) => stringAt(mount, 'Name') === volume.id);
}
