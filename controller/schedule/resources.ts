// Whether an engine has the memory and CPUs a request reserves.
import { formatBytes } from '../base/byte-size.js';
import type { Candidate } from './candidate.js';
import { heldDevices, lackOfDevices } from './devices.js';
import type { EngineDevices } from './engine-devices.js';
import type { Reason, Test } from './filter.js';
import type { PlacementRequest } from './placement-request.js';

// Sums of fractions of a CPU (0.1 + 0.2) may exceed the exact value in the last digits.
const rounding = 1e-6;

type Totals = Pick<Candidate, 'memoryBytes' | 'usedMemoryBytes' | 'cpus' | 'usedCpus'> &
  Partial<Pick<Candidate, 'containers' | 'devices'>>;
type Wanted = Pick<PlacementRequest, 'memoryBytes' | 'cpus'> & Partial<Pick<PlacementRequest, 'devices'>>;

/** A request for nothing fits everywhere, also on an engine that is over its total already. */
export function fitsResources(candidate: Totals, request: Wanted): boolean {
  return (
    fitsMemory(candidate, request) &&
    fitsCpus(candidate, request) &&
    explainDevices(candidate, request) === undefined
  );
}

/** Asks whether an engine has what the request reserves; undefined when it reserves nothing. */
export function resourcesTest(request: Wanted): Test | undefined {
  const { memoryBytes, cpus, devices } = request;
  if (memoryBytes === 0 && cpus === 0 && devices === undefined) return undefined;
  return {
    key: `resources ${JSON.stringify([memoryBytes, cpus, devices ?? null])}`,
    keeps: (candidate) => fitsResources(candidate, request),
  };
}

/** Why limits that grow to these do not fit; undefined when they do. */
export function explainUpdate(engine: Totals, wanted: Wanted): string | undefined {
  if (fitsResources(engine, wanted)) return undefined;
  const { one, sample } = explainResources(engine, wanted);
  return sample === undefined ? one : `${one} (${sample})`;
}

export function explainResources(candidate: Totals, request: Wanted): Reason {
  if (!fitsMemory(candidate, request)) {
    const wanted = `less than ${formatBytes(request.memoryBytes)} of memory free`;
    const free = formatBytes(Math.max(0, candidate.memoryBytes - candidate.usedMemoryBytes));
    return { one: `has ${wanted}`, many: `have ${wanted}`, sample: free };
  }
  const lack = fitsCpus(candidate, request) ? explainDevices(candidate, request) : undefined;
  if (lack !== undefined) return lack;
  const wanted = `less than ${formatCpus(request.cpus)} CPUs free`;
  const free = formatCpus(Math.max(0, candidate.cpus - candidate.usedCpus));
  return { one: `has ${wanted}`, many: `have ${wanted}`, sample: free };
}

function fitsMemory({ memoryBytes, usedMemoryBytes }: Totals, request: Wanted): boolean {
  return request.memoryBytes === 0 || usedMemoryBytes + request.memoryBytes <= memoryBytes;
}

function fitsCpus({ cpus, usedCpus }: Totals, request: Wanted): boolean {
  return request.cpus === 0 || usedCpus + request.cpus <= cpus + rounding;
}

function explainDevices(candidate: Totals, request: Wanted): Reason | undefined {
  // Few requests want any, and only for those the containers of an engine are read.
  if (request.devices === undefined) return undefined;
  const { devices = noDevices, containers = [] } = candidate;
  const held = heldDevices(
    containers.map((container) => container.devices),
    devices,
  );
  return lackOfDevices(request.devices, { devices, held });
}

const noDevices: EngineDevices = { gpuCount: 0, gpuIds: [], cdiNames: undefined };

function formatCpus(cpus: number): string {
  return String(Number(cpus.toFixed(3)));
}
