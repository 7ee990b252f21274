// What the loops speak to beyond this process: engines, managers and discovery. One seam, so that a whole operator runs on
// a world in memory; the program itself always speaks through the network.
import type { HostPort } from '../api/engine-address.js';
import type { Clock } from '../base/clock.js';
import type { DiscoveryBackend } from '../discovery/backend.js';
import { openDiscovery, type OpenDiscoveryOptions } from '../discovery/open-backend.js';
import { EngineClient } from '../engine/engine-client.js';
import type { EngineEndpoint, EngineTls } from '../engine/endpoint.js';
import { SecureContexts } from '../engine/secure-contexts.js';
import { checkManager } from './check-manager.js';
import type { ManagerView } from './fleet.js';

export interface ManagerQuestion {
  readonly node: string;
  readonly address: HostPort;
  readonly tls: EngineTls | undefined;
  readonly signal: AbortSignal;
}

export interface Outside {
  /** A client for one engine; nothing is contacted yet. The caller closes it. */
  connect(endpoint: EngineEndpoint): EngineClient;
  /** Which engines a manager lists. Never rejects. */
  askManager(question: ManagerQuestion): Promise<ManagerView>;
  openDiscovery(url: string, options: OpenDiscoveryOptions): Promise<DiscoveryBackend>;
}

/**
 * One for events, one for what is asked, and one for pings while that takes long: a look asks five things at once, and each
 * connection is a handshake and some 70 KB.
 */
const mostConnections = 3;
/** Short answers come in one piece; all engines read into it in turn. */
const blockBytes = 64 * 1024;

export function overNetwork(clock: Clock): Outside {
  const contexts = new SecureContexts();
  const block = Buffer.allocUnsafeSlow(blockBytes);
  return {
    connect: (endpoint) => new EngineClient({ endpoint, clock, contexts, block, mostConnections }),
    askManager: (question) => checkManager({ ...question, clock }),
    openDiscovery,
  };
}
