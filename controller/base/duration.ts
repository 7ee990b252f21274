// Durations in the three spellings users meet: Go's "1h30m", Docker's "About an hour", kubectl's "90m".

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Parses a Go duration such as `300ms`, `1h30m`, `-1.5h` or `0` into milliseconds.
 * @returns the milliseconds, or an error text in Go's wording (`time: invalid duration "x"`)
 */
export function parseGoDuration(text: string): { readonly ms: number } | { readonly error: string } {
  const quoted = JSON.stringify(text);
  const sign = text.startsWith('-') ? -1 : 1;
  const body = text.replace(/^[+-]/, '');
  if (body === '0') return { ms: 0 };
  if (body === '') return { error: `time: invalid duration ${quoted}` };
  let rest = body;
  let total = 0;
  while (rest !== '') {
    const number = /^(\d+\.?\d*|\.\d+)/.exec(rest)?.[0];
    if (number === undefined) return { error: `time: invalid duration ${quoted}` };
    rest = rest.slice(number.length);
    const unit = /^[^\d.]+/.exec(rest)?.[0];
    if (unit === undefined) return { error: `time: missing unit in duration ${quoted}` };
    const factor = unitMs[unit];
    if (factor === undefined)
      return { error: `time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}` };
    total += Number(number) * factor;
    rest = rest.slice(unit.length);
  }
  return { ms: sign * total };
}

/** Formats milliseconds as Go prints a duration: `1m0s`, `1.5s`, `300ms`, `0s`. */
export function formatGoDuration(ms: number): string {
  if (ms === 0) return '0s';
  const sign = ms < 0 ? '-' : '';
  const size = Math.abs(ms);
  if (size < 1) return `${sign}${trimNumber(size * 1000)}µs`;
  if (size < 1000) return `${sign}${trimNumber(size)}ms`;
  const hours = Math.floor(size / 3_600_000);
  const minutes = Math.floor((size % 3_600_000) / 60_000);
  const seconds = trimNumber((size % 60_000) / 1000);
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}s`;
  if (minutes > 0) return `${sign}${minutes}m${seconds}s`;
  return `${sign}${seconds}s`;
}

function trimNumber(value: number): string {
  return String(Number(value.toFixed(6)));
}

/** Docker's words for an elapsed time, as `docker ps` shows it: "5 seconds", "About an hour". */
export function formatDockerDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.round(seconds / 3600);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(hours / 24 / 365)} years`;
}

/** The shortest time above `ms` that may read otherwise; never later than the one that does. */
export function nextDockerDurationMs(ms: number): number {
  if (ms < 60_000) return (Math.floor(ms / 1000) + 1) * 1000;
  if (ms < 3_600_000) return (Math.floor(ms / 60_000) + 1) * 60_000;
  // From here on whole hours count, rounded, and from two days on only every 24th of them.
  const hours = Math.round(Math.floor(ms / 1000) / 3600);
  const next = hours < 48 ? hours + 1 : (Math.floor(hours / 24) + 1) * 24;
  return (next - 0.5) * 3_600_000;
}

/** kubectl's age column: `45s`, `3m20s`, `5h`, `12d`, `2y`. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (days < 365 * 2) return `${days}d`;
  return `${Math.floor(days / 365)}y`;
}
