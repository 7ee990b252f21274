// The named volumes that a simulated container mounts: engines make them with it, and keep them while it uses them.
import { objectAt, stringAt } from '../base/json.js';
import type { SimulatedContainer, SimulatedVolume } from './engine-state.js';

export function namedVolumes({ body }: SimulatedContainer): readonly SimulatedVolume[] {
  const mounts: unknown = body.HostConfig?.['Mounts'];
  if (!Array.isArray(mounts)) return [];
  return (mounts as readonly unknown[]).flatMap((mount) => {
    const Name = stringAt(mount, 'Source');
    if (stringAt(mount, 'Type') !== 'volume' || Name === undefined) return [];
    const labels = objectAt(objectAt(mount, 'VolumeOptions'), 'Labels');
    return [{ Name, Labels: labels as Record<string, string> }]; // strings in every create request
  });
}
