// What an engine says of itself in GET /info and GET /version, parsed once at the edge.
import { SwarmError } from '../base/errors.js';
import { isJsonObject, stringAt, type JsonObject } from '../base/json.js';
import type { EngineEndpoint } from './endpoint.js';
import { describeEndpoint } from './translate-error.js';

export interface EngineDescription {
  /** The engine's own ID, unique per installation. */
  readonly id: string;
  /** Host name of the engine. */
  readonly name: string;
  readonly version: string;
  /** Newest and oldest API version it speaks. */
  readonly apiVersion: string;
  readonly minApiVersion: string;
  readonly os: string;
  readonly arch: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Labels given to dockerd by `--label`. */
  readonly labels: Readonly<Record<string, string>>;
  /** Expiry of the certificate it showed, epoch ms; absent without TLS. */
  readonly certificateNotAfterMs?: number;
  /** How far its clock is ahead of ours at least, ms; negative: behind. Absent when it does not tell the time. */
  readonly clockAheadMs?: number;
  /** Users in its containers are others on the host (`--userns-remap`); absent when they are the same. */
  readonly remapsUsers?: true;
}

/**
 * @throws ENGINE_UNUSABLE when the answers are not those of a Docker engine with resources of its own, or a label of it
 *   is not `key=value`
 */
export function parseDescription(
  endpoint: EngineEndpoint,
  answers: { readonly info: unknown; readonly version: unknown },
): EngineDescription {
  const { info, version } = answers;
  const cpus = numberAt(info, 'NCPU');
  const memoryBytes = numberAt(info, 'MemTotal');
  const id = stringAt(info, 'ID') ?? '';
  if (cpus === 0 || memoryBytes === 0 || id === '') {
    const { host, port } = endpoint.address;
    const at = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    throw new SwarmError(
      'ENGINE_UNUSABLE',
      `cannot get resources for this engine, make sure ${at} is a Docker Engine, not a Swarm manager`,
    );
  }
  return {
    id,
    name: stringAt(info, 'Name') ?? '',
    version: stringAt(version, 'Version') ?? stringAt(info, 'ServerVersion') ?? '',
    // Engines before 1.24 are long gone; one that names no version is treated as the oldest we can speak.
    apiVersion: stringAt(version, 'ApiVersion') ?? '1.24',
    minApiVersion: stringAt(version, 'MinAPIVersion') ?? '1.12',
    os: stringAt(version, 'Os') ?? stringAt(info, 'OSType') ?? 'linux',
    arch: stringAt(version, 'Arch') ?? stringAt(info, 'Architecture') ?? '',
    cpus,
    memoryBytes,
    labels: parseLabels(endpoint, { id, info }),
    ...(remapsUsers(info) ? { remapsUsers: true } : {}),
  };
}

function remapsUsers(info: unknown): boolean {
  const options: unknown = isJsonObject(info) ? info['SecurityOptions'] : undefined;
  return Array.isArray(options) && options.some((option) => /^(?:name=)?userns\b/.test(String(option)));
}

function parseLabels(
  endpoint: EngineEndpoint,
  { id, info }: { readonly id: string; readonly info: unknown },
): Record<string, string> {
  const listed: unknown = isJsonObject(info) ? info['Labels'] : undefined;
  const labels: Record<string, string> = {};
  for (const label of Array.isArray(listed) ? (listed as unknown[]) : []) {
    const text = String(label);
    const split = text.indexOf('=');
    if (split < 1)
      throw new SwarmError(
        'ENGINE_UNUSABLE',
        `Engine (ID: ${id}, Addr: ${endpoint.address.host}:${endpoint.address.port}) contains an invalid label (${text}) not formatted as "key=value".`,
        { hint: `Correct the labels of ${describeEndpoint(endpoint)} (dockerd --label)` },
      );
    labels[text.slice(0, split)] = text.slice(split + 1);
  }
  return labels;
}

function numberAt(value: unknown, key: string): number {
  const inner = isJsonObject(value) ? value[key] : undefined;
  return typeof inner === 'number' && Number.isFinite(inner) && inner > 0 ? inner : 0;
}

/** A JSON object, or an empty one where an engine answered something else. */
export function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}
