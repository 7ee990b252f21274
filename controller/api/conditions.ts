// Status conditions in the kstatus convention: Ready always present, Reconciling and Stalled only while True.

export type ConditionStatus = 'True' | 'False' | 'Unknown';

export interface Condition {
  readonly type: string;
  readonly status: ConditionStatus;
  /** One PascalCase word. */
  readonly reason: string;
  /** A sentence for people. */
  readonly message: string;
  readonly observedGeneration: number;
  /** RFC 3339; moves only when `status` flips. */
  readonly lastTransitionTime: string;
}

export type NewCondition = Omit<Condition, 'lastTransitionTime'>;

/**
 * The conditions with `next` put in place of the one of its type. The transition time is kept unless the status
 * flips, and the very same array comes back when nothing changed, so that callers can skip the write.
 */
export function setCondition(
  conditions: readonly Condition[],
  next: NewCondition,
  nowMs: number,
): readonly Condition[] {
  const old = conditions.find((condition) => condition.type === next.type);
  if (
    old?.status === next.status &&
    old.reason === next.reason &&
    old.message === next.message &&
    old.observedGeneration === next.observedGeneration
  ) {
    return conditions;
  }
  const lastTransitionTime = old?.status === next.status ? old.lastTransitionTime : formatTime(nowMs);
  const entry: Condition = { ...next, lastTransitionTime };
  return old === undefined
    ? [...conditions, entry]
    : conditions.map((condition) => (condition.type === next.type ? entry : condition));
}

/** The conditions without the one of this type; the same array when it was not there. */
export function removeCondition(conditions: readonly Condition[], type: string): readonly Condition[] {
  return conditions.some((condition) => condition.type === type)
    ? conditions.filter((condition) => condition.type !== type)
    : conditions;
}

export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** RFC 3339 without fractions: older kubectl versions accept no other form. */
export function formatTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/\.\d+Z$/, 'Z');
}
