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
    const kind = (stringAt(details, 'kind') ?? 'object').replace(/s$/, '');
    return new SwarmError('OBJECT_NOT_FOUND', `Cannot find ${kind} "${name}": it does not exist`);
  }
  return new SwarmError(codes[reason] ?? 'INTERNAL', message);
}
