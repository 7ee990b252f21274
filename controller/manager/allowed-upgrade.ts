// Which wishes to leave HTTP are granted: the protocol the operation knows, and websockets only from the same origin.
import type { IncomingMessage } from 'node:http';
import { ApiError } from './api-error.js';

export type UpgradeProtocol = 'tcp' | 'websocket' | 'h2c';

/**
 * The protocol to upgrade to; undefined when the wish is to be ignored and the request answered as an ordinary one.
 * @throws ApiError 403 for a websocket that a page of another origin opens: browsers send client certificates along
 */
export function allowedUpgrade(
  request: Pick<IncomingMessage, 'headers'>,
  known: UpgradeProtocol | undefined,
): UpgradeProtocol | undefined {
  const wished = request.headers.upgrade?.trim().toLowerCase();
  if (known === undefined || wished !== known) return undefined;
  if (known === 'websocket') {
    const { origin, host } = request.headers;
    if (origin !== undefined && !sameHost(origin, host)) {
      throw new ApiError(403, `Cannot attach: pages of "${origin}" must not open websockets here`);
    }
  }
  return known;
}

function sameHost(origin: string, host: string | undefined): boolean {
  try {
    return host !== undefined && new URL(origin).host === host;
  } catch {
    return false;
  }
}
