// One container as it must be: Docker create body, files to copy in, and a hash of each. Decides nothing.
import { createHash } from 'node:crypto';
import { agentContainerName, type AgentRole } from '../api/agent-role.js';
import { containerLabels } from '../api/labels.js';
import { canonicalJson, type JsonObject } from '../base/json.js';

/** A file copied into the created container before its start. Its content may be secret: never print it. */
export interface ContainerFile {
  /** Absolute path inside the container. */
  readonly path: string;
  readonly mode: number;
  readonly content: string;
}

export interface DesiredContainer {
  readonly node: string;
  readonly role: AgentRole;
  readonly name: string;
  readonly image: string;
  /** Body of the Docker create call, labels included. */
  readonly body: JsonObject;
  /** Hash of everything that needs a new container when it changes; the files are not part of it. */
  readonly specHash: string;
  /** Sorted by path. undefined: not known to this plan, so they are not compared. */
  readonly files: readonly ContainerFile[] | undefined;
  /** Hash of the files; a change is delivered with a signal, without a restart. */
  readonly filesHash: string | undefined;
  /** Report: what others change about it is left as it is. Default: healed. */
  readonly driftPolicy?: 'Report';
}

export interface ContainerRequest {
  readonly installation: string;
  readonly cluster: string;
  readonly node: string;
  readonly role: AgentRole;
  readonly image: string;
  readonly command: readonly string[];
  /** Docker bind mounts, `source:target:ro`. */
  readonly binds?: readonly string[];
  /** A named volume, which outlives the container. */
  readonly volume?: { readonly name: string; readonly target: string };
  readonly files: readonly ContainerFile[] | undefined;
  readonly driftPolicy?: 'Heal' | 'Report';
}

/**
 * Memory limits in bytes. discovery and join hold a few kilobytes on top of the runtime (about 60 MiB at rest); a
 * manager caches every object of the fleet, about 3 KiB per container, so this is room for several 100,000.
 */
const memoryLimitBytes: Readonly<Record<AgentRole, number>> = {
  discovery: 256 * 2 ** 20,
  manage: 2 * 2 ** 30,
  join: 256 * 2 ** 20,
};

/** The runtime has about a dozen threads; the limit only stops a runaway. */
const pidsLimit = 256;

/** Adds to a role's command everything that all our containers share, and computes the hashes. */
export function desireContainer(request: ContainerRequest): DesiredContainer {
  const { installation, cluster, node, role, image } = request;
  const labels = {
    [containerLabels.installation]: installation,
    [containerLabels.cluster]: cluster,
    [containerLabels.node]: node,
    [containerLabels.role]: role,
  };
  const body = {
    Image: image,
    Cmd: [...request.command],
    Labels: labels,
    HostConfig: {
      // Managers and heartbeats speak to engines of other machines under the host's own addresses.
      NetworkMode: 'host',
      RestartPolicy: { Name: 'always' },
      // The files are copied into the container's own layer, so that they die with it; a read-only root would need a
      // volume, and a volume with private keys survives a `docker rm -f`.
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      Memory: memoryLimitBytes[role],
      PidsLimit: pidsLimit,
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
      ...(request.binds === undefined ? {} : { Binds: [...request.binds] }),
      ...(request.volume === undefined ? {} : { Mounts: [volumeMount(request.volume, labels)] }),
    },
  };
  const specHash = hashOf(body);
  const files = request.files && [...request.files].sort((a, b) => (a.path < b.path ? -1 : 1));
  return {
    node,
    role,
    name: agentContainerName(cluster, role),
    image,
    body: { ...body, Labels: { ...labels, [containerLabels.specHash]: specHash } },
    specHash,
    files,
    filesHash: files && hashOf(files),
    ...(request.driftPolicy === 'Report' ? { driftPolicy: 'Report' } : {}),
  };
}

function volumeMount(
  { name, target }: { readonly name: string; readonly target: string },
  labels: Readonly<Record<string, string>>,
): JsonObject {
  return { Type: 'volume', Source: name, Target: target, VolumeOptions: { Labels: labels } };
}

/** The first 16 hex digits (64 bits) of the sha256 of the canonical JSON: short enough to read in a label. */
function hashOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, 16);
}

export function containersByNode(
  containers: readonly DesiredContainer[],
): ReadonlyMap<string, readonly DesiredContainer[]> {
  const nodes = new Map<string, DesiredContainer[]>();
  for (const container of containers) {
    const there = nodes.get(container.node);
    if (there === undefined) nodes.set(container.node, [container]);
    else there.push(container);
  }
  return nodes;
}
