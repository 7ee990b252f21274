// A Node with everything looked up that its manifest only refers to: the input of the desired state.
import type { HostPort } from '../api/engine-address.js';
import type { NodeSpec } from '../api/resources.js';

/** TLS material towards an engine, as PEM text. */
export interface ResolvedEngineTls {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
  readonly serverName?: string;
}

export interface ResolvedNode {
  readonly name: string;
  readonly roles: NodeSpec['roles'];
  /** Being deleted: nothing is desired on it any more. */
  readonly isDeleting: boolean;
  /** Takes no new containers. */
  readonly isCordoned?: boolean;
  /** In place of the cluster's. */
  readonly driftPolicy?: 'Heal' | 'Report';
  /** Where the operator reaches the engine; absent while that is not known. */
  readonly address?: HostPort;
  /** `host:port` under which managers reach the engine and discovery lists it. */
  readonly entry?: string;
  /** Absent: plain TCP. unknown: the files it is in cannot be read now. */
  readonly engineTls?: ResolvedEngineTls | 'unknown';
}

export function isManager(node: ResolvedNode): boolean {
  return node.roles.includes('manager') && !node.isDeleting;
}

export function isWorker(node: ResolvedNode): boolean {
  return node.roles.includes('worker') && !node.isDeleting;
}
