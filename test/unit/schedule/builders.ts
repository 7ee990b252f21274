// Builders for scheduling tests: a valid candidate, container and request, with one thing changed by each test.
import type { Candidate, CandidateContainer } from '../../../controller/schedule/candidate.js';
import { filterNames } from '../../../controller/schedule/candidate.js';
import { heldPorts } from '../../../controller/schedule/host-ports.js';
import { parsePlacement, type PlacementRequest } from '../../../controller/schedule/placement-request.js';
import { schedule, type Decision, type ScheduleOptions } from '../../../controller/schedule/schedule.js';

export const mebibyte = 1024 ** 2;
export const gibibyte = 1024 ** 3;

export function aContainer(overrides: Partial<CandidateContainer> = {}): CandidateContainer {
  const name = overrides.names?.[0] ?? 'c';
  return {
    id: `${name}-`.padEnd(64, '0'),
    names: [name],
    image: 'busybox',
    imageId: 'sha256:busybox',
    labels: {},
    state: 'running',
    ports: [],
    memoryBytes: 0,
    cpus: 0,
    ...overrides,
  };
}

export function aCandidate(name: string, overrides: Partial<Candidate> = {}): Candidate {
  const containers = overrides.containers ?? [];
  return {
    id: `${name}-ID`,
    name,
    address: `${name}:2376`,
    healthIndicator: 100,
    labels: { ostype: 'linux' },
    cpus: 2,
    memoryBytes: 2 * gibibyte,
    usedCpus: containers.reduce((sum, { cpus }) => sum + cpus, 0),
    usedMemoryBytes: containers.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    containerCount: containers.length,
    containers,
    hostPorts: heldPorts(containers),
    images: [],
    ...overrides,
  };
}

/** `candidate` with one container more, as the next decision sees it. */
export function withContainer(candidate: Candidate, container: CandidateContainer): Candidate {
  const { name, usedCpus, usedMemoryBytes, containers, ...others } = candidate;
  return {
    ...aCandidate(name, { ...others, containers: [...containers, container] }),
    containerCount: containers.length + 1,
    hostPorts: heldPorts([...containers, container]),
    usedCpus: usedCpus + container.cpus,
    usedMemoryBytes: usedMemoryBytes + container.memoryBytes,
  };
}

/** The request of `docker create` with these `-e` entries and HostConfig. */
export function aRequest(env: readonly string[] = [], body: Record<string, unknown> = {}): PlacementRequest {
  return parsePlacement({ Image: 'busybox', Env: [...env], ...body }).request;
}

export function decide(
  candidates: readonly Candidate[],
  request: PlacementRequest,
  options: Partial<ScheduleOptions> = {},
): Decision {
  return schedule({
    request,
    candidates,
    strategy: 'spread',
    filters: filterNames,
    random: () => 0.5,
    ...options,
  });
}

/** Names in order, or the lines of the refusal. */
export function outcome(decision: Decision): readonly string[] {
  return decision.type === 'placed' ? decision.ranked.map(({ name }) => name) : decision.message.split('\n');
}
