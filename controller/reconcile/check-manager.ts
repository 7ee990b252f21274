// Asks a manager, as a user would, which engines it lists. "Ready" means that this answer shows them.
import got from 'got';
import type { Clock } from '../base/clock.js';
import { withDeadline } from '../base/deadline.js';
import { SwarmError, toSwarmError } from '../base/errors.js';
import { isJsonObject } from '../base/json.js';
import { formatHostPort, type HostPort } from '../api/engine-address.js';
import type { EngineEndpoint, EngineTls } from '../engine/endpoint.js';
import { translateEngineError } from '../engine/translate-error.js';
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
  const { node, address, tls, clock, signal } = options;
  const endpoint = { name: `manager on ${node}`, address, ...(tls === undefined ? {} : { tls }) };
  const late = (): Error =>
    new SwarmError('TIMEOUT', `Cannot ask the ${endpoint.name}: no answer in ${checkTimeoutMs / 1000} s`);
  try {
    const info = await withDeadline(
      clock,
      { delayMs: checkTimeoutMs, parent: signal, reason: late },
      (deadline) => readInfo(endpoint, deadline),
    );
    return { type: 'serving', engines: parseSystemStatus(info) };
  } catch (error) {
    return { type: 'silent', error: toSwarmError(error) };
  }
}

async function readInfo(endpoint: EngineEndpoint, signal: AbortSignal): Promise<unknown> {
  const { address, tls } = endpoint;
  const request = got(`${tls === undefined ? 'http' : 'https'}://${formatHostPort(address)}/v1.24/info`, {
    // The next look repeats the question; a retry here would only make this one late.
    retry: { limit: 0 },
    signal,
    throwHttpErrors: false,
    followRedirect: false,
    https:
      tls === undefined
        ? {}
        : {
            ...(tls.ca === '' ? {} : { certificateAuthority: tls.ca }),
            ...(tls.cert === undefined ? {} : { certificate: tls.cert }),
            ...(tls.key === undefined ? {} : { key: tls.key }),
            rejectUnauthorized: tls.verify ?? true,
          },
  });
  let isTooLong = false;
  void request.on('downloadProgress', ({ transferred }) => {
    if (transferred <= maxInfoBytes) return;
    isTooLong = true;
    request.cancel();
  });
  const answer = await request.catch((error: unknown) => {
    if (isTooLong)
      throw new SwarmError('ENGINE_ERROR', `Cannot ask the ${endpoint.name}: its answer has no end`);
    throw translateEngineError(error, endpoint, 'ask');
  });
  if (answer.statusCode !== 200) {
    throw new SwarmError('ENGINE_ERROR', `Cannot ask the ${endpoint.name}: it answered ${answer.statusCode}`);
  }
  try {
    return JSON.parse(answer.body) as unknown;
  } catch (cause) {
    throw new SwarmError('ENGINE_ERROR', `Cannot ask the ${endpoint.name}: its answer is not JSON`, {
      cause,
    });
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
