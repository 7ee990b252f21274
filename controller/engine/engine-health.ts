// Health book-keeping of one engine: pure transitions, the classic rules.
import { isSwarmError, type ErrorCode, type SwarmError } from '../base/errors.js';
import type { EngineState } from './cluster-view.js';

export interface Health {
  readonly state: EngineState;
  /** Failures in a row. */
  readonly failures: number;
  readonly error?: string;
  readonly errorCode?: ErrorCode;
  readonly updatedAtMs: number;
}

/** Failures that say something about reaching the engine; an answer that is an error proves the engine alive. */
const connectionFailures: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ENGINE_UNREACHABLE',
  'ENGINE_TIMEOUT',
  'ENGINE_TLS_REJECTED',
  'ENGINE_CA_UNKNOWN',
  'ENGINE_CLIENT_REJECTED',
]);

export function isConnectionFailure(error: unknown): boolean {
  return isSwarmError(error) && connectionFailures.has(error.code);
}

/** Whether a failure says that nobody is there; a handshake that is refused is an answer. */
export function isSilence(code: ErrorCode | undefined): boolean {
  return code === 'ENGINE_UNREACHABLE' || code === 'ENGINE_TIMEOUT';
}

/** After contact: no error, no failures. The state stays: what became healthy is decided by a completed connect. */
export function afterContact(health: Health, nowMs: number): Health {
  return { state: health.state, failures: 0, updatedAtMs: nowMs };
}

/** After a failure to reach it: a healthy engine is unhealthy from `failureRetry` failures in a row. */
export function afterFailure(
  health: Health,
  failure: {
    readonly error: Pick<SwarmError, 'message' | 'code'>;
    readonly nowMs: number;
    readonly failureRetry: number;
  },
): Health {
  const failures = health.failures + 1;
  const isFlagged = health.state === 'healthy' && failures >= failure.failureRetry;
  return {
    state: isFlagged ? 'unhealthy' : health.state,
    failures,
    error: failure.error.message,
    errorCode: failure.error.code,
    updatedAtMs: failure.nowMs,
  };
}

/** 100 = no failure; falls with each failure; 0 unless healthy. */
export function healthIndicator({ state, failures }: Health, failureRetry: number): number {
  if (state !== 'healthy' || failures >= failureRetry) return 0;
  return Math.trunc(100 - (failures * 100) / failureRetry);
}
