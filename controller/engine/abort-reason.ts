// Why a request was aborted: signals say it as anything at all.
import { SwarmError } from '../base/errors.js';

/** What an abort said, as an error. */
export function abortReason(signal: { readonly reason?: unknown } | undefined): Error {
  const reason = signal?.reason;
  return reason instanceof Error ? reason : new SwarmError('ABORTED', 'Aborted');
}

/** Rejects when the signal aborts. */
export function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const fail = (): void => reject(abortReason(signal));
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}
