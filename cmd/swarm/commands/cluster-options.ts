// `--cluster-opt` of `swarm manage`: overcommit, retries of a create, the meaning of CPU shares, explanations,
// where images go, and when containers move.
import { parseGoDuration } from '../../../controller/base/duration.js';
import { parseImagePlacement } from '../../../controller/manager/image-placement.js';
import type { ManageOptions } from '../manage-options.js';
import { mistake } from '../validation.js';

/** Unknown keys are ignored, as ever. @throws {USAGE} */
export function parseClusterOptions(
  options: readonly string[],
): Pick<
  ManageOptions,
  | 'overcommit'
  | 'createRetry'
  | 'cpuShares'
  | 'explain'
  | 'imagePlacement'
  | 'rescheduleDelayMs'
  | 'rescheduleBrakePercent'
> {
  const pairs = new Map(options.map(splitOption));
  const overcommit = parseNumber(pairs, 'swarm.overcommit', 0.05);
  if (overcommit <= -1) {
    throw mistake(`swarm.overcommit should be larger than -1, ${overcommit.toFixed(6)} is invalid`);
  }
  const createRetry = parseNumber(pairs, 'swarm.createretry', 0);
  if (createRetry < 0) {
    throw mistake(`swarm.createretry can not be negative, ${createRetry} is invalid`);
  }
  if (!Number.isInteger(createRetry)) {
    throw mistake(`swarm.createretry must be a whole number, ${createRetry} is invalid`);
  }
  const cpuShares = parseChoice(pairs, 'swarm.cpushares', ['weight', 'classic'] as const);
  const explain = parseChoice(pairs, 'swarm.explain', ['unmet', 'never', 'always'] as const);
  const imagePlacement = parseImagePlacement(pairs.get('swarm.imageplacement') ?? 'all');
  if ('problem' in imagePlacement) {
    throw mistake(`swarm.imageplacement cannot be read: ${imagePlacement.problem}`);
  }
  return {
    overcommit,
    createRetry,
    cpuShares,
    explain,
    imagePlacement,
    rescheduleDelayMs: parseDelay(pairs),
    rescheduleBrakePercent: parseBrake(pairs),
  };
}

/** An engine that is restarted or upgraded is back within half a minute. */
const defaultDelay = '30s';

function parseDelay(pairs: ReadonlyMap<string, string>): number {
  const text = pairs.get('swarm.rescheduledelay') ?? defaultDelay;
  const parsed = parseGoDuration(text);
  if (!('ms' in parsed) || parsed.ms < 0) {
    throw mistake(`swarm.rescheduledelay must be a duration as 30s, ${JSON.stringify(text)} is invalid`);
  }
  return parsed.ms;
}

/** A manager that is cut off reaches fewer engines than it loses, if it reaches any. */
const defaultBrakePercent = 50;

function parseBrake(pairs: ReadonlyMap<string, string>): number {
  const percent = parseNumber(pairs, 'swarm.reschedulebrake', defaultBrakePercent);
  if (percent < 0 || percent > 100) {
    throw mistake(`swarm.reschedulebrake must be between 0 and 100 percent, ${percent} is invalid`);
  }
  return percent;
}

function splitOption(option: string): readonly [string, string] {
  const at = option.indexOf('=');
  if (at < 0) throw mistake('--cluster-opt must contain key=value strings');
  return [option.slice(0, at), option.slice(at + 1)];
}

/** One of `choices`, the first where the option is not given. */
function parseChoice<T extends string>(
  pairs: ReadonlyMap<string, string>,
  key: string,
  choices: readonly [T, ...T[]],
): T {
  const text = pairs.get(key) ?? choices[0];
  const choice = choices.find((one) => one === text);
  if (choice === undefined) {
    throw mistake(`${key} must be one of ${choices.join(', ')}, ${JSON.stringify(text)} is invalid`);
  }
  return choice;
}

function parseNumber(pairs: ReadonlyMap<string, string>, key: string, fallback: number): number {
  const text = pairs.get(key);
  if (text === undefined) return fallback;
  const value = text.trim() === '' ? NaN : Number(text);
  if (!Number.isFinite(value)) throw mistake(`${key} must be a number, ${JSON.stringify(text)} is invalid`);
  return value;
}
