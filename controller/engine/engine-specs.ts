// EngineSpecs from an engine's /info and /version, and the API version to speak to it.
import { stringAt } from '../base/json.js';
import type { EngineSpecs } from './cluster-view.js';
import type { EngineEndpoint } from './endpoint.js';
import { objectOf, parseDescription } from './engine-description.js';

/** Newest API version whose list answers the cache was made for; newer engines are asked in it. */
const newestKnownApi = '1.51';

/** Labels every engine has by itself; they win over labels of the same key given to dockerd. */
const builtInLabels: readonly (readonly [label: string, infoKey: string])[] = [
  ['storagedriver', 'Driver'],
  ['kernelversion', 'KernelVersion'],
  ['operatingsystem', 'OperatingSystem'],
  ['ostype', 'OSType'],
];

export interface ParsedSpecs {
  readonly id: string;
  readonly name: string;
  readonly specs: EngineSpecs;
  /** Keys of engine labels that were left out because they are reserved. */
  readonly ignoredLabels: readonly string[];
}

/** @throws ENGINE_UNUSABLE as `parseDescription` */
export function parseSpecs(
  endpoint: EngineEndpoint,
  answers: { readonly info: unknown; readonly version: unknown },
): ParsedSpecs {
  const description = parseDescription(endpoint, answers);
  const labels: Record<string, string> = {};
  for (const [label, key] of builtInLabels) {
    const value = stringAt(answers.info, key);
    if (value !== undefined && value !== '') labels[label] = value;
  }
  const ignoredLabels: string[] = [];
  for (const [key, value] of Object.entries(description.labels)) {
    // `node` is what constraints call the engine itself.
    if (key === 'node' || Object.hasOwn(labels, key)) ignoredLabels.push(key);
    else labels[key] = value;
  }
  const { id, name, cpus, memoryBytes, version, apiVersion, minApiVersion, os, arch } = description;
  return {
    id,
    name,
    ignoredLabels,
    specs: {
      cpus,
      memoryBytes,
      labels,
      version,
      apiVersion,
      minApiVersion,
      os,
      arch,
      info: objectOf(answers.info),
      versionInfo: objectOf(answers.version),
    },
  };
}

/** The API version to read an engine with: the newest both know, or its oldest when it has dropped ours. */
export function readingApiVersion(specs: Pick<EngineSpecs, 'apiVersion' | 'minApiVersion'>): string {
  const upper = compareApiVersions(newestKnownApi, specs.apiVersion) < 0 ? newestKnownApi : specs.apiVersion;
  return compareApiVersions(upper, specs.minApiVersion) < 0 ? specs.minApiVersion : upper;
}

/** Negative when `a` is older. */
export function compareApiVersions(a: string, b: string): number {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
