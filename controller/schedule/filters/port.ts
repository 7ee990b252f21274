// Filter port: keeps engines where every requested host port is free.
import type { Candidate } from '../candidate.js';
import type { Filter, Reason } from '../filter.js';
import { choosePorts, hasFreePorts, holdsPorts } from '../host-ports.js';
import type { PlacementRequest } from '../placement-request.js';
import type { PortRequest } from '../port-request.js';

export function portFilter({ ports, hostPorts }: PlacementRequest): Filter {
  const asked = [
    ...hostPorts.map((key) => `port ${key} (Host mode)`),
    ...ports.map((port) => `port ${formatPort(port)} (Bridge mode)`),
  ];
  const keeps: Filter['keeps'] = (candidate) =>
    (hostPorts.length === 0 || busyHostPorts(candidate, hostPorts).length === 0) &&
    hasFreePorts(candidate, ports);
  return {
    name: 'port',
    isNeeded: asked.length > 0,
    keeps,
    tests: [{ key: `port ${JSON.stringify([hostPorts, ports])}`, keeps }],
    explain: (candidate) =>
      explainBusy([
        ...busyHostPorts(candidate, hostPorts),
        ...busyPorts(candidate, ports).map((port) => formatPort(port)),
      ]),
    ...(asked.length > 0 ? { condition: asked.join(' ') } : {}),
    preferences: [],
    notes: [],
  };
}

function busyPorts(candidate: Candidate, ports: readonly PortRequest[]): readonly PortRequest[] {
  if (ports.length === 0) return [];
  return choosePorts(candidate, ports)
    .filter(({ port }) => port === undefined)
    .map(({ request }) => request);
}

/** Exposed ports that another container in network mode `host` exposes as well. */
function busyHostPorts({ containers }: Candidate, hostPorts: readonly string[]): readonly string[] {
  return hostPorts.filter((key) =>
    containers.some(
      (container) =>
        container.networkMode === 'host' &&
        holdsPorts(container) &&
        container.exposedPorts?.includes(key) === true,
    ),
  );
}

function explainBusy(busy: readonly string[]): Reason {
  const ports = `port${busy.length > 1 ? 's' : ''} ${busy.join(', ')}`;
  return {
    one: `has a container that holds ${ports}`,
    many: `have a container that holds ${ports}`,
    hint: 'docker ps -a --format "{{.Names}} {{.Ports}}" shows the holders',
  };
}

// Classic swarm printed the bare number; protocols it could not tell apart are named.
function formatPort({ text, protocol }: PortRequest): string {
  return protocol === 'tcp' ? text : `${text}/${protocol}`;
}
