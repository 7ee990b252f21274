// The API version in which a client is answered.
import { compareApiVersions, parseApiVersion, type VersionRange } from '../engine/api-version.js';
import { ApiError } from './api-error.js';

/**
 * The version a request is answered in: the one of its path, or the newest offered.
 * @throws ApiError 400 in the engine's wording when it is outside the range
 */
export function chooseVersion(requested: string | undefined, range: VersionRange): string {
  if (requested === undefined) return range.max;
  if (parseApiVersion(requested) === undefined || compareApiVersions(requested, range.min) < 0) {
    throw new ApiError(
      400,
      `client version ${requested} is too old. Minimum supported API version is ${range.min}, please upgrade your client to a newer version`,
    );
  }
  if (compareApiVersions(requested, range.max) > 0) {
    throw new ApiError(
      400,
      `client version ${requested} is too new. Maximum supported API version is ${range.max}`,
    );
  }
  return requested;
}
