// The ages in an engine's status texts: an entry that was read some time ago, in the words the engine would use now.
import { formatDockerDuration, nextDockerDurationMs } from '../base/duration.js';

// The words an engine puts before and after an age: "Up 5 minutes (healthy)", "Exited (0) 2 hours ago".
const statusPattern =
  /^(Up |Exited \(-?\d+\) |Restarting \(-?\d+\) )(Less than a second|\d+ \w+|About an? \w+)( ago)?(.*)$/;

/**
 * A status text with its age counted on.
 * @returns the text, and how long after the reading it stops being true, milliseconds
 */
export function agedStatus(
  status: string,
  sinceReadMs: number,
): { readonly text: string; readonly untilMs: number } {
  const match = statusPattern.exec(status);
  const [, before = '', age = '', ago = '', after = ''] = match ?? [];
  const ageMs = match === null ? undefined : parseAge(age);
  if (ageMs === undefined) return { text: status, untilMs: Infinity };
  // Below a second the engine's own words are the better ones.
  if (sinceReadMs < 1000) return { text: status, untilMs: 1000 };
  const grownMs = ageMs + sinceReadMs;
  return {
    text: `${before}${formatDockerDuration(grownMs)}${ago}${after}`,
    untilMs: nextDockerDurationMs(grownMs) - ageMs,
  };
}

const unitMs: Readonly<Record<string, number>> = {
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 7 * 86_400_000,
  month: 30 * 86_400_000,
  year: 365 * 86_400_000,
};

/** The smallest age that reads like this, so that counting on never runs ahead of the engine by more than one step. */
function parseAge(text: string): number | undefined {
  if (text === 'Less than a second') return 0;
  const about = /^About an? (minute|hour)$/.exec(text)?.[1];
  if (about !== undefined) return unitMs[about];
  const match = /^(\d+) (second|minute|hour|day|week|month|year)s?$/.exec(text);
  return match === null ? undefined : Number(match[1]) * (unitMs[match[2] ?? ''] ?? 0);
}
