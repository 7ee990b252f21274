// Memory and CPUs that a create body reserves.
import { engineCpuShares, type CpuSharesMeaning } from '../api/cpu-shares.js';
import { objectAt, type JsonObject } from '../base/json.js';

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

/**
 * A create or update body as an engine with `engineCpus` CPUs understands it, where the client meant a number of CPUs.
 * The older top-level field of creates is moved to where every engine looks.
 */
export function withEngineCpuShares(
  body: JsonObject,
  options: { engineCpus: number; isUpdate: boolean },
): JsonObject {
  const hostConfig = options.isUpdate ? body : objectAt(body, 'HostConfig');
  const shares = positive(hostConfig['CpuShares']) || positive(body['CpuShares']);
  if (shares === 0 || options.engineCpus <= 0) return body;
  const converted = { ...hostConfig, CpuShares: engineCpuShares(shares, options.engineCpus) };
  return options.isUpdate ? converted : { ...body, HostConfig: converted };
}

function positive(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0;
}
