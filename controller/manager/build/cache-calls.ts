// BuildKit's calls about the build cache: each engine has a cache of its own, so `docker builder prune`, `buildx prune` and
// `buildx du` mean all of them, or with the filter `node` one.
import type http2 from 'node:http2';
import { messageOf } from '../../base/errors.js';
import { isAtLeast } from '../../engine/api-version.js';
import type { PooledEngine } from '../../engine/cluster-view.js';
import { ApiError } from '../api-error.js';
import { fanOutLimit, settleAll } from '../call-engine.js';
import { reachableEngines } from '../find-container.js';
import type { ManagerServices } from '../services.js';
import { failureOf, fetchCall, type CallAnswer } from './grpc-call.js';
import { frameMessage, unframe } from './grpc-message.js';
import { hasBuildKit } from './place-build.js';
import { readFields, textFieldBytes } from './protobuf.js';

/** `usage`: one message with a list. `prune`: a message for each record that was deleted. */
export type CacheCall = 'usage' | 'prune';

export function cacheCallOf(path: string): CacheCall | undefined {
  if (path === '/moby.buildkit.v1.Control/DiskUsage') return 'usage';
  return path === '/moby.buildkit.v1.Control/Prune' ? 'prune' : undefined;
}

/**
 * Asks every engine with BuildKit. It succeeds where one engine does; the log names those that did not.
 * @throws ApiError 400 for limits that an engine does not know, 404 for a node that is not there, 503 without engines
 */
export async function askCaches(
  services: Pick<ManagerServices, 'cluster' | 'logger'>,
  call: {
    readonly kind: CacheCall;
    readonly message: Buffer;
    readonly headers: http2.IncomingHttpHeaders;
    readonly client: http2.ServerHttp2Stream;
    readonly connect: (engine: PooledEngine) => Promise<http2.ClientHttp2Session>;
  },
): Promise<CallAnswer> {
  const { node, message } = takeNode(call.message);
  const able = reachableEngines(services.cluster).filter(hasBuildKit);
  const engines = able.filter(({ name, id }) => node === undefined || name === node || id === node);
  if (engines.length === 0) {
    throw node === undefined || able.length === 0
      ? new ApiError(503, 'No healthy node available in the cluster')
      : new ApiError(404, `node ${node} not found`);
  }
  if (call.kind === 'prune') refuseLimits(message, engines);
  const settled = await settleAll(engines, fanOutLimit, async (engine) =>
    fetchCall({
      client: call.client,
      engine: await call.connect(engine),
      engineName: engine.name,
      headers: call.headers,
      body: frameMessage(message),
    }),
  );
  const answers = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const successes = answers.filter((answer) => failureOf(answer) === undefined);
  const [first] = successes;
  if (first === undefined) {
    const [refused] = answers;
    if (refused !== undefined) return refused;
    throw settled.find((one) => one.status === 'rejected')?.reason;
  }
  for (const [at, one] of settled.entries()) {
    const error = one.status === 'fulfilled' ? failureOf(one.value) : messageOf(one.reason);
    if (error === undefined) continue;
    services.logger.warn(`Engine "${engines[at]?.name ?? ''}" could not take part: ${error}`);
  }
  const bodies = successes.map(({ body }) => body);
  return {
    headers: first.headers,
    // Lists of one message that stand behind each other are one list.
    body: Buffer.concat(call.kind === 'prune' ? bodies : [frameMessage(Buffer.concat(bodies.map(unframe)))]),
    trailers: { 'grpc-status': '0' },
  };
}

const filterField = 1;
// Of a prune; both came with API 1.48.
const maxUsedSpaceField = 5;
const minFreeSpaceField = 6;

/** Takes `node==NAME` out of the filters, of which clients send one, joined by commas. */
function takeNode(message: Buffer): { readonly node: string | undefined; readonly message: Buffer } {
  let node: string | undefined;
  const kept: Buffer[] = [];
  for (const field of readFields(message)) {
    const parts = field.number === filterField ? (field.bytes?.toString('utf8').split(',') ?? []) : [];
    const found = parts.find((part) => part.startsWith('node=='));
    if (found === undefined) kept.push(field.raw);
    else {
      node = found.slice('node=='.length);
      const others = parts.filter((part) => part !== found).join(',');
      if (others !== '') kept.push(textFieldBytes(filterField, others));
    }
  }
  return { node, message: Buffer.concat(kept) };
}

/** Older engines would read past these limits, and prune all. */
function refuseLimits(message: Buffer, engines: readonly PooledEngine[]): void {
  const fields = new Set([...readFields(message)].map(({ number }) => number));
  if (!fields.has(maxUsedSpaceField) && !fields.has(minFreeSpaceField)) return;
  const old = engines.filter(({ specs }) => !isAtLeast(specs?.apiVersion ?? '0.0', '1.48'));
  if (old.length === 0) return;
  const named = old.slice(0, 3).map(({ name, specs }) => `${name} speaks ${specs?.apiVersion ?? ''}`);
  throw new ApiError(
    400,
    `Cannot prune the build cache by used or free space: that needs API 1.48 (${named.join(', ')}${old.length > 3 ? ', …' : ''}); choose engines with the filter node`,
  );
}
