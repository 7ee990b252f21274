// Ends suspensions whose time is over, and tells of those that begin and end.
import { findCondition, type Condition } from '../api/conditions.js';
import type { ObjectKey } from '../api/object-key.js';
import type { Cluster, Node } from '../api/resources.js';
import { describeSuspension, hasEnded, suspensionAnnotations, type Suspension } from '../api/suspension.js';
import { messageOf } from '../base/errors.js';
import { omitKeys } from '../base/json.js';
import type { ReconcilePorts } from './ports.js';
import type { MoreConditions } from './status-conditions.js';

/** Takes off what is left of a suspension whose time is over; one that is in a manifest stays there, and means nothing. */
export async function endSuspension(
  object: Cluster | Node,
  { store, clock, logger }: Pick<ReconcilePorts, 'store' | 'clock' | 'logger'>,
): Promise<void> {
  if (!hasEnded(object, clock.now())) return;
  const annotations = omitKeys(object.metadata.annotations ?? {}, ...suspensionAnnotations);
  const changed = { ...object, metadata: { ...object.metadata, annotations } };
  try {
    const { resourceVersion } = object.metadata;
    await store.update(changed, {
      origin: { type: 'api' },
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    });
  } catch (error) {
    logger.debug(`Cannot take off an ended suspension: ${messageOf(error)}`);
  }
}

/** How long until it ends by itself; undefined when it does not. */
export function endsInMs(suspension: Suspension | undefined, nowMs: number): number | undefined {
  return suspension?.untilMs === undefined ? undefined : Math.max(0, suspension.untilMs - nowMs);
}

/** The condition `Suspended` of an object. */
export function suspendedCondition(suspension: Suspension | undefined): MoreConditions[string] {
  if (suspension === undefined) return undefined;
  return {
    status: 'True',
    reason: 'Suspended',
    message: `Nothing is changed: ${describeSuspension(suspension)}`,
  };
}

/** Tells on the object that was suspended, not on every Node of a Cluster. */
export function tellSuspension(
  key: ObjectKey,
  {
    before,
    after,
    suspension,
    story,
  }: {
    readonly before: readonly Condition[];
    readonly after: readonly Condition[];
    readonly suspension: Suspension | undefined;
    readonly story: ReconcilePorts['story'];
  },
): void {
  const [old, now] = [findCondition(before, 'Suspended'), findCondition(after, 'Suspended')];
  if (old?.message === now?.message) return;
  if (now === undefined) {
    if (old !== undefined && isOwn(old.message, key)) {
      story.tell(key, { type: 'Normal', reason: 'Resumed', message: 'The suspension is over' });
    }
  } else if (suspension?.object.kind === key.kind) {
    story.tell(key, { type: 'Normal', reason: 'Suspended', message: now.message });
  }
}

/** Whether the message of a condition speaks of the object itself. */
function isOwn(message: string, key: ObjectKey): boolean {
  return message.includes(`${key.kind.toLowerCase()} "${key.name}"`);
}
