// The --timeout option: 30s, 5m, 1h30m, or a plain number of seconds.
import { parseGoDuration } from '../../../controller/base/duration.js';
import { usageError } from '../usage-error.js';

// kubectl's meaning of a negative time-out.
const weekMs = 7 * 24 * 3_600_000;

/** Milliseconds. 0 looks once; a negative time waits for a week. @throws {USAGE} */
export function parseTimeout(text: string): number {
  const parsed = parseGoDuration(/^-?\d+$/.test(text) ? `${text}s` : text);
  if ('error' in parsed) {
    throw usageError(
      `Cannot read time-out ${JSON.stringify(text)}: must be a duration such as 30s, 5m or 1h`,
    );
  }
  return parsed.ms < 0 ? weekMs : parsed.ms;
}
