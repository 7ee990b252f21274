// Whether an object is left alone for now, by whom, why and until when: by `spec.suspend`, which belongs to the manifest,
// or by annotations, which `swarmctl suspend` writes beside it. Pure.
import { formatTime } from './conditions.js';
import { annotations as known } from './labels.js';
import type { Cluster, Node } from './resources.js';

export interface Suspension {
  /** What is suspended: the object itself, or the cluster of a Node. */
  readonly object: Cluster | Node;
  readonly source: 'spec' | 'annotations';
  readonly reason?: string;
  readonly author?: string;
  /** RFC 3339. */
  readonly since?: string;
  /** Absent: until somebody ends it. */
  readonly untilMs?: number;
}

/** Annotations of a suspension; only the first makes one. */
export const suspensionAnnotations = [
  known.suspended,
  known.suspendedBy,
  known.suspendedAt,
  known.suspendedUntil,
] as const;

/** @returns undefined when the object is not suspended, or no longer */
export function suspensionOf(object: Cluster | Node, nowMs: number): Suspension | undefined {
  const notes = object.metadata.annotations ?? {};
  const reason = notes[known.suspended];
  const [author, since] = [notes[known.suspendedBy], notes[known.suspendedAt]];
  const noted = {
    object,
    ...(reason === undefined || reason === '' ? {} : { reason }),
    ...(author === undefined ? {} : { author }),
    ...(since === undefined ? {} : { since }),
  };
  if (object.spec.suspend) return { ...noted, source: 'spec' };
  if (reason === undefined) return undefined;
  // A time that cannot be read ends nothing: who suspends must not be surprised by work.
  const untilMs = Date.parse(notes[known.suspendedUntil] ?? '');
  if (Number.isNaN(untilMs)) return { ...noted, source: 'annotations' };
  return untilMs <= nowMs ? undefined : { ...noted, source: 'annotations', untilMs };
}

/** Of a Node: its own, else that of its cluster. */
export function suspensionOfNode(
  node: Node,
  cluster: Cluster | undefined,
  nowMs: number,
): Suspension | undefined {
  return suspensionOf(node, nowMs) ?? (cluster && suspensionOf(cluster, nowMs));
}

/** Whether annotations are left of a suspension whose time is over. */
export function hasEnded(object: Cluster | Node, nowMs: number): boolean {
  const notes = object.metadata.annotations ?? {};
  return notes[known.suspended] !== undefined && Date.parse(notes[known.suspendedUntil] ?? '') <= nowMs;
}

/** `cluster "demo" is suspended by ann until 2026-01-01T12:00:00Z: new switch`. */
export function describeSuspension(suspension: Suspension): string {
  const { object, source, reason, author, untilMs } = suspension;
  const name = `${object.kind.toLowerCase()} "${object.metadata.name}"`;
  if (source === 'spec') return `spec.suspend of ${name} is true${reason === undefined ? '' : `: ${reason}`}`;
  const by = author === undefined ? '' : ` by ${author}`;
  const until = untilMs === undefined ? '' : ` until ${formatTime(untilMs)}`;
  return `${name} is suspended${by}${until}${reason === undefined ? '' : `: ${reason}`}`;
}
