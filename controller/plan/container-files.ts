// Where the files of our containers live inside them, and what is in them.
import type { AgentRole } from '../api/agent-role.js';
import type { ClusterCredentials } from './credentials.js';
import type { ContainerFile } from './desired-container.js';
import { isManager, isWorker, type ResolvedNode } from './resolved-node.js';

/** Every file of ours lies below. */
export const filesRoot = '/etc/swarm';

export const containerPaths = {
  ca: `${filesRoot}/tls/ca.pem`,
  cert: `${filesRoot}/tls/cert.pem`,
  key: `${filesRoot}/tls/key.pem`,
  /** The discovery URL. It holds the token, so it is a file and not an argument. */
  discovery: `${filesRoot}/discovery`,
  /** Where a token service keeps its entries. */
  leases: `${filesRoot}/leases.json`,
  /** Where a manager keeps what it must know after a restart: drained nodes, containers of engines that are down. */
  state: `${filesRoot}/state`,
  /** Where a manager keeps what it needs to reschedule containers. */
  managerState: `${filesRoot}/state`,
  engines: `${filesRoot}/engines/engines.json`,
} as const;

/** Certificates of one container; none when TLS is disabled. @returns undefined when its pair is not known */
export function tlsFiles(
  credentials: ClusterCredentials,
  { node, role }: { readonly node: string; readonly role: AgentRole },
): readonly ContainerFile[] | undefined {
  if (credentials.tls === undefined) return [];
  const pair = credentials.tls.pairFor(node, role);
  if (pair === undefined) return undefined;
  return [
    { path: containerPaths.ca, mode: 0o644, content: credentials.tls.caPem },
    { path: containerPaths.cert, mode: 0o644, content: pair.certPem },
    { path: containerPaths.key, mode: 0o600, content: pair.keyPem },
  ];
}

export function discoveryFile(url: string): ContainerFile {
  return { path: containerPaths.discovery, mode: 0o600, content: `${url}\n` };
}

/**
 * How a manager trusts each engine, and whether it may place containers there: `engines.json`, keyed by the address discovery lists, and the PEM files it names,
 * which lie beside it. The entry `*` tells how many managers there are. Engines are not cluster members in TLS terms: each keeps the CA it was made with.
 */
export function engineFiles(nodes: readonly ResolvedNode[]): readonly ContainerFile[] {
  const table: Record<string, Readonly<Record<string, string | boolean | number>>> = {};
  const files: ContainerFile[] = [];
  // Of no engine: managers that are not alone ask each other's engines before they give a name away.
  const managers = nodes.filter(isManager).length;
  if (managers > 1) table['*'] = { managers };
  for (const node of nodes) {
    if (!isWorker(node) || node.entry === undefined) continue;
    const tls = node.engineTls;
    const cordon: Readonly<Record<string, boolean>> = node.isCordoned === true ? { unschedulable: true } : {};
    if (tls === undefined) {
      table[node.entry] = { disabled: true, ...cordon };
      continue;
    }
    if (tls === 'unknown') {
      if (node.isCordoned === true) table[node.entry] = cordon;
      continue;
    }
    const row: Record<string, string> = {};
    const add = (field: string, suffix: string, content: string | undefined, mode: number): void => {
      if (content === undefined) return;
      const name = `${node.name}-${suffix}.pem`;
      row[field] = name;
      files.push({ path: `${filesRoot}/engines/${name}`, mode, content });
    };
    add('caFile', 'ca', tls.ca, 0o644);
    add('certFile', 'cert', tls.cert, 0o644);
    add('keyFile', 'key', tls.key, 0o600);
    if (tls.serverName !== undefined) row['serverName'] = tls.serverName;
    table[node.entry] = { ...row, ...cordon };
  }
  return [
    { path: containerPaths.engines, mode: 0o600, content: `${JSON.stringify(table, null, 2)}\n` },
    ...files,
  ];
}
