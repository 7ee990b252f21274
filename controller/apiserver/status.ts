// Failures as Kubernetes clients read them: Status objects with reason, code, details and causes.
import { errorTable, messageOf, SwarmError } from '../base/errors.js';
import type { JsonObject } from '../base/json.js';
import { redact } from '../base/redact.js';

export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  /** Plural of the resource, or the kind for Invalid. */
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** HTTP code of each reason, as Kubernetes pairs them. */
export const reasonCodes = {
  BadRequest: 400,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  NotImplemented: 501,
  ServiceUnavailable: 503,
  Timeout: 504,
  InsufficientStorage: 507,
} as const;

export type StatusReason = keyof typeof reasonCodes;

/** An answer that is not success; thrown by handlers, turned into a Status by the server. */
export class StatusError extends Error {
  readonly reason: StatusReason;
  readonly details: StatusDetails | undefined;

  constructor(
    reason: StatusReason,
    message: string,
    options: { readonly details?: StatusDetails; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'StatusError';
    this.reason = reason;
    this.details = options.details;
  }

  get code(): number {
    return reasonCodes[this.reason];
  }
}

export function statusObject(error: StatusError): JsonObject {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: redact(error.message),
    reason: error.reason,
    ...(error.details === undefined ? {} : { details: error.details }),
    code: error.code,
  };
}

export function successStatus(details: StatusDetails): JsonObject {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
}

const reasonByHttpStatus = new Map<number, StatusReason>([
  [400, 'BadRequest'],
  [403, 'Forbidden'],
  [404, 'NotFound'],
  [409, 'Conflict'],
  [422, 'Invalid'],
  [501, 'NotImplemented'],
  [503, 'ServiceUnavailable'],
  [504, 'Timeout'],
  [507, 'InsufficientStorage'],
]);

/** Any thrown value as a StatusError. What is not known is an InternalError; its text stays, redacted. */
export function toStatusError(error: unknown, details?: StatusDetails): StatusError {
  if (error instanceof StatusError) return error;
  const withDetails = details === undefined ? {} : { details };
  if (error instanceof SwarmError) {
    const reason: StatusReason =
      error.code === 'OBJECT_EXISTS'
        ? 'AlreadyExists'
        : (reasonByHttpStatus.get(errorTable[error.code].httpStatus) ?? 'InternalError');
    return new StatusError(reason, error.message, { cause: error, ...withDetails });
  }
  return new StatusError('InternalError', messageOf(error), { cause: error, ...withDetails });
}
