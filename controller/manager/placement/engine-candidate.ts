// One engine as the scheduler sees it: totals are summed up once, what few requests ask for is read when it is asked for.
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../../base/json.js';
import type { CachedContainer, PooledEngine } from '../../engine/cluster-view.js';
import { reservationLabels } from '../../engine/container-row.js';
import type {
  Candidate,
  CandidateContainer,
  CandidateImage,
  CandidatePort,
} from '../../schedule/candidate.js';
import { readDevices, type DeviceWish } from '../../schedule/device-request.js';
import { readEngineDevices, type EngineDevices } from '../../schedule/engine-devices.js';
import { heldPorts } from '../../schedule/host-ports.js';
import { claimedPorts, parseReservedPorts, type ReservedPorts } from '../../schedule/reserved-ports.js';
import { withOvercommit } from './overcommit.js';

export interface EngineCandidateParts {
  readonly engine: PooledEngine;
  readonly rows: readonly CachedContainer[];
  /** Creates under way on it. */
  readonly pending: readonly CandidateContainer[];
  /** Fraction of CPUs and memory handed out beyond what the engine has. */
  readonly overcommit: number;
  readonly imagesOf: (address: string) => readonly CandidateImage[];
}

/** Immutable, but for images: those are the ones the engine has when they are read. */
export class EngineCandidate implements Candidate {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly healthIndicator: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly usedCpus: number;
  readonly usedMemoryBytes: number;
  readonly containerCount: number;
  /** Newest API version that the engine speaks; undefined until it has said. */
  readonly apiVersion: string | undefined;
  readonly #rows: readonly CachedContainer[];
  readonly #pending: readonly CandidateContainer[];
  readonly #imagesOf: (address: string) => readonly CandidateImage[];
  readonly #info: JsonObject;
  #devices: EngineDevices | undefined;
  #containers: readonly CandidateContainer[] | undefined;
  #hostPorts: ReadonlyMap<number, readonly CandidatePort[]> | undefined;

  constructor({ engine, rows, pending, overcommit, imagesOf }: EngineCandidateParts) {
    this.id = engine.id;
    this.name = engine.name;
    this.address = engine.address;
    this.healthIndicator = healthOf(engine);
    this.labels = engine.specs?.labels ?? {};
    this.cpus = withOvercommit(engine.specs?.cpus ?? 0, overcommit);
    this.memoryBytes = withOvercommit(engine.specs?.memoryBytes ?? 0, overcommit);
    let usedCpus = 0;
    let usedMemoryBytes = 0;
    for (const part of [rows, pending]) {
      for (const { cpus, memoryBytes } of part) {
        usedCpus += cpus;
        usedMemoryBytes += memoryBytes;
      }
    }
    this.usedCpus = usedCpus;
    this.usedMemoryBytes = usedMemoryBytes;
    this.containerCount = rows.length + pending.length;
    this.apiVersion = engine.specs?.apiVersion;
    this.#info = engine.specs?.info ?? {};
    this.#rows = rows;
    this.#pending = pending;
    this.#imagesOf = imagesOf;
  }

  get containers(): readonly CandidateContainer[] {
    this.#containers ??= [...this.#rows.map(asCandidateContainer), ...this.#pending];
    return this.#containers;
  }

  get hostPorts(): ReadonlyMap<number, readonly CandidatePort[]> {
    this.#hostPorts ??= heldPorts(this.containers);
    return this.#hostPorts;
  }

  /** Read when it is asked for: few requests want any. */
  get devices(): EngineDevices {
    this.#devices ??= readEngineDevices(this.#info);
    return this.#devices;
  }

  get images(): readonly CandidateImage[] {
    return this.#imagesOf(this.address);
  }
}

/** 0 for an engine that must not be chosen, whatever its past. */
export function healthOf(engine: PooledEngine): number {
  return engine.state === 'healthy' ? engine.healthIndicator : 0;
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
    devices: devicesOf(container),
  };
}

function devicesOf({ claims, labels }: CachedContainer): DeviceWish | undefined {
  if (claims !== undefined) return readDevices({ ...claims });
  const label = labels[reservationLabels.devices];
  if (label === undefined) return undefined;
  try {
    return readDevices({ DeviceRequests: JSON.parse(label) as unknown });
  } catch {
    return undefined;
  }
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
