// Docker API versions: their order, and the one to speak to an engine. The only place that compares them.

/** What one side speaks, both ends included. */
export interface VersionRange {
  readonly min: string;
  readonly max: string;
}

/** Oldest version that any engine in use still speaks, and newest one that this program was made for. */
export const knownVersions: VersionRange = { min: '1.24', max: '1.51' };

/** Parses `1.41` and `1`. @returns undefined when it is not a version */
export function parseApiVersion(
  text: string,
): { readonly major: number; readonly minor: number } | undefined {
  const match = /^(\d{1,4})(?:\.(\d{1,4}))?$/.exec(text);
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2] ?? '0') };
}

/** Negative when `a` is older; 0 when one of them is no version. */
export function compareApiVersions(a: string, b: string): number {
  const left = parseApiVersion(a);
  const right = parseApiVersion(b);
  if (left === undefined || right === undefined) return 0;
  return left.major - right.major || left.minor - right.minor;
}

export function isAtLeast(version: string, minimum: string): boolean {
  return compareApiVersions(version, minimum) >= 0;
}

/** As near to `version` as the engine's range allows; an end that the engine did not name does not bound it. */
export function clampVersion(
  version: string,
  engine: { readonly apiVersion: string; readonly minApiVersion: string },
): string {
  if (compareApiVersions(version, engine.apiVersion) > 0) return engine.apiVersion;
  return compareApiVersions(version, engine.minApiVersion) < 0 ? engine.minApiVersion : version;
}
