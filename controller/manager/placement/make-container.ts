// Makes one container on one engine: image brought there first, further networks connected after, nothing left half made.
import { isJsonObject, type JsonObject } from '../../base/json.js';
import type { ClusterView, PooledEngine } from '../../engine/cluster-view.js';
import { swarmIdLabel } from '../../engine/container-row.js';
import { answerWithin, callForBody, type SmallResponse } from '../call-engine.js';
import { enginePath, engineVersion } from '../engine-path.js';
import { parseJson, stringifyJson } from '../lossless-json.js';
import { parseJsonObject } from '../read-all.js';
import { adaptCreateBody } from './engine-body.js';
import type { ImageCopier } from './image-copier.js';

export interface MakeOptions {
  readonly cluster: Pick<ClusterView, 'reportOutcome' | 'refreshContainer'>;
  readonly images: Pick<ImageCopier, 'createWithImage'>;
  /** API version of whoever asked for it. */
  readonly version: string;
  readonly image: string;
  /** `os/arch[/variant]` it is to run as. Default: the engine's own. */
  readonly platform?: string | undefined;
  readonly body: JsonObject;
  /** Gives what is aborted when nobody waits for the container any more: ends a copy of its image. */
  readonly signal?: (() => AbortSignal) | undefined;
  /** Called when the engine lacked the image, and it was copied there. */
  readonly onCopied?: () => void;
  /** Sends the create with this body; called again when the image had to be brought first. */
  readonly send: (body: Buffer) => Promise<SmallResponse>;
}

/** @returns the engine's answer to the create, or to the connect that failed after it, whatever its status */
export async function makeContainer(engine: PooledEngine, options: MakeOptions): Promise<SmallResponse> {
  const { cluster, images, version } = options;
  const adapted = adaptCreateBody(options.body, {
    client: version,
    engine: engineVersion(engine, version),
    hasOldCgroups: engine.specs?.info['CgroupVersion'] === '1',
  });
  const { platform, signal, onCopied } = options;
  const need = { engine, reference: options.image, platform, signal, onCopied };
  const answer = await images.createWithImage(need, (image) =>
    options.send(
      Buffer.from(stringifyJson(image === undefined ? adapted.body : { ...adapted.body, Image: image })),
    ),
  );
  if (answer.status !== 201) return answer;
  const id = createdId(answer);
  for (const { network, config } of adapted.connectLater) {
    const connected = await callForBody(cluster, engine, {
      method: 'POST',
      path: enginePath(engine, { version, path: `/networks/${encodeURIComponent(network)}/connect` }),
      headers: { 'Content-Type': 'application/json' },
      body: Buffer.from(stringifyJson({ Container: id, EndpointConfig: config })),
      headersTimeoutMs: answerWithin.slow,
    });
    if (connected.status >= 400) {
      await removeUnstarted(engine, { cluster, version, id });
      return connected;
    }
  }
  return answer;
}

/** Removes a container that was just made. Unforced, so one that somebody started meanwhile stays. @returns the status */
export async function removeUnstarted(
  engine: PooledEngine,
  { cluster, version, id }: Pick<MakeOptions, 'cluster'> & { readonly version: string; readonly id: string },
): Promise<number> {
  const answer = await callForBody(cluster, engine, {
    method: 'DELETE',
    path: enginePath(engine, {
      version,
      path: `/containers/${id}`,
      // Its anonymous volumes were made with it and hold nothing yet.
      query: new URLSearchParams({ v: '1' }),
    }),
    headersTimeoutMs: answerWithin.slow,
  });
  await cluster.refreshContainer(engine, id);
  return answer.status;
}

/** Asks the engine itself, not the cache, for its containers with a swarm ID. @throws {ENGINE_*} it does not answer */
export function listBySwarmId(
  engine: PooledEngine,
  o: {
    readonly cluster: Pick<ClusterView, 'reportOutcome'>;
    readonly version: string;
    readonly swarmId: string;
    readonly answerWithinMs: number;
  },
): Promise<SmallResponse> {
  const filters = JSON.stringify({ label: { [`${swarmIdLabel}=${o.swarmId}`]: true } });
  const query = new URLSearchParams({ all: '1', filters });
  return callForBody(o.cluster, engine, {
    method: 'GET',
    path: enginePath(engine, { version: o.version, path: '/containers/json', query }),
    headersTimeoutMs: o.answerWithinMs,
  });
}

/**
 * The container with this `com.docker.swarm.id`, as the engine says now.
 * @returns the full ID; `missing`; `unknown` when the engine has no answer to that
 */
export async function findBySwarmId(
  engine: PooledEngine,
  {
    cluster,
    version,
    swarmId,
    answerWithinMs,
  }: Pick<MakeOptions, 'version'> & {
    readonly cluster: Pick<ClusterView, 'reportOutcome'>;
    readonly swarmId: string;
    readonly answerWithinMs: number;
  },
): Promise<{ readonly id: string } | 'missing' | 'unknown'> {
  let answer: SmallResponse;
  try {
    answer = await listBySwarmId(engine, { cluster, version, swarmId, answerWithinMs });
  } catch {
    return 'unknown';
  }
  if (answer.status !== 200) return 'unknown';
  const entries = parseJson(answer.body.toString('utf8'));
  const entry: unknown = Array.isArray(entries) ? entries[0] : undefined;
  const id = isJsonObject(entry) ? entry['Id'] : undefined;
  return typeof id === 'string' ? { id } : 'missing';
}

/** ID in the answer to a create; `''` where there is none. */
export function createdId(answer: SmallResponse): string {
  const id = parseJsonObject(answer.body)['Id'];
  return typeof id === 'string' ? id : '';
}
