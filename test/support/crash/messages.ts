// What an operator that is to be killed and its parent process say to each other.
import type { Resource } from '../../../controller/api/resources.js';
import type { KillPoint, Moment } from './killing-wire.js';

/** Tells which step a manifest is of. */
export const stepAnnotation = 'test.example.com/step';

export interface KilledOperatorOptions {
  readonly stateDirectory: string;
  readonly manifestsDirectory: string;
  readonly point?: KillPoint;
  /** Gets the instant at which it was killed. */
  readonly killFile: string;
}

export type Wish =
  | { readonly type: 'apply'; readonly object: Resource }
  /** The deletion of a Cluster, once it is held. */
  | { readonly type: 'approve'; readonly cluster: string };

export type Message =
  | { readonly type: 'look' }
  /** Changes are about to come, in which it is to be killed. */
  | { readonly type: 'arm'; readonly point: KillPoint | undefined }
  /** The manifests have changed. */
  | { readonly type: 'rescan' }
  | Wish;

export type Told =
  | { readonly type: 'started' }
  /** One line for each object: `Node n1 of create: True`, with what its manifest is marked with and its condition Ready. */
  | {
      readonly type: 'objects';
      readonly lines: readonly string[];
      readonly counts: Readonly<Record<Moment, number>>;
    };
