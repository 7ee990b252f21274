// Whether an engine has the memory and CPUs a request reserves.
import { formatBytes } from '../base/byte-size.js';
import type { Candidate } from './candidate.js';
import type { Reason } from './filter.js';
import type { PlacementRequest } from './placement-request.js';

// Sums of fractions of a CPU (0.1 + 0.2) may exceed the exact value in the last digits.
const rounding = 1e-6;

/** A request for nothing fits everywhere, also on an engine that is over its total already. */
export function fitsResources(candidate: Candidate, request: PlacementRequest): boolean {
  return fitsMemory(candidate, request) && fitsCpus(candidate, request);
}

export function explainResources(candidate: Candidate, request: PlacementRequest): Reason {
  if (!fitsMemory(candidate, request)) {
    const wanted = `less than ${formatBytes(request.memoryBytes)} of memory free`;
    const free = formatBytes(Math.max(0, candidate.memoryBytes - candidate.usedMemoryBytes));
    return { one: `has ${wanted}`, many: `have ${wanted}`, sample: free };
  }
  const wanted = `less than ${formatCpus(request.cpus)} CPUs free`;
  const free = formatCpus(Math.max(0, candidate.cpus - candidate.usedCpus));
  return { one: `has ${wanted}`, many: `have ${wanted}`, sample: free };
}

function fitsMemory({ memoryBytes, usedMemoryBytes }: Candidate, request: PlacementRequest): boolean {
  return request.memoryBytes === 0 || usedMemoryBytes + request.memoryBytes <= memoryBytes;
}

function fitsCpus({ cpus, usedCpus }: Candidate, request: PlacementRequest): boolean {
  return request.cpus === 0 || usedCpus + request.cpus <= cpus + rounding;
}

function formatCpus(cpus: number): string {
  return String(Number(cpus.toFixed(3)));
}
