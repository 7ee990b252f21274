// The host ports a container was created with, as a label value: lists show ports of running containers only, and never
// the exposed ports of one in the host's network, yet both keep others away.
import { isJsonObject, objectAt, tryParseJson, stringAt, type JsonObject } from '../base/json.js';
import type { CandidateContainer, CandidatePort } from './candidate.js';
import { asPort } from './host-ports.js';
import type { PlacementRequest } from './placement-request.js';
import { readHostPorts, readPorts, type PortRequest } from './port-request.js';

export type ReservedPorts = Pick<CandidateContainer, 'ports' | 'exposedPorts'>;

/** Fixed host ports, and exposed ones in network mode `host`. @returns undefined when there are none */
export function formatReservedPorts(request: PlacementRequest): string | undefined {
  const ports = fixedPorts(request.ports);
  const exposed = request.networkMode === 'host' ? request.hostPorts : [];
  return ports.length + exposed.length === 0 ? undefined : JSON.stringify({ ports, exposed });
}

/** The same from a configuration as a create body has it; random and ranged host ports are those of the running container. */
export function claimedPorts(claims: JsonObject): ReservedPorts {
  const exposedPorts = readHostPorts(claims);
  return {
    ports: fixedPorts(readPorts(claims)),
    ...(exposedPorts.length > 0 ? { exposedPorts } : {}),
  };
}

function fixedPorts(ports: readonly PortRequest[]): readonly CandidatePort[] {
  return ports
    .filter(({ firstPort, lastPort }) => firstPort === lastPort)
    .map((port) => asPort(port, port.firstPort));
}

/** Reads the label value; nothing where it is absent or not ours (labels can be copied by `docker commit`). */
export function parseReservedPorts(text: string | undefined): ReservedPorts {
  const value = tryParseJson(text);
  const { ports, exposed } = isJsonObject(value) ? value : {};
  const exposedPorts = listOf(exposed).filter((port) => typeof port === 'string');
  return { ports: listOf(ports).flatMap(readPort), ...(exposedPorts.length > 0 ? { exposedPorts } : {}) };
}

function readPort(port: unknown): CandidatePort[] {
  const { publicPort, privatePort } = objectAt({ port }, 'port');
  if (typeof publicPort !== 'number' || typeof privatePort !== 'number') return [];
  return [
    {
      publicPort,
      privatePort,
      protocol: stringAt(port, 'protocol') ?? 'tcp',
      ip: stringAt(port, 'ip') ?? '',
    },
  ];
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
