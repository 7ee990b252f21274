// CpuShares of a container: Docker's relative weight, or classic swarm's number of CPUs.

/** `weight`: reserves nothing, as Docker documents it. `classic`: a number of CPUs, which the engine gets as its part of 1024. */
export type CpuSharesMeaning = 'weight' | 'classic';

/** Shares for an engine with `engineCpus` CPUs that stand for a reservation of `cpus`; rounded up. */
export function engineCpuShares(cpus: number, engineCpus: number): number {
  return Math.ceil((cpus * 1024) / engineCpus);
}

/** The CPUs that shares on such an engine stand for. */
export function cpusOfShares(shares: number, engineCpus: number): number {
  return (shares * engineCpus) / 1024;
}
