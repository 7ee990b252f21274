// Memory and CPUs that a create body reserves.
import { objectAt, type JsonObject } from '../base/json.js';

/**
 * What HostConfig.CpuShares means. `weight`: what Docker documents, a relative weight that reserves nothing.
 * `classic`: a number of CPUs, as classic swarm read it; the caller then sends `engineCpuShares()` to the engine.
 */
export type CpuSharesMeaning = 'weight' | 'classic';

// The kernel's default CFS period, in microseconds, which Docker uses when CpuPeriod is not given.
const defaultCpuPeriodUs = 100_000;

/** Reads the reservation; absent, negative or non-numeric values count as 0. */
export function readResources(
  body: JsonObject,
  cpuShares: CpuSharesMeaning,
): { readonly memoryBytes: number; readonly cpus: number } {
  const hostConfig = objectAt(body, 'HostConfig');
  // Old clients (API ≤ 1.17) wrote both at the top level.
  const memoryBytes = positive(hostConfig['Memory']) || positive(body['Memory']);
  const nanoCpus = positive(hostConfig['NanoCpus']) || positive(hostConfig['NanoCPUs']);
  const quotaUs = positive(hostConfig['CpuQuota']);
  const periodUs = positive(hostConfig['CpuPeriod']) || defaultCpuPeriodUs;
  const shares = positive(hostConfig['CpuShares']) || positive(body['CpuShares']);
  const limit = nanoCpus > 0 ? nanoCpus / 1e9 : quotaUs / periodUs;
  return { memoryBytes, cpus: limit > 0 || cpuShares === 'weight' ? limit : shares };
}

/** Shares to send to an engine with `engineCpus` CPUs for a reservation of `cpus`, in the classic meaning. */
export function engineCpuShares(cpus: number, engineCpus: number): number {
  return Math.ceil((cpus * 1024) / engineCpus);
}

function positive(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0;
}
