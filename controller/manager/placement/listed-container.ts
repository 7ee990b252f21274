// A container of the cache as the scheduler sees it: what few requests ask for is read from its entry when it is asked for.
import { isJsonObject, objectAt, stringAt } from '../../base/json.js';
import type { CachedContainer } from '../../engine/cluster-view.js';
import { reservationLabels } from '../../engine/container-row.js';
import type { CandidateContainer, CandidatePort } from '../../schedule/candidate.js';
import { readDevices, type DeviceWish } from '../../schedule/device-request.js';
import { claimedPorts, parseReservedPorts, type ReservedPorts } from '../../schedule/reserved-ports.js';

export class ListedContainer implements CandidateContainer {
  readonly id: string;
  readonly names: readonly string[];
  readonly image: string;
  readonly imageId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: string;
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly #row: CachedContainer;
  #ports: readonly CandidatePort[] | undefined;

  constructor(row: CachedContainer) {
    this.#row = row;
    this.id = row.id;
    this.names = row.names;
    this.image = row.image;
    this.imageId = row.imageId;
    this.labels = row.labels;
    this.state = row.state;
    this.memoryBytes = row.memoryBytes;
    this.cpus = row.cpus;
  }

  get ports(): readonly CandidatePort[] {
    this.#ports ??= [...listedPorts(this.#row.summary['Ports']), ...reservedPortsOf(this.#row).ports];
    return this.#ports;
  }

  get networkMode(): string | undefined {
    return stringAt(objectAt(this.#row.summary, 'HostConfig'), 'NetworkMode');
  }

  get exposedPorts(): readonly string[] | undefined {
    return reservedPortsOf(this.#row).exposedPorts;
  }

  get devices(): DeviceWish | undefined {
    return devicesOf(this.#row);
  }
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
