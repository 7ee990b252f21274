// Whether the GPUs and devices that a request wants are free on an engine.
import type { DeviceWish } from './device-request.js';
import type { EngineDevices } from './engine-devices.js';
import type { Reason } from './filter.js';

/** What containers of one engine hold. */
export interface HeldDevices {
  readonly gpus: number;
  readonly gpuIds: ReadonlySet<string>;
}

export function heldDevices(
  wishes: readonly (DeviceWish | undefined)[],
  { gpuCount }: EngineDevices,
): HeldDevices {
  let gpus = 0;
  const gpuIds = new Set<string>();
  for (const wish of wishes) {
    if (wish === undefined) continue;
    gpus += numberOf(wish, gpuCount);
    for (const id of wish.gpuIds) gpuIds.add(id);
  }
  return { gpus, gpuIds };
}

/** Why the devices are not to be had there; undefined when they are. */
export function lackOfDevices(
  wish: DeviceWish,
  { devices, held }: { readonly devices: EngineDevices; readonly held: HeldDevices },
): Reason | undefined {
  const { gpuCount, gpuIds, cdiNames } = devices;
  const wanted = numberOf(wish, gpuCount);
  if (wanted > 0 && gpuCount === 0) return { one: 'has no GPU', many: 'have no GPU' };
  const unknown = wish.gpuIds.find(
    (id) => gpuIds.length > 0 && !gpuIds.includes(id) && !isIndex(id, gpuIds.length),
  );
  if (unknown !== undefined) return both(`no GPU ${unknown}`);
  const inUse = wish.gpuIds.find((id) => held.gpuIds.has(id));
  if (inUse !== undefined) return both(`GPU ${inUse} in use`);
  if (gpuCount !== 'unknown' && held.gpus + wanted > gpuCount) {
    const free = String(Math.max(0, gpuCount - held.gpus));
    return { ...both(`less than ${wanted} ${wanted === 1 ? 'GPU' : 'GPUs'} free`), sample: free };
  }
  const missing = wish.cdiNames.find((name) => cdiNames?.includes(name) === false);
  return missing === undefined ? undefined : both(`no device ${missing}`);
}

function both(what: string): Reason {
  return { one: `has ${what}`, many: `have ${what}` };
}

/** How many GPUs a wish takes. */
function numberOf(wish: DeviceWish, gpuCount: EngineDevices['gpuCount']): number {
  if (wish.allGpus) return Math.max(1, gpuCount === 'unknown' ? 1 : gpuCount);
  return wish.gpus + wish.gpuIds.length;
}

function isIndex(id: string, count: number): boolean {
  return /^\d{1,3}$/.test(id) && Number(id) < count;
}
