// Growing, jittered delays between retries of the same thing.

export interface BackoffOptions {
  /** First delay in milliseconds. Default 1000: engines are over a network, not next door. */
  readonly baseMs?: number;
  /** Growth per failure. Default 2. */
  readonly factor?: number;
  /** Longest delay in milliseconds. Default 300000 (5 min). */
  readonly capMs?: number;
}

/**
 * Delay in milliseconds before the next try after `failures` failures in a row (1 = first failure).
 * Jitter spreads it over [50 %, 100 %] of the full delay, so that a fleet does not retry in step.
 * @param random returns a number in [0, 1)
 */
export function backoffDelayMs(failures: number, random: () => number, options: BackoffOptions = {}): number {
  const { baseMs = 1000, factor = 2, capMs = 300_000 } = options;
  // The exponent is clamped because 2^1024 is Infinity; the cap is reached long before.
  const full = Math.min(capMs, baseMs * factor ** Math.min(Math.max(failures - 1, 0), 40));
  return Math.round(full * (0.5 + 0.5 * random()));
}
