// What the scheduler needs to know of a container to be created, read from the body of POST /containers/create.
import type { CpuSharesMeaning } from '../api/cpu-shares.js';
import { SwarmError } from '../base/errors.js';
import { objectAt, stringAt, type JsonObject } from '../base/json.js';
import { readDevices, type DeviceWish } from './device-request.js';
import { readDependencies, type Dependency } from './dependency-request.js';
import { reschedulePolicies, takeDirectives, type Directives, type ReschedulePolicy } from './directives.js';
import { parseExpression, type Expression } from './expression.js';
import { readHostPorts, readPorts, type PortRequest } from './port-request.js';
import { readResources } from './resource-request.js';

export interface PlacementRequest {
  readonly constraints: readonly Expression[];
  readonly affinities: readonly Expression[];
  readonly whitelists: readonly Expression[];
  /** At most one. */
  readonly reschedulePolicies: readonly ReschedulePolicy[];
  readonly memoryBytes: number;
  /** 1 = one CPU. */
  readonly cpus: number;
  /** GPUs and other devices; absent: none. */
  readonly devices?: DeviceWish;
  /** Host ports to publish; those left to the engine's choice are not listed. */
  readonly ports: readonly PortRequest[];
  /** Exposed ports (`80/tcp`) of a container in network mode `host`; empty in other modes. */
  readonly hostPorts: readonly string[];
  /** Containers that must be on the same engine. */
  readonly dependencies: readonly Dependency[];
  readonly image: string;
  readonly networkMode: string;
  /** Labels as they will be on the container, directives included. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface ParseOptions {
  /** What HostConfig.CpuShares means. Default `weight`. */
  readonly cpuShares?: CpuSharesMeaning;
}

/**
 * Reads the directives, resources, ports and dependencies of a create body.
 * @returns the request, and the body to send on: directives moved from `Env` to labels, all else untouched. The
 *   given body is not changed
 * @throws {PLACEMENT_INVALID} for expressions that do not parse (all of them are named) and for reschedule policies
 */
export function parsePlacement(
  body: JsonObject,
  options: ParseOptions = {},
): { readonly request: PlacementRequest; readonly body: JsonObject } {
  const taken = takeDirectives(body);
  const { directives } = taken;
  const problems: string[] = [];
  const read = (kind: string, texts: readonly string[]): readonly Expression[] =>
    texts.flatMap((text) => {
      const parsed = parseExpression(text);
      if (!('problem' in parsed)) return [parsed];
      problems.push(`${kind} "${text}": ${parsed.problem}`);
      return [];
    });
  const affinities = read('affinity', directives.affinities);
  const constraints = read('constraint', directives.constraints);
  const whitelists = read('whitelist', directives.whitelists);
  if (problems.length > 0) throw new SwarmError('PLACEMENT_INVALID', `Cannot read ${problems.join('; ')}`);
  const hostConfig = objectAt(taken.body, 'HostConfig');
  const devices = readDevices(hostConfig);
  const networkMode = stringAt(hostConfig, 'NetworkMode') ?? '';
  const request: PlacementRequest = {
    constraints,
    affinities,
    whitelists,
    reschedulePolicies: readReschedulePolicies(directives),
    ...readResources(taken.body, options.cpuShares ?? 'weight'),
    ...(devices === undefined ? {} : { devices }),
    // In network mode `host` an engine ignores bindings: the container has the host's own ports.
    ports: networkMode === 'host' ? [] : readPorts(hostConfig),
    hostPorts: networkMode === 'host' ? readHostPorts(taken.body) : [],
    dependencies: readDependencies(hostConfig),
    image: stringAt(taken.body, 'Image') ?? '',
    networkMode,
    labels: stringEntries(objectAt(taken.body, 'Labels')),
  };
  return { request, body: taken.body };
}

function readReschedulePolicies({ reschedulePolicies: given }: Directives): readonly ReschedulePolicy[] {
  if (given.length > 1) throw new SwarmError('PLACEMENT_INVALID', 'too many reschedule policies');
  return given.map((text) => {
    const policy = reschedulePolicies.find((known) => known === text);
    if (policy === undefined) {
      throw new SwarmError('PLACEMENT_INVALID', `invalid reschedule policy: ${text}`);
    }
    return policy;
  });
}

function stringEntries(labels: JsonObject): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(labels).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
