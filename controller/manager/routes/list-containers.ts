// GET /containers/json: answered from the cache; only sizes are asked of engines.
import { isJsonObject, stringAt, type JsonObject } from '../../base/json.js';
import type { CachedContainer } from '../../engine/cluster-view.js';
import { containerLabels } from '../../api/labels.js';
import { answerWithin, callForBody, fanOutLimit, settleAll } from '../call-engine.js';
import { containerFilterKeys, containerPredicate } from '../container-filters.js';
import { enginePath } from '../engine-path.js';
import { reachableEngines } from '../find-container.js';
import { parseJson, stringifyJson } from '../lossless-json.js';
import { isTrue, readFilters, readInteger } from '../query.js';
import { nameStyleFor, renderContainer } from '../render-container.js';
import { writeChunk } from '../reply.js';
import { userAgent, type RouteContext, type RouteHandler } from '../route-context.js';

// Entries are ~1.5 kB; one write per 64 kB keeps the event loop free between them for other requests.
const chunkChars = 64 * 1024;

export const listContainers: RouteHandler = async (context) => {
  const { clock } = context.services;
  const chosen = chooseContainers(context);
  const sizes = isTrue(context.query.get('size')) ? await readSizes(context) : undefined;
  const options = {
    nameStyle: nameStyleFor(userAgent(context), context.services.settings.containerNames),
    nowMs: clock.now(),
  };
  const { response } = context;
  response.setHeader('Content-Type', 'application/json');
  let pending = '[';
  for (const [at, container] of chosen.entries()) {
    const entry = { ...renderContainer(container, options), ...sizes?.get(container.id) };
    pending += `${at === 0 ? '' : ','}${stringifyJson(entry)}`;
    if (pending.length < chunkChars) continue;
    if (!(await writeChunk(response, pending))) return;
    pending = '';
  }
  response.end(`${pending}]\n`);
};

function chooseContainers(context: RouteContext): readonly CachedContainer[] {
  const { cluster } = context.services;
  const { query } = context;
  const filters = readFilters(query, containerFilterKeys);
  // The older spelling of the same filters, still sent by clients of API 1.24.
  const merged = new Map(filters);
  for (const key of ['before', 'since']) {
    const value = query.get(key);
    if (value !== null && value !== '' && !merged.has(key)) merged.set(key, [value]);
  }
  const limit = readInteger(query, 'limit') ?? 0;
  const isAll = isTrue(query.get('all'));
  const wantsAllStates = isAll || limit > 0 || merged.has('status');
  const matches = containerPredicate(merged, cluster);
  const chosen: CachedContainer[] = [];
  for (const container of cluster.containers()) {
    if (!wantsAllStates && !isRunning(container.state)) continue;
    if (!isAll && isAgent(container)) continue;
    if (!matches(container)) continue;
    chosen.push(container);
    if (limit > 0 && chosen.length === limit) break;
  }
  return chosen;
}

function isRunning(state: string): boolean {
  return state === 'running' || state === 'paused' || state === 'restarting';
}

/** The containers that make the cluster are part of the machinery: shown only when everything is asked for. */
export function isAgent({ image, labels }: CachedContainer): boolean {
  return containerLabels.role in labels || image === 'swarm' || image.startsWith('swarm:');
}

/** Sizes on disk by container ID; engines compute them now, and one that does not answer is left out. */
async function readSizes(context: RouteContext): Promise<ReadonlyMap<string, JsonObject>> {
  const { cluster } = context.services;
  const answers = await settleAll(reachableEngines(cluster), fanOutLimit, (engine) =>
    callForBody(cluster, engine, {
      method: 'GET',
      path: enginePath(engine, {
        version: context.version,
        path: '/containers/json',
        query: new URLSearchParams({ all: '1', size: '1' }),
      }),
      headersTimeoutMs: answerWithin.quick,
      signal: context.signal,
    }),
  );
  const sizes = new Map<string, JsonObject>();
  for (const answer of answers) {
    if (answer.status !== 'fulfilled' || answer.value.status !== 200) continue;
    const entries = parseJson(answer.value.body.toString('utf8'));
    for (const entry of Array.isArray(entries) ? entries : []) {
      const id = stringAt(entry, 'Id');
      if (id === undefined || !isJsonObject(entry)) continue;
      const { SizeRw, SizeRootFs } = entry;
      sizes.set(id, {
        ...(SizeRw === undefined ? {} : { SizeRw }),
        ...(SizeRootFs === undefined ? {} : { SizeRootFs }),
      });
    }
  }
  return sizes;
}
