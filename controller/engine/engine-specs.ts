// EngineSpecs from an engine's /info and /version, and the API version to read it with.
import { stringAt } from '../base/json.js';
import { clampVersion, knownVersions } from './api-version.js';
import type { EngineSpecs } from './cluster-view.js';
import type { EngineEndpoint } from './endpoint.js';
import { objectOf, parseDescription } from './engine-description.js';

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
  return clampVersion(knownVersions.max, specs);
}
