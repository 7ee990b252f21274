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
  if (wanted > 0 && gpuCount === 0) return { one: 'has no GPU', many: 'have no GPU', hint: hints.none };
  const unknown = wish.gpuIds.find(
    (id) => gpuIds.length > 0 && !gpuIds.includes(id) && !isIndex(id, gpuIds.length),
  );
  if (unknown !== undefined)
    return { ...both(`no GPU ${unknown}`), ...offering(gpuIds), hint: hints.unknownId };
  const inUse = wish.gpuIds.find((id) => held.gpuIds.has(id));
  if (inUse !== undefined) {
    const free = gpuIds.filter((id) => !held.gpuIds.has(id));
    return { ...both(`GPU ${inUse} in use`), ...offering(free), hint: hints.inUse };
  }
  if (gpuCount !== 'unknown' && held.gpus + wanted > gpuCount) {
    const free = String(Math.max(0, gpuCount - held.gpus));
    const sample = `${free} of ${gpuCount}`;
    const hint = wanted > gpuCount ? hints.tooMany : hints.held;
    return { ...both(`less than ${wanted} ${wanted === 1 ? 'GPU' : 'GPUs'} free`), sample, hint };
  }
  const missing = wish.cdiNames.find((name) => cdiNames?.includes(name) === false);
  if (missing === undefined) return undefined;
  return { ...both(`no device ${missing}`), ...offering(cdiNames ?? []), hint: hints.device };
}

const hints = {
  none: 'an engine offers GPUs by node-generic-resources in its daemon.json, or by the runtime nvidia',
  unknownId: 'ask for one of those that are there, or for any with --gpus 1',
  inUse: 'remove the container that holds it, or ask for any with --gpus 1',
  held: 'remove a container that holds some, or ask for fewer',
  tooMany: 'ask for fewer',
  device: 'ask for one that is there, or describe it in /etc/cdi of an engine',
} as const;

// Enough to see how they are called.
const mostOffered = 4;

/** What is there instead. */
function offering(names: readonly string[]): Pick<Reason, 'sample'> {
  if (names.length === 0) return {};
  const more = names.length - mostOffered;
  return { sample: `has ${names.slice(0, mostOffered).join(' ')}${more > 0 ? ` and ${more} more` : ''}` };
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
