// The desired side of a plan: every container a cluster should have, as deterministic data.
import { formatHostPort } from '../api/engine-address.js';
import { agentRoles, managerVolumeName, type AgentRole } from '../api/agent-role.js';
import type { Cluster } from '../api/resources.js';
import { containerPaths, discoveryFile, engineFiles, tlsFiles } from './container-files.js';
import type { ClusterCredentials } from './credentials.js';
import { desireContainer, type ContainerFile, type DesiredContainer } from './desired-container.js';
import { discoveryUrl, runsJoinContainers, runsTokenService } from './discovery-url.js';
import { isManager, isWorker, type ResolvedNode } from './resolved-node.js';
import { discoveryCommand, joinCommand, manageBinds, manageCommand } from './role-commands.js';

export interface DesiredCluster {
  readonly installation: string;
  readonly name: string;
  /** Names of the cluster's nodes, sorted: containers of ours on other nodes are not this plan's business. */
  readonly nodes: readonly string[];
  /** Image of all containers, and how it gets into an engine that lacks it. */
  readonly image: DesiredImage;
  readonly maxUnavailable: number;
  /** Sorted by node, then discovery, manage, join. */
  readonly containers: readonly DesiredContainer[];
}

export interface DesiredImage {
  readonly reference: string;
  /** archive: loaded from an archive of the operator; registry: the engine pulls it. */
  readonly source: 'archive' | 'registry';
}

export interface DesireOptions {
  readonly installation: string;
  readonly cluster: Cluster;
  /** Nodes that name the cluster, in any order. */
  readonly nodes: readonly ResolvedNode[];
  readonly image: DesiredImage;
  /** Absent for a look ahead that must not make any: files are then not compared. */
  readonly credentials?: ClusterCredentials;
}

/** What the cluster should consist of. Nothing, when it is being deleted. */
export function desireCluster(options: DesireOptions): DesiredCluster {
  return desireEach(options, containersOf);
}

/** What the containers of a node are made from beside the node itself; `nodes` only matter to managers. */
export interface Shared extends DesireOptions {
  /** Absent without credentials. */
  readonly url?: string;
}

/** @param containersOn those of one node; like `containersOf` */
export function desireEach(options: DesireOptions, containersOn: typeof containersOf): DesiredCluster {
  const { cluster, installation, image, credentials } = options;
  const nodes = [...options.nodes].sort((a, b) => (a.name < b.name ? -1 : 1));
  const isDeleting = cluster.metadata.deletionTimestamp !== undefined;
  // Without any manager there is nothing to register with; an empty list keeps the process waiting instead of failing.
  const url = credentials && (discoveryUrl(cluster, { nodes, token: credentials.token }) ?? 'nodes://');
  const shared = { ...options, nodes, ...(url === undefined ? {} : { url }) };
  return {
    installation,
    name: cluster.metadata.name,
    nodes: nodes.map((node) => node.name),
    image,
    maxUnavailable: cluster.spec.updateStrategy.maxUnavailable,
    containers: isDeleting ? [] : nodes.flatMap((node) => containersOn(node, shared)),
  };
}

export function containersOf(node: ResolvedNode, options: Shared): readonly DesiredContainer[] {
  return agentRoles.flatMap((role) => {
    const command = commandFor(node, role, options);
    if (command === undefined) return [];
    const binds = role === 'manage' ? manageBinds(options.cluster) : undefined;
    return [
      desireContainer({
        installation: options.installation,
        cluster: options.cluster.metadata.name,
        node: node.name,
        role,
        image: options.image.reference,
        command,
        ...(binds === undefined ? {} : { binds }),
        ...(role === 'manage' ? { volume: managerVolume(options.cluster) } : {}),
        files: filesFor(node, role, options),
        driftPolicy: node.driftPolicy ?? options.cluster.spec.driftPolicy,
      }),
    ];
  });
}

function managerVolume({ metadata }: Cluster): { readonly name: string; readonly target: string } {
  return { name: managerVolumeName(metadata.name), target: containerPaths.state };
}

/** @returns undefined when the node does not have this role, or its address is not known yet */
function commandFor(
  node: ResolvedNode,
  role: AgentRole,
  options: DesireOptions,
): readonly string[] | undefined {
  const { cluster } = options;
  if (node.address === undefined || node.entry === undefined) return undefined;
  switch (role) {
    case 'discovery':
      return isManager(node) && runsTokenService(cluster) ? discoveryCommand(cluster) : undefined;
    case 'manage':
      return isManager(node) ? manageCommand(cluster, options) : undefined;
    case 'join':
      return isWorker(node) && runsJoinContainers(cluster) ? joinCommand(cluster, node.entry) : undefined;
  }
}

function filesFor(
  node: ResolvedNode,
  role: AgentRole,
  { nodes, credentials, url }: Shared,
): readonly ContainerFile[] | undefined {
  if (credentials === undefined || url === undefined) return undefined;
  const tls = tlsFiles(credentials, { node: node.name, role });
  if (tls === undefined) return undefined;
  if (role === 'discovery') return tls;
  const files = [...tls, discoveryFile(url)];
  return role === 'manage' ? [...files, ...engineFiles(nodes)] : files;
}

/** The value for DOCKER_HOST: the first manager's address. */
export function managerEndpoint(cluster: Cluster, node: ResolvedNode): string | undefined {
  return (
    node.address && `tcp://${formatHostPort({ host: node.address.host, port: cluster.spec.manager.port })}`
  );
}
