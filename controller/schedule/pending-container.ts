// A container whose creation is under way, as the next decision must see it: it holds its name, ports and resources.
import type { Candidate, CandidateContainer } from './candidate.js';
import { asPort, choosePorts } from './host-ports.js';
import type { PlacementRequest } from './placement-request.js';

export interface PendingOptions {
  readonly request: PlacementRequest;
  /** The engine it was placed on. */
  readonly candidate: Candidate;
  /** Unique while it is pending; not an engine's container ID. */
  readonly id: string;
  /** Without a slash; absent when the engine chooses. */
  readonly name?: string;
}

/** The container `request` will become on `candidate`. */
export function pendingContainer({ request, candidate, id, name }: PendingOptions): CandidateContainer {
  return {
    id,
    names: name === undefined || name === '' ? [] : [name],
    image: request.image,
    imageId: '',
    labels: request.labels,
    state: 'pending',
    ports: choosePorts(candidate, request.ports).flatMap(({ request: port, port: chosen }) =>
      chosen === undefined ? [] : [asPort(port, chosen)],
    ),
    networkMode: request.networkMode,
    exposedPorts: request.hostPorts,
    memoryBytes: request.memoryBytes,
    cpus: request.cpus,
    devices: request.devices,
  };
}
