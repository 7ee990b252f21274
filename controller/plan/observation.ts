// What was read from the engines of a cluster: the observed side of a plan.
import type { FoundFields } from './owned-fields.js';

export interface ChangedFile {
  /** Below the directory of our files: `tls/ca.pem`. */
  readonly path: string;
  /** Absent: as delivered. */
  readonly expected?: string;
  /** `changed`, `missing`, or what has another value than expected: `mode 644`. */
  readonly found: string;
}

export interface ObservedContainer {
  readonly id: string;
  /** Without the leading slash. */
  readonly name: string;
  /** created, running, restarting, paused, exited, dead, removing. */
  readonly state: string;
  /** Image reference it was made from. */
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Our fields as they are now, see `ownedFields`; those that are absent are not compared. */
  readonly fields?: FoundFields;
  /** Hash of the files its process has read, as far as we delivered and remember them. */
  readonly filesHash?: string;
  /** Files that are not as we delivered them, when they were last compared; absent when all are. Sorted by path. */
  readonly changedFiles?: readonly ChangedFile[];
  /** Exit code and error of the last run, for messages. */
  readonly exitCode: number;
  readonly error: string;
  readonly restartCount: number;
}

export interface DriftHold {
  readonly untilMs: number;
  /** How often it was healed in vain. */
  readonly heals: number;
}

export interface EngineObservation {
  readonly engineId: string;
  /** Containers with our installation label, plus foreign ones that hold one of our names. Sorted by name. */
  readonly containers: readonly ObservedContainer[];
  /** Which of the desired image references the engine has. */
  readonly images: readonly string[];
  /** Spec hash with which each of our containers was last seen as desired, by name: what differs from it was changed. */
  readonly settled?: Readonly<Record<string, string>>;
  /** Containers that somebody else changes again and again, by name, and when they are to be healed once more. */
  readonly holds?: Readonly<Record<string, DriftHold>>;
  /** Whether the manager on this engine answered when it was last asked; absent while that is not known. */
  readonly isServing?: boolean;
}

export interface ClusterObservation {
  /** By node name. An engine that could not be observed is absent and gets no actions. */
  readonly engines: ReadonlyMap<string, EngineObservation>;
}
