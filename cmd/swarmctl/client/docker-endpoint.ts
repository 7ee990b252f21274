// The Docker API of a cluster as commands ask it: by DOCKER_HOST where the shell was pointed at a cluster, else by what
// the operator says.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseHostPort } from '../../../controller/api/engine-address.js';
import { isSwarmError, SwarmError } from '../../../controller/base/errors.js';
import { isJsonObject, tryParseJson, stringAt, type JsonObject } from '../../../controller/base/json.js';
import type { EngineTls } from '../../../controller/engine/endpoint.js';
import { EngineTransport } from '../../../controller/engine/transport.js';
import type { CommandContext } from '../command-context.js';
import { usageError } from '../usage-error.js';
import { clusterEndpoint } from './cluster-endpoint.js';

/** Managers answer from memory, or from one engine that answers within this or never. */
const answerWithinMs = 15_000;

/** A request to a path without version. @throws SwarmError ENGINE_*, OBJECT_NOT_FOUND with the manager's words */
export async function askCluster(
  context: CommandContext,
  o: {
    readonly cluster: string | undefined;
    readonly method: 'GET' | 'POST';
    readonly path: string;
    readonly body?: JsonObject;
    /** What to do when it is refused. */
    readonly hint: string;
  },
): Promise<JsonObject> {
  const target = await findTarget(context, o.cluster);
  const transport = new EngineTransport({ endpoint: target, clock: context.clock });
  try {
    const { status, bytes } = await transport.requestBytes({
      method: o.method,
      path: o.path,
      ...(o.body === undefined
        ? {}
        : { headers: { 'Content-Type': 'application/json' }, body: Buffer.from(JSON.stringify(o.body)) }),
      attempt: 'ask',
      headersTimeoutMs: answerWithinMs,
      signal: context.signal,
    });
    const body = tryParseJson(bytes.toString('utf8'));
    if (status < 400 && isJsonObject(body)) return body;
    const message = stringAt(body, 'message') ?? `HTTP status ${status}`;
    throw new SwarmError(status === 404 ? 'OBJECT_NOT_FOUND' : 'ENGINE_ERROR', message, {
      hint: o.hint,
    });
  } catch (error) {
    throw aboutManager(error, target);
  } finally {
    await transport.close();
  }
}

/** What is to be done when a manager does not answer is not what is to be done about a dockerd. */
function aboutManager(error: unknown, { cluster }: Target): unknown {
  if (!isSwarmError(error, 'ENGINE_UNREACHABLE') && !isSwarmError(error, 'ENGINE_TIMEOUT')) return error;
  const hint =
    cluster === undefined
      ? 'Check that DOCKER_HOST is the address of a cluster, or unset it: the operator knows the address'
      : `swarmctl doctor cluster ${cluster} finds what is wrong with its manager`;
  return new SwarmError(error.code, error.message, { cause: error, hint });
}

interface Target {
  readonly name: string;
  /** Undefined where DOCKER_HOST says whom to ask. */
  readonly cluster?: string;
  readonly address: { readonly host: string; readonly port: number };
  readonly tls?: EngineTls;
}

async function findTarget(context: CommandContext, cluster: string | undefined): Promise<Target> {
  const { env } = context;
  const host = env['DOCKER_HOST'] ?? '';
  if (cluster === undefined && host !== '') {
    const verify = (env['DOCKER_TLS_VERIFY'] ?? '') !== '';
    const certPath = verify
      ? (env['DOCKER_CERT_PATH'] ?? path.join(env['HOME'] ?? '/', '.docker'))
      : undefined;
    return makeTarget({ name: 'DOCKER_HOST', host, certPath });
  }
  const endpoint = await clusterEndpoint(context, cluster);
  const target = await makeTarget({
    name: `manager of ${endpoint.cluster}`,
    host: endpoint.dockerHost,
    certPath: endpoint.certPath,
  });
  return { ...target, cluster: endpoint.cluster };
}

async function makeTarget(o: {
  readonly name: string;
  readonly host: string;
  readonly certPath: string | undefined;
}): Promise<Target> {
  const address = o.host.startsWith('tcp://') ? parseHostPort(o.host.slice('tcp://'.length)) : undefined;
  if (address === undefined) {
    throw usageError(`Cannot use ${o.name} ${JSON.stringify(o.host)}: it must be tcp://host:port`);
  }
  if (o.certPath === undefined) return { name: o.name, address };
  const directory = o.certPath;
  const read = (file: string): Promise<string> => readFile(path.join(directory, file), 'utf8');
  try {
    const [ca, cert, key] = await Promise.all([read('ca.pem'), read('cert.pem'), read('key.pem')]);
    return { name: o.name, address, tls: { ca, cert, key } };
  } catch (cause) {
    throw new SwarmError(
      'ENGINE_CLIENT_REJECTED',
      `Cannot read the client certificates in "${directory}": ca.pem, cert.pem and key.pem must be there`,
      { cause, hint: "Copy them from the operator's machine: clusters/<name>/client in its state directory" },
    );
  }
}
