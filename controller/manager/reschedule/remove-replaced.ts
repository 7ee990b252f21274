// Removes a container for which another one runs: only after the engine of that one has said so just now. Volumes stay, and
// the network that was made anew elsewhere goes when nothing uses it here any more.
import { SwarmError } from '../../base/errors.js';
import { objectAt, stringAt, type JsonObject } from '../../base/json.js';
import type { CachedContainer } from '../../engine/cluster-view.js';
import { answerWithin, callForBody, messageIn, type SmallResponse } from '../call-engine.js';
import { enginePath } from '../engine-path.js';
import { parseJsonObject } from '../read-all.js';
import type { MoveServices } from './move-container.js';
import { copiedNetworkLabel } from './prepare-engine.js';

export interface RemoveOptions {
  readonly old: CachedContainer;
  /** What runs in its place; absent for a copy that is one too many. */
  readonly copy: CachedContainer | undefined;
  /** Its process gets its grace period. */
  readonly isGraceful: boolean;
}

/** @throws SwarmError ENGINE_*; nothing is removed then */
export async function removeReplaced(services: MoveServices, options: RemoveOptions): Promise<void> {
  const { old, copy, isGraceful } = options;
  if (copy !== undefined && !(await runs(services, copy))) return;
  if (isGraceful) {
    const stopped = await call(services, old, {
      method: 'POST',
      path: '/stop',
      answerWithinMs: answerWithin.slow,
    });
    if (stopped.status >= 400 && stopped.status !== 404) throw refused(old, stopped);
  }
  // Without `v`: what is in its volumes may be the only copy of it.
  const removed = await call(services, old, {
    method: 'DELETE',
    path: '',
    query: new URLSearchParams({ force: '1' }),
    answerWithinMs: answerWithin.slow,
  });
  await services.cluster.refreshContainer(old.engine, old.id);
  if (removed.status >= 400 && removed.status !== 404) throw refused(old, removed);
  services.logger.info(
    `Removed the stale copy of container ${old.names[0] ?? old.id} from ${old.engine.name}`,
    {
      id: old.id,
      ...(copy === undefined ? {} : { runsOn: copy.engine.name, as: copy.id }),
    },
  );
  services.cluster.publish(old.engine, {
    action: 'container_stale_remove',
    id: old.id,
    attributes: { name: old.names[0] ?? '', ...(copy === undefined ? {} : { 'to.node': copy.engine.name }) },
  });
  await removeCopiedNetworks(services, old);
}

async function runs(services: MoveServices, copy: CachedContainer): Promise<boolean> {
  const answer = await call(services, copy, {
    method: 'GET',
    path: '/json',
    answerWithinMs: answerWithin.quick,
  });
  if (answer.status !== 200) return false;
  const state = objectAt(parseJsonObject(answer.body), 'State');
  return state['Running'] === true && state['Restarting'] !== true;
}

/** Networks of the removed container that were made anew elsewhere, unless a container here is still in them. */
async function removeCopiedNetworks(
  services: MoveServices,
  { engine, summary }: CachedContainer,
): Promise<void> {
  const { cluster, logger } = services;
  const networks = cluster.networks();
  const namesOf = (entry: JsonObject): readonly string[] =>
    Object.keys(objectAt(objectAt(entry, 'NetworkSettings'), 'Networks'));
  const used = new Set(cluster.containersOf(engine).flatMap((container) => namesOf(container.summary)));
  for (const name of namesOf(summary)) {
    const own = networks.find((network) => network.engine === engine && network.summary['Name'] === name);
    const isCopied = networks.some(
      (network) =>
        network.engine !== engine &&
        stringAt(objectAt(network.summary, 'Labels'), copiedNetworkLabel) === own?.id,
    );
    if (own === undefined || !isCopied || used.has(name)) continue;
    const answer = await callForBody(cluster, engine, {
      method: 'DELETE',
      path: enginePath(engine, { version: services.settings.versions.max, path: `/networks/${own.id}` }),
      headersTimeoutMs: answerWithin.quick,
    });
    await cluster.refreshNetworks(engine);
    if (answer.status < 400)
      logger.info(`Removed network ${name} from ${engine.name}: it moved with its containers`);
  }
}

function call(
  { cluster, settings }: MoveServices,
  { engine, id }: CachedContainer,
  request: {
    readonly method: string;
    /** After `/containers/<id>`. */
    readonly path: string;
    readonly query?: URLSearchParams;
    readonly answerWithinMs: number;
  },
): Promise<SmallResponse> {
  return callForBody(cluster, engine, {
    method: request.method,
    path: enginePath(engine, {
      version: settings.versions.max,
      path: `/containers/${id}${request.path}`,
      query: request.query,
    }),
    headersTimeoutMs: request.answerWithinMs,
  });
}

function refused(old: CachedContainer, answer: SmallResponse): SwarmError {
  return new SwarmError(
    'ENGINE_ERROR',
    `Cannot remove the stale copy of container "${old.names[0] ?? old.id}" from engine "${old.engine.name}": ${messageIn(answer)}`,
  );
}
