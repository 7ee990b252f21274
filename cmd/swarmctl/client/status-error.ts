// What the operator refused, as an error of ours: the Status object of the API in the words of the error table.
import { SwarmError, type ErrorCode } from '../../../controller/base/errors.js';
import { objectAt, stringAt, type JsonObject } from '../../../controller/base/json.js';

const codes: Readonly<Record<string, ErrorCode>> = {
  NotFound: 'OBJECT_NOT_FOUND',
  AlreadyExists: 'OBJECT_EXISTS',
  Conflict: 'OBJECT_CONFLICT',
  Forbidden: 'OBJECT_READ_ONLY',
  Invalid: 'MANIFEST_INVALID',
  BadRequest: 'MANIFEST_INVALID',
  Timeout: 'TIMEOUT',
  NotImplemented: 'NOT_IMPLEMENTED',
  ServiceUnavailable: 'OPERATOR_UNREACHABLE',
  Expired: 'OBJECT_CONFLICT',
};

export function errorOfStatus(httpStatus: number, status: JsonObject): SwarmError {
  const reason = stringAt(status, 'reason') ?? '';
  const message = stringAt(status, 'message') ?? `The operator answered with HTTP status ${httpStatus}`;
  const details = objectAt(status, 'details');
  const name = stringAt(details, 'name');
  if (reason === 'NotFound' && name !== undefined) {
    const plural = stringAt(details, 'kind') ?? 'objects';
    return new SwarmError(
      'OBJECT_NOT_FOUND',
      `Cannot find ${plural.replace(/s$/, '')} "${name}": it does not exist`,
      { hint: `See swarmctl get ${plural === 'objects' ? 'all' : plural} for those that exist` },
    );
  }
  // What a command line asked for wrongly is not in a file.
  if (reason === 'BadRequest' && /^Cannot use (label|field) selector/.test(message)) {
    return new SwarmError('USAGE', message);
  }
  return new SwarmError(codes[reason] ?? 'INTERNAL', message);
}
