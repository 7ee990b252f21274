// How an engine keeps its images, which decides what their IDs are.
import type { PooledEngine } from '../engine/cluster-view.js';

/** Whether it keeps them in containerd: their IDs are then those of manifests, which it can list. */
export function keepsImagesInContainerd({ specs }: Pick<PooledEngine, 'specs'>): boolean {
  const status: unknown = specs?.info['DriverStatus'];
  return (
    Array.isArray(status) &&
    status.some(
      (row: unknown) =>
        Array.isArray(row) && row[0] === 'driver-type' && String(row[1]).includes('containerd'),
    )
  );
}
