// Host ports that a create body asks for.
import { objectAt, stringAt, type JsonObject } from '../base/json.js';

export interface PortRequest {
  readonly privatePort: number;
  /** `tcp`, `udp` or `sctp`. */
  readonly protocol: string;
  /** `''` = every address of the host. */
  readonly hostIp: string;
  /** Any one port of this inclusive range will do; equal for a fixed port. */
  readonly firstPort: number;
  readonly lastPort: number;
  /** HostPort as the user wrote it. */
  readonly text: string;
}

/**
 * Reads HostConfig.PortBindings. An empty HostPort leaves the choice to the engine and never conflicts; one that is
 * no port is left for the engine to refuse.
 */
export function readPorts(hostConfig: JsonObject): readonly PortRequest[] {
  return Object.entries(objectAt(hostConfig, 'PortBindings')).flatMap(([key, bindings]) => {
    const [privatePort = '', protocol = 'tcp'] = key.split('/');
    const list: readonly unknown[] = Array.isArray(bindings) ? bindings : [];
    return list.flatMap((binding) => {
      const text = stringAt(binding, 'HostPort') ?? '';
      const range = parseRange(text);
      if (range === undefined) return [];
      const hostIp = stringAt(binding, 'HostIp') ?? '';
      return [{ privatePort: parsePort(privatePort), protocol, hostIp, ...range, text }];
    });
  });
}

/** Keys of ExposedPorts (`80/tcp`), sorted. */
export function readHostPorts(body: JsonObject): readonly string[] {
  return Object.keys(objectAt(body, 'ExposedPorts')).sort();
}

function parseRange(text: string): { firstPort: number; lastPort: number } | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const firstPort = Number(match[1]);
  const lastPort = Number(match[2] ?? match[1]);
  return firstPort >= 1 && firstPort <= lastPort && lastPort <= 65_535 ? { firstPort, lastPort } : undefined;
}

function parsePort(text: string): number {
  return /^\d{1,5}$/.test(text) ? Number(text) : 0;
}
