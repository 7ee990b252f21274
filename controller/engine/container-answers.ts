// Containers as engines list and inspect them, reduced to what the operator compares; the whole answer stays in `raw`.
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../base/json.js';

export interface ContainerSummary {
  readonly id: string;
  /** Without the leading slash. */
  readonly names: readonly string[];
  readonly image: string;
  readonly imageId: string;
  readonly state: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Epoch seconds. */
  readonly createdSeconds: number;
}

export interface ContainerDetails {
  readonly id: string;
  /** Without the leading slash. */
  readonly name: string;
  /** The reference it was created from, and the ID that had then. */
  readonly image: string;
  readonly imageId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly running: boolean;
  /** created, running, paused, restarting, removing, exited, dead. */
  readonly status: string;
  readonly exitCode: number;
  readonly restartCount: number;
  /** RFC 3339; `0001-01-01T00:00:00Z` when it never started. */
  readonly startedAt: string;
  /** Why the engine could not start it; `''` when it could. */
  readonly error: string;
  readonly networkMode: string;
  readonly raw: JsonObject;
}

export function parseSummary(entry: unknown): ContainerSummary {
  const names: unknown = isJsonObject(entry) ? entry['Names'] : undefined;
  return {
    id: stringAt(entry, 'Id') ?? '',
    names: Array.isArray(names) ? names.map((name) => String(name).replace(/^\//, '')) : [],
    image: stringAt(entry, 'Image') ?? '',
    imageId: stringAt(entry, 'ImageID') ?? '',
    state: stringAt(entry, 'State') ?? '',
    labels: stringsOf(objectAt(entry, 'Labels')),
    createdSeconds: numberAt(entry, 'Created'),
  };
}

export function parseContainer(answer: unknown): ContainerDetails {
  const state = objectAt(answer, 'State');
  const config = objectAt(answer, 'Config');
  return {
    id: stringAt(answer, 'Id') ?? '',
    name: (stringAt(answer, 'Name') ?? '').replace(/^\//, ''),
    image: stringAt(config, 'Image') ?? '',
    imageId: stringAt(answer, 'Image') ?? '',
    labels: stringsOf(objectAt(config, 'Labels')),
    running: state['Running'] === true,
    status: stringAt(state, 'Status') ?? '',
    exitCode: numberAt(state, 'ExitCode'),
    restartCount: numberAt(answer, 'RestartCount'),
    startedAt: stringAt(state, 'StartedAt') ?? '',
    error: stringAt(state, 'Error') ?? '',
    networkMode: stringAt(objectAt(answer, 'HostConfig'), 'NetworkMode') ?? '',
    raw: isJsonObject(answer) ? answer : {},
  };
}

/** The string members of an object. */
export function stringsOf(value: JsonObject): Record<string, string> {
  return Object.fromEntries(
    Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );
}

/** The number at `key`, 0 where there is none. */
export function numberAt(value: unknown, key: string): number {
  const inner = isJsonObject(value) ? value[key] : undefined;
  return typeof inner === 'number' ? inner : 0;
}
