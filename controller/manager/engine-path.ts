// Paths for requests to engines: always with an explicit version, every part encoded again after the one decode.
import { clampVersion } from '../engine/api-version.js';
import type { PooledEngine } from '../engine/cluster-view.js';

/** The API version to speak to `engine` for a client of `version`. */
export function engineVersion(engine: PooledEngine, version: string): string {
  return engine.specs === undefined ? version : clampVersion(version, engine.specs);
}

/** `/v1.41` + `path` + `?query`; `path` is encoded already. */
export function enginePath(
  engine: PooledEngine,
  { version, path, query }: { version: string; path: string; query?: URLSearchParams | undefined },
): string {
  const text = query?.toString() ?? '';
  return `/v${engineVersion(engine, version)}${path}${text === '' ? '' : `?${text}`}`;
}

/** A reference inside a path: encoded, but with its slashes kept, since engines take image names as they are. */
export function encodeReference(reference: string): string {
  return reference.split('/').map(encodeURIComponent).join('/');
}
