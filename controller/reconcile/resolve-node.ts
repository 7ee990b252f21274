// From a Node's manifest to a way to its engine: address, TLS material read from disk, or what is wrong with them.
import path from 'node:path';
import { formatHostPort, parseTcpAddress, type HostPort } from '../api/engine-address.js';
import type { Cluster, Node } from '../api/resources.js';
import { SwarmError, toSwarmError } from '../base/errors.js';
import type { EngineEndpoint, EngineTls } from '../engine/endpoint.js';
import type { ResolvedNode } from '../plan/resolved-node.js';
import type { MachinePort } from './machine-port.js';
import { readTls } from './read-tls.js';

export interface NodeResolution {
  /** As much as is known, also when there is an error. */
  readonly resolved: ResolvedNode;
  /** Absent when there is an error. */
  readonly endpoint?: EngineEndpoint;
  readonly error?: SwarmError;
}

/** Looks everything up anew. Never rejects: what is wrong is part of the answer. */
export async function resolveNode(
  node: Node,
  options: { readonly cluster: Cluster | undefined; readonly machines: MachinePort },
): Promise<NodeResolution> {
  const { name } = node.metadata;
  const base = {
    name,
    roles: node.spec.roles,
    isCordoned: node.spec.unschedulable,
    ...(node.spec.driftPolicy === undefined ? {} : { driftPolicy: node.spec.driftPolicy }),
    isDeleting: node.metadata.deletionTimestamp !== undefined,
  };
  let address: HostPort | undefined;
  const place = (): Pick<ResolvedNode, 'address' | 'entry'> =>
    address === undefined ? {} : { address, entry: node.spec.advertise ?? formatHostPort(address) };
  try {
    address = await addressOf(node, options.machines);
    const tls = await tlsOf(node, options);
    return {
      resolved: { ...base, ...place(), ...(tls === undefined ? {} : { engineTls: tls }) },
      endpoint: { name, address, ...(tls === undefined ? {} : { tls }) },
    };
  } catch (error) {
    return { resolved: { ...base, ...place(), engineTls: 'unknown' }, error: toSwarmError(error) };
  }
}

async function addressOf(node: Node, machines: MachinePort): Promise<HostPort> {
  const { engine } = node.spec;
  if (engine === undefined) return (await machines.endpoint(machineName(node))).address;
  const address = parseTcpAddress(engine.address);
  if (address !== undefined) return address;
  throw new SwarmError(
    'MANIFEST_INVALID',
    `Cannot use node "${node.metadata.name}": spec.engine.address must be tcp://host:port, got "${engine.address}"`,
  );
}

/** @returns undefined for plain TCP, which has to be asked for in so many words */
async function tlsOf(
  node: Node,
  { cluster, machines }: { readonly cluster: Cluster | undefined; readonly machines: MachinePort },
): Promise<EngineTls | undefined> {
  const wish = node.spec.engine?.tls;
  if (wish?.mode === 'disabled') return undefined;
  // Engines whose credentials are one object share what is made of them.
  const named = (tls: EngineTls): EngineTls =>
    wish?.serverName === undefined ? tls : { ...tls, serverName: wish.serverName };
  if (wish?.caFile !== undefined)
    return named(await readTls({ ca: wish.caFile, cert: wish.certFile, key: wish.keyFile }));
  if (node.spec.machine !== undefined) {
    const { tls } = await machines.endpoint(machineName(node));
    return tls && named(tls);
  }
  const directory = cluster?.spec.tls.mode === 'hostPath' ? cluster.spec.tls.hostPath : undefined;
  if (directory !== undefined) {
    const file = (name: string): string => path.join(directory, name);
    return named(await readTls({ ca: file('ca.pem'), cert: file('cert.pem'), key: file('key.pem') }));
  }
  throw new SwarmError(
    'CREDENTIALS_INVALID',
    `Cannot connect to engine "${node.metadata.name}": spec.engine.tls names no files and its cluster has no tls.hostPath`,
    {
      hint: 'Set caFile, certFile and keyFile in spec.engine.tls, or mode: disabled for an engine without TLS',
    },
  );
}

export function machineName(node: Node): string {
  return node.spec.machine?.name ?? node.metadata.name;
}
