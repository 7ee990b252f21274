// Asks a manager, as a user would, which engines it lists. "Ready" means that this answer shows them.
import type { Clock } from '../base/clock.js';
import { toSwarmError } from '../base/errors.js';
import { isJsonObject } from '../base/json.js';
import type { HostPort } from '../api/engine-address.js';
import type { EngineTls } from '../engine/endpoint.js';
import { EngineTransport } from '../engine/transport.js';
import type { ListedEngine, ManagerView } from './fleet.js';

/** A manager answers /info from memory. */
const checkTimeoutMs = 5000;
/** About 1 KB per engine. */
const maxInfoBytes = 32 * 2 ** 20;

/** Never rejects: that a manager does not answer is an answer. */
export async function checkManager(options: {
  readonly node: string;
  readonly address: HostPort;
  readonly tls: EngineTls | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}): Promise<ManagerView> {
  const { address, tls, clock, signal } = options;
  const endpoint = { name: `manager on ${options.node}`, address, ...(tls === undefined ? {} : { tls }) };
  const transport = new EngineTransport({ endpoint, clock });
  try {
    const { body } = await transport.requestJson({
      method: 'GET',
      path: '/v1.24/info',
      attempt: 'ask',
      headersTimeoutMs: checkTimeoutMs,
      maxBytes: maxInfoBytes,
      signal,
    });
    return { type: 'serving', engines: parseSystemStatus(body) };
  } catch (error) {
    return { type: 'silent', error: toSwarmError(error) };
  } finally {
    await transport.close();
  }
}

/**
 * The engines of the classic SystemStatus of `GET /info`, by `host:port`: ` <name>` → address, followed by indented
 * `  └ Key` rows.
 */
export function parseSystemStatus(info: unknown): ReadonlyMap<string, ListedEngine> {
  const rows: unknown = isJsonObject(info) ? info['SystemStatus'] : undefined;
  const engines = new Map<string, ListedEngine>();
  if (!Array.isArray(rows)) return engines;
  let address: string | undefined;
  for (const row of rows as readonly unknown[]) {
    if (!Array.isArray(row)) continue;
    const [key, value] = row.map(String);
    if (key === undefined || value === undefined) continue;
    const field = /^\s+└ (.*)$/.exec(key)?.[1];
    if (field === undefined) {
      address = /^ \S/.test(key) ? value : undefined;
      if (address !== undefined) engines.set(address, { name: key.trim(), status: '', error: '' });
      continue;
    }
    const engine = address === undefined ? undefined : engines.get(address);
    if (address === undefined || engine === undefined) continue;
    if (field === 'Status') engines.set(address, { ...engine, status: value });
    if (field === 'Error') engines.set(address, { ...engine, error: value });
  }
  return engines;
}
