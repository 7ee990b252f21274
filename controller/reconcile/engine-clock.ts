// What a difference between the clock of an engine and ours means, for the status of its Node and for doctor. Pure.
import { errorTable } from '../base/errors.js';
import type { EngineDescription } from '../engine/engine-description.js';
import type { Level } from './diagnosis.js';
import type { MoreConditions, Summary } from './status-conditions.js';

// Leases last minutes and certificates are dated back by five: seconds do no harm, minutes do.
const noticedSkewMs = 5000;
const harmfulSkewMs = 60_000;
/** Clocks that run apart this slowly, and answers that take their time, are no news. */
const steadyMs = 2000;

export interface ClockFinding {
  readonly level: Level;
  /** `its clock is 12 s behind this one`. */
  readonly message: string;
}

/** @param aheadMs of the engine's clock; negative: behind */
export function judgeClock(aheadMs: number): ClockFinding {
  const skewMs = Math.abs(aheadMs);
  if (skewMs <= noticedSkewMs) return { level: 'ok', message: 'its clock agrees' };
  const way = aheadMs > 0 ? 'ahead of' : 'behind';
  return {
    level: skewMs > harmfulSkewMs ? 'fail' : 'warn',
    message: `its clock is ${describeSkew(skewMs)} ${way} this one`,
  };
}

function describeSkew(skewMs: number): string {
  const seconds = Math.round(skewMs / 1000);
  if (seconds < 600) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 600) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 240 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}

/** The newer reading, with the offset of the one before while that is as good: a status is not written for jitter. */
export function steadyClock(
  before: EngineDescription | undefined,
  engine: EngineDescription,
): EngineDescription {
  const [old, now] = [before?.clockAheadMs, engine.clockAheadMs];
  if (old === undefined || now === undefined) return engine;
  const isSteady = Math.abs(now - old) < Math.max(steadyMs, Math.abs(old) / 10);
  return isSteady ? { ...engine, clockAheadMs: old } : engine;
}

/** The condition `ClockSkewed` of a Node; undefined while the clocks agree. */
export function clockCondition(aheadMs: number | undefined): MoreConditions[string] {
  const { level, message } = judgeClock(aheadMs ?? 0);
  if (level === 'ok') return undefined;
  const harm =
    level === 'fail' ? 'certificates and leases fail by that' : 'certificates and leases bear no minutes';
  return {
    status: 'True',
    reason: level === 'fail' ? errorTable.ENGINE_CLOCK_WRONG.reason : 'ClockDiffers',
    message: `Engine: ${message}; ${harm} → ${errorTable.ENGINE_CLOCK_WRONG.hint}`,
  };
}

/** What is wrong by a clock that is far off says so; what is right although it is far off does, too. */
export function blameClock(summary: Summary, aheadMs: number | undefined): Summary {
  const { level, message } = judgeClock(aheadMs ?? 0);
  if (level !== 'fail' || !blamed.has(summary.reason)) return summary;
  const { reason, hint } = errorTable.ENGINE_CLOCK_WRONG;
  return { ...summary, reason, message: `${summary.message}; ${message} → ${hint}` };
}

/** What certificates that are not valid for one side look like, and `Ready`. */
const blamed: ReadonlySet<string> = new Set([
  'Ready',
  'AgentNotRunning',
  'ManagerNotServing',
  'NotJoined',
  'NotHealthy',
]);
