// Turns one summary into the conditions of a status: Ready always, Reconciling and Stalled only while True. Pure.
import { removeCondition, setCondition, type Condition, type ConditionStatus } from '../api/conditions.js';
import { redact } from '../base/redact.js';
import { errorTable, type SwarmError } from '../base/errors.js';

export interface Summary {
  readonly ready: ConditionStatus;
  readonly reason: string;
  readonly message: string;
  /** working: the operator will make progress by itself. stalled: only the user can. settled: nothing is to be done. */
  readonly progress: 'working' | 'stalled' | 'settled';
}

/** Further conditions: present with this status, or removed where undefined. */
export type MoreConditions = Readonly<
  Record<
    string,
    { readonly status: ConditionStatus; readonly reason: string; readonly message: string } | undefined
  >
>;

export function summarize(
  before: readonly Condition[],
  summary: Summary,
  options: { readonly generation: number; readonly nowMs: number; readonly more?: MoreConditions },
): readonly Condition[] {
  const { generation: observedGeneration, nowMs } = options;
  const message = redact(summary.message);
  const { reason } = summary;
  const put = (
    conditions: readonly Condition[],
    type: string,
    status: ConditionStatus,
  ): readonly Condition[] =>
    setCondition(conditions, { type, status, reason, message, observedGeneration }, nowMs);
  let conditions = put(before, 'Ready', summary.ready);
  for (const [type, progress] of [
    ['Reconciling', 'working'],
    ['Stalled', 'stalled'],
  ] as const) {
    conditions =
      summary.progress === progress ? put(conditions, type, 'True') : removeCondition(conditions, type);
  }
  for (const [type, more] of Object.entries(options.more ?? {})) {
    conditions =
      more === undefined
        ? removeCondition(conditions, type)
        : setCondition(conditions, { type, ...more, observedGeneration }, nowMs);
  }
  return conditions;
}

/**
 * Not ready because of an error: what is true now, and what to do next.
 * @param o.isCutOff no engine of any cluster answers: the remedy is here, and not at the engine
 */
export function summaryOfError(error: SwarmError, { isCutOff } = { isCutOff: false }): Summary {
  return {
    ready: 'False',
    reason: error.reason,
    message: isCutOff
      ? `${error.message}; no engine of any cluster answers, so it is this machine that is cut off → ${errorTable.OPERATOR_CUT_OFF.hint}`
      : `${error.message} → ${error.hint}`,
    progress: error.retry === 'terminal' ? 'stalled' : 'working',
  };
}
