// How much of an engine's resources is handed out.

/** The classic's integer arithmetic: whole percents, whole units, so 2 CPUs at 5 % stay 2. */
export function withOvercommit(total: number, overcommit: number): number {
  return total + Math.trunc((total * Math.trunc(overcommit * 100)) / 100);
}
