// Which host ports the containers of an engine hold, and which free port a request would take there.
import type { Candidate, CandidateContainer, CandidatePort } from './candidate.js';
import type { PortRequest } from './port-request.js';

/** A request with the port it takes on one engine; undefined when every port it would accept is held. */
export interface PortChoice {
  readonly request: PortRequest;
  readonly port: number | undefined;
}

/**
 * Chooses a port for each request on `candidate`: a fixed one is itself, a range its lowest port that is free and not
 * chosen before. Requests whose range ends first choose first, so that a choice exists whenever one is possible.
 */
export function choosePorts(candidate: Candidate, requests: readonly PortRequest[]): readonly PortChoice[] {
  const chosen: CandidatePort[] = [];
  return [...requests]
    .sort((a, b) => a.lastPort - b.lastPort || a.firstPort - b.firstPort)
    .map((request) => {
      const isFree = (port: number): boolean => {
        const taken = candidate.hostPorts.get(port) ?? [];
        return ![...taken, ...chosen.filter(({ publicPort }) => publicPort === port)].some((other) =>
          overlaps(request, other),
        );
      };
      const port = firstFree(request, isFree);
      if (port !== undefined && request.firstPort < request.lastPort) chosen.push(asPort(request, port));
      return { request, port };
    });
}

/** Whether `choosePorts` finds a port for each request; fixed ports, which most requests are, cost no list. */
export function hasFreePorts(candidate: Candidate, requests: readonly PortRequest[]): boolean {
  for (const request of requests) {
    if (request.firstPort !== request.lastPort)
      return choosePorts(candidate, requests).every(({ port }) => port !== undefined);
    const taken = candidate.hostPorts.get(request.firstPort);
    if (taken?.some((other) => overlaps(request, other)) === true) return false;
  }
  return true;
}

/** A request as the port a container holds once it has been created. */
export function asPort({ privatePort, protocol, hostIp }: PortRequest, publicPort: number): CandidatePort {
  return { publicPort, privatePort, protocol, ip: hostIp };
}

/** Whether this container keeps its host ports: all do that exist for good, running or not. */
export function holdsPorts({ state }: CandidateContainer): boolean {
  return state !== 'dead' && state !== 'removing';
}

function firstFree(
  { firstPort, lastPort }: PortRequest,
  isFree: (port: number) => boolean,
): number | undefined {
  for (let port = firstPort; port <= lastPort; port += 1) if (isFree(port)) return port;
  return undefined;
}

/** The ports that these containers hold on the host, by number. */
export function heldPorts(
  containers: readonly CandidateContainer[],
): ReadonlyMap<number, readonly CandidatePort[]> {
  const held = new Map<number, CandidatePort[]>();
  for (const container of containers) {
    if (!holdsPorts(container)) continue;
    for (const port of container.ports) {
      if (port.publicPort === undefined) continue;
      const before = held.get(port.publicPort);
      if (before === undefined) held.set(port.publicPort, [port]);
      else before.push(port);
    }
  }
  return held;
}

function overlaps(request: PortRequest, other: CandidatePort): boolean {
  if (request.protocol !== other.protocol) return false;
  const otherIp = other.ip ?? '';
  return request.hostIp === otherIp || covers(request.hostIp, otherIp) || covers(otherIp, request.hostIp);
}

/** `::` is every address of both families where an engine listens with one socket, as older ones do. */
function covers(ip: string, other: string): boolean {
  return ip === '' || ip === '::' || (ip === '0.0.0.0' && !(other.includes(':') && other !== '::'));
}
