// The two kinds as TypeScript sees them. Spec and status types are generated from schemas/*.json.
import type { ClusterSpec, ClusterStatus } from './generated/cluster.js';
import type { NodeSpec, NodeStatus } from './generated/node.js';
import type { Condition } from './conditions.js';

export type { ClusterSpec, ClusterStatus, NodeSpec, NodeStatus };

export const kinds = ['Cluster', 'Node'] as const;
export type Kind = (typeof kinds)[number];

export interface ObjectMeta {
  readonly name: string;
  readonly uid?: string;
  /** Opaque; grows with every change of the store. */
  readonly resourceVersion?: string;
  /** Counter of spec changes, starting at 1. */
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ResourceBase<K extends Kind, Spec, Status> {
  readonly apiVersion: string;
  readonly kind: K;
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
  readonly status?: Status;
}

/** A Cluster or Node whose spec has its defaults filled in. */
export type Cluster = ResourceBase<'Cluster', ClusterSpec, ClusterStatus>;
export type Node = ResourceBase<'Node', NodeSpec, NodeStatus>;
export type Resource = Cluster | Node;

/** The conditions of any object, oldest type first. */
export function conditionsOf(resource: Resource): readonly Condition[] {
  return resource.status?.conditions ?? [];
}
