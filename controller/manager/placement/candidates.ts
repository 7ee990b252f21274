// The cluster as the scheduler sees it now: every validated engine with its containers, images and pending creates.
import { isJsonObject, objectAt, stringAt } from '../../base/json.js';
import type { CachedContainer, CachedObject, ClusterView, PooledEngine } from '../../engine/cluster-view.js';
import { reservationLabels } from '../../engine/container-row.js';
import type { Candidate, CandidateContainer, CandidatePort } from '../../schedule/candidate.js';
import { withContainer } from '../../schedule/pending-container.js';
import { claimedPorts, parseReservedPorts, type ReservedPorts } from '../../schedule/reserved-ports.js';
import { repoDigests, repoTags } from '../image-reference.js';

type Cluster = Pick<ClusterView, 'engines' | 'containersOf' | 'images'>;

/** Creates under way by engine address. */
export type PendingContainers = ReadonlyMap<string, readonly CandidateContainer[]>;

/**
 * @param options.overcommit fraction of CPUs and memory handed out beyond what engines have
 * @param options.only addresses to look at; absent: all
 */
export function listCandidates(
  cluster: Cluster,
  options: {
    readonly pending: PendingContainers;
    readonly overcommit: number;
    readonly only?: ReadonlySet<string> | undefined;
  },
): readonly Candidate[] {
  const images = new Map<string, CachedObject[]>();
  for (const image of cluster.images()) {
    const held = images.get(image.engine.address);
    if (held === undefined) images.set(image.engine.address, [image]);
    else held.push(image);
  }
  return cluster
    .engines()
    .filter((engine) => engine.id !== '' && (options.only?.has(engine.address) ?? true))
    .map((engine) => {
      const candidate = asCandidate(engine, {
        containers: cluster.containersOf(engine).map(asCandidateContainer),
        images: images.get(engine.address) ?? [],
        overcommit: options.overcommit,
      });
      return (options.pending.get(engine.address) ?? []).reduce(withContainer, candidate);
    });
}

function asCandidate(
  engine: PooledEngine,
  parts: { containers: readonly CandidateContainer[]; images: readonly CachedObject[]; overcommit: number },
): Candidate {
  const cpus = engine.specs?.cpus ?? 0;
  const memoryBytes = engine.specs?.memoryBytes ?? 0;
  const { containers, overcommit } = parts;
  return {
    id: engine.id,
    name: engine.name,
    address: engine.address,
    healthIndicator: engine.state === 'healthy' ? engine.healthIndicator : 0,
    labels: engine.specs?.labels ?? {},
    cpus: withOvercommit(cpus, overcommit),
    memoryBytes: withOvercommit(memoryBytes, overcommit),
    usedCpus: containers.reduce((sum, container) => sum + container.cpus, 0),
    usedMemoryBytes: containers.reduce((sum, container) => sum + container.memoryBytes, 0),
    containers,
    images: parts.images.map((image) => ({
      id: image.id,
      repoTags: repoTags(image),
      repoDigests: repoDigests(image),
    })),
  };
}

/** The classic's integer arithmetic: whole percents, whole units, so 2 CPUs at 5 % stay 2. */
export function withOvercommit(total: number, overcommit: number): number {
  return total + Math.trunc((total * Math.trunc(overcommit * 100)) / 100);
}

function asCandidateContainer(container: CachedContainer): CandidateContainer {
  const { summary } = container;
  const networkMode = stringAt(objectAt(summary, 'HostConfig'), 'NetworkMode');
  const reserved = reservedPortsOf(container);
  return {
    id: container.id,
    names: container.names,
    image: container.image,
    imageId: container.imageId,
    labels: container.labels,
    state: container.state,
    ports: [...listedPorts(summary['Ports']), ...reserved.ports],
    ...(networkMode === undefined ? {} : { networkMode }),
    ...(reserved.exposedPorts === undefined ? {} : { exposedPorts: reserved.exposedPorts }),
    memoryBytes: container.memoryBytes,
    cpus: container.cpus,
  };
}

/** Held in every state; the inspection is newer than the label, and tells of containers that others made. */
function reservedPortsOf({ claims, labels }: CachedContainer): ReservedPorts {
  if (claims === undefined) return parseReservedPorts(labels[reservationLabels.ports]);
  return claimedPorts({ ...claims });
}

function listedPorts(ports: unknown): CandidatePort[] {
  if (!Array.isArray(ports)) return [];
  return ports.flatMap((port: unknown) => {
    const privatePort = isJsonObject(port) ? port['PrivatePort'] : undefined;
    const publicPort = isJsonObject(port) ? port['PublicPort'] : undefined;
    if (typeof privatePort !== 'number') return [];
    return [
      {
        privatePort,
        protocol: stringAt(port, 'Type') ?? 'tcp',
        ip: stringAt(port, 'IP') ?? '',
        ...(typeof publicPort === 'number' ? { publicPort } : {}),
      },
    ];
  });
}
