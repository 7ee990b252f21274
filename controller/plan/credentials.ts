// The secrets of one cluster that its containers need, as data. Made elsewhere; only copied into files here.
import type { AgentRole } from '../api/agent-role.js';

/** PEM texts, each ending with a newline. */
export interface CertificatePair {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface ClusterCredentials {
  /** Discovery token: 32 hex digits. Whoever has it can join engines. */
  readonly token: string;
  /** Absent with `spec.tls.mode: disabled`. */
  readonly tls?: {
    readonly caPem: string;
    /** Certificate of one of our containers. */
    readonly pairFor: (node: string, role: AgentRole) => CertificatePair | undefined;
  };
}
