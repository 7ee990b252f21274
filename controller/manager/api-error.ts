// How failures become Docker's HTTP answers: {"message": …} with the status and wording that SDKs match.
import { isSwarmError, messageOf, toSwarmError } from '../base/errors.js';
import { redact } from '../base/redact.js';

/** An answer in the engine's own words, decided by the manager: status and text reach the client unchanged. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

export interface HttpFailure {
  readonly status: number;
  readonly message: string;
}

/** The one place where a thrown value becomes status and message of an HTTP answer. */
export function toHttpFailure(error: unknown): HttpFailure {
  if (error instanceof ApiError) return { status: error.status, message: error.message };
  if (isSwarmError(error)) return { status: error.httpStatus, message: redact(error.message) };
  return { status: toSwarmError(error).httpStatus, message: redact(messageOf(error)) };
}

/** The engine's text for a container nobody has; docker-py and the CLI match it. */
export function noSuchContainer(reference: string): ApiError {
  return new ApiError(404, `No such container: ${reference}`);
}

/** The engine's text for an image nobody has; on create it makes the docker CLI pull. */
export function noSuchImage(reference: string): ApiError {
  // 64 digits can only be an ID.
  const meant = /^[0-9a-f]{64}$/.test(reference) ? `sha256:${reference}` : withTag(reference);
  return new ApiError(404, `No such image: ${meant}`);
}

/** `busybox` → `busybox:latest`; references with a tag or a digest stay. */
export function withTag(reference: string): string {
  const lastPart = reference.slice(reference.lastIndexOf('/') + 1);
  return lastPart.includes(':') || lastPart.includes('@') ? reference : `${reference}:latest`;
}

/** The engine's text for a container name that is taken; compose and SDKs match it. */
export function nameInUse(name: string, holderId: string): ApiError {
  return new ApiError(
    409,
    `Conflict. The container name "/${name}" is already in use by container "${holderId}". You have to remove (or rename) that container to be able to reuse that name.`,
  );
}

/** Several objects answer to one reference: refused, with the spellings that tell them apart. */
export function ambiguousReference(kind: string, reference: string, candidates: readonly string[]): ApiError {
  return new ApiError(
    409,
    `Cannot choose ${kind} "${reference}": it is ambiguous, name one of ${candidates.join(', ')}`,
  );
}

/** What engines that are not part of a swarm answer to every swarm-mode call. */
export const notASwarmManagerMessage =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';
