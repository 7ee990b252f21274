// Docker API versions: parsing, order, what the manager offers, and what it speaks to each engine.
import { ApiError } from './api-error.js';

export interface ApiVersion {
  readonly major: number;
  readonly minor: number;
}

/** What the manager says it speaks, whatever engines are in the cluster. */
export interface VersionRange {
  readonly min: string;
  readonly max: string;
}

/**
 * 1.51: at least 1.44, so that every docker CLI works; below 1.52, so that clients which take the maximum still get the
 * older fields of inspect, events and df. A constant, because clients that negotiated must not be refused later.
 */
export const defaultVersionRange: VersionRange = { min: '1.24', max: '1.51' };

/** Parses `1.41`. @returns undefined when it is not a version */
export function parseApiVersion(text: string): ApiVersion | undefined {
  const match = /^(\d{1,4})(?:\.(\d{1,4}))?$/.exec(text);
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2] ?? '0') };
}

export function compareVersions(a: string, b: string): number {
  const left = parseApiVersion(a);
  const right = parseApiVersion(b);
  if (left === undefined || right === undefined) return 0;
  return left.major - right.major || left.minor - right.minor;
}

export function isAtLeast(version: string, minimum: string): boolean {
  return compareVersions(version, minimum) >= 0;
}

/**
 * The version a request is answered in: the one of its path, or the newest offered.
 * @throws ApiError 400 in the engine's wording when it is outside the range
 */
export function chooseVersion(requested: string | undefined, range: VersionRange): string {
  if (requested === undefined) return range.max;
  const parsed = parseApiVersion(requested);
  if (parsed === undefined || compareVersions(requested, range.min) < 0) {
    throw new ApiError(
      400,
      `client version ${requested} is too old. Minimum supported API version is ${range.min}, please upgrade your client to a newer version`,
    );
  }
  if (compareVersions(requested, range.max) > 0) {
    throw new ApiError(
      400,
      `client version ${requested} is too new. Maximum supported API version is ${range.max}`,
    );
  }
  return requested;
}

/** The version to speak to an engine for a client of `version`: as near as the engine's range allows. */
export function upstreamVersion(
  version: string,
  engine: { readonly apiVersion: string; readonly minApiVersion: string },
): string {
  if (engine.apiVersion !== '' && compareVersions(version, engine.apiVersion) > 0) return engine.apiVersion;
  if (engine.minApiVersion !== '' && compareVersions(version, engine.minApiVersion) < 0)
    return engine.minApiVersion;
  return version;
}
