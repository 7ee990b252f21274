// The body of a create from the options of docker run, as far as they decide where a container runs.
import type { JsonObject } from '../../../controller/base/json.js';
import { usageError } from '../usage-error.js';

export interface PlaceOptions {
  readonly env?: readonly string[];
  readonly label?: readonly string[];
  readonly memory?: string;
  readonly cpus?: string;
  readonly publish?: readonly string[];
  readonly volume?: readonly string[];
  readonly volumesFrom?: readonly string[];
  readonly network?: string;
  readonly platform?: string;
  readonly name?: string;
  readonly cluster?: string;
  readonly output?: 'json';
}

/** @throws {USAGE} naming the option that cannot be read */
export function createBody(image: string, options: PlaceOptions): JsonObject {
  const ports = (options.publish ?? []).map(parsePort);
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { key, HostIp, HostPort } of ports) (bindings[key] ??= []).push({ HostIp, HostPort });
  const { memory, cpus, network, volume, volumesFrom } = options;
  return {
    Image: image,
    Env: options.env ?? [],
    Labels: Object.fromEntries((options.label ?? []).map(splitLabel)),
    ExposedPorts: Object.fromEntries(ports.map(({ key }) => [key, {}])),
    HostConfig: {
      PortBindings: bindings,
      ...(memory === undefined ? {} : { Memory: parseMemory(memory) }),
      ...(cpus === undefined ? {} : { NanoCpus: parseCpus(cpus) }),
      ...(network === undefined ? {} : { NetworkMode: network }),
      ...(volume === undefined ? {} : { Binds: volume }),
      ...(volumesFrom === undefined ? {} : { VolumesFrom: volumesFrom }),
    },
  };
}

function splitLabel(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** `[ip:]host:container[/protocol]`; host may be a range. A lone container port is left to the engine. */
function parsePort(text: string): { key: string; HostIp: string; HostPort: string } {
  const parts = /^(?:(?:(\[[^\]]+\]|[^:[\]]*):)?(\d+(?:-\d+)?)?:)?(\d+)(?:\/(tcp|udp|sctp))?$/.exec(text);
  if (parts === null) {
    throw usageError(
      `Cannot use --publish ${JSON.stringify(text)}: must be [IP:]HOST:CONTAINER[/PROTOCOL], as 8080:80/tcp`,
    );
  }
  const [, ip = '', host = '', container = '', protocol = 'tcp'] = parts;
  return { key: `${container}/${protocol}`, HostIp: ip.replace(/^\[|\]$/g, ''), HostPort: host };
}

/** Docker's spelling of sizes: 512m, 2g, 2GiB, or bytes. */
function parseMemory(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([kmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  const bytes = Math.round(Number(number) * 1024 ** ' kmgt'.indexOf((unit ?? '').toLowerCase() || ' '));
  if (Number.isSafeInteger(bytes)) return bytes;
  throw usageError(`Cannot use --memory ${JSON.stringify(text)}: must be a size such as 512m`);
}

function parseCpus(text: string): number {
  const nanoCpus = Math.round(Number(text) * 1e9);
  if (text.trim() !== '' && nanoCpus > 0) return nanoCpus;
  throw usageError(`Cannot use --cpus ${JSON.stringify(text)}: must be a number such as 1.5`);
}
