// `--cluster-opt` of `swarm manage`: overcommit and retries of a create.
import type { ManageOptions } from '../manage-options.js';
import { mistake } from '../validation.js';

/** Unknown keys are ignored, as ever. @throws {USAGE} */
export function parseClusterOptions(
  options: readonly string[],
): Pick<ManageOptions, 'overcommit' | 'createRetry'> {
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
  return { overcommit, createRetry };
}

function splitOption(option: string): readonly [string, string] {
  const at = option.indexOf('=');
  if (at < 0) throw mistake('--cluster-opt must contain key=value strings');
  return [option.slice(0, at), option.slice(at + 1)];
}

function parseNumber(pairs: ReadonlyMap<string, string>, key: string, fallback: number): number {
  const text = pairs.get(key);
  if (text === undefined) return fallback;
  const value = text.trim() === '' ? NaN : Number(text);
  if (!Number.isFinite(value)) throw mistake(`${key} must be a number, ${JSON.stringify(text)} is invalid`);
  return value;
}
