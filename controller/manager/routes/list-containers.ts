// GET /containers/json: answered from the cache; only sizes are asked of engines.
import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isJsonObject, stringAt, type JsonObject } from '../../base/json.js';
import type { CachedContainer } from '../../engine/cluster-view.js';
import { containerLabels } from '../../api/labels.js';
import type { AnswerBlocks } from '../answer-blocks.js';
import { answerWithin, callForBody, fanOutLimit, settleAll } from '../call-engine.js';
import { containerFilterKeys, containerPredicate, likelyContainers } from '../container-filters.js';
import { enginePath } from '../engine-path.js';
import { reachableEngines } from '../find-container.js';
import { parseJson, stringifyJson } from '../lossless-json.js';
import { isTrue, readFilters, readInteger, type Filters } from '../query.js';
import { nameStyleFor, renderEntry, type NameStyle } from '../render-container.js';
import { writeChunk } from '../reply.js';
import { userAgent, type RouteContext, type RouteHandler } from '../route-context.js';

/** Work between two turns of the event loop: a tenth of what a request that waits may notice. */
const turnMs = 2;
/** One system call each, and one TLS encryption of about a millisecond. */
const writeBytes = 512 * 1024;

export const listContainers: RouteHandler = async (context) => {
  const { cluster, clock, lists, blocks } = context.services;
  const filters = readContainerFilters(context.query);
  const behind = cluster.caughtUp(() => idsOf(likelyContainers(filters, cluster)));
  if (behind !== undefined) await behind;
  const choose = containerChooser(context, filters);
  const sizes = isTrue(context.query.get('size')) ? await readSizes(context) : undefined;
  const nameStyle = nameStyleFor(userAgent(context), context.services.settings.containerNames);
  const { response } = context;
  response.setHeader('Content-Type', 'application/json');
  const answer = new ListAnswer(response, blocks);
  const list = lists.open(cluster.engines(), nameStyle);
  const likely = likelyContainers(filters, cluster);
  const one = (container: CachedContainer): Buffer =>
    sizes === undefined
      ? list.one(container)
      : renderSized(container, { nameStyle, nowMs: clock.now(), sizes });
  const pieces = (block: readonly CachedContainer[], chosen: readonly number[]): readonly Buffer[] =>
    sizes === undefined && likely === undefined
      ? list.pieces(block, chosen)
      : chosen.flatMap((at) => block.slice(at, at + 1).map(one));
  let turnEndsMs = clock.monotonic() + turnMs;
  // Blocks are never changed, so the list is that of this moment however long the client takes.
  for (const block of likely === undefined ? cluster.containerBlocks() : chunksOf(likely)) {
    const chosen = choose(block);
    if (chosen.length > 0) {
      for (const piece of pieces(block, chosen)) answer.add(piece);
      if (answer.pendingBytes >= writeBytes && !(await answer.flush())) return;
    }
    if (choose.isDone()) break;
    if (clock.monotonic() < turnEndsMs) continue;
    await nextTurn();
    turnEndsMs = clock.monotonic() + turnMs;
  }
  answer.end();
};

function idsOf(containers: readonly CachedContainer[] | undefined): ReadonlySet<string> | undefined {
  return containers === undefined ? undefined : new Set(containers.map(({ id }) => id));
}

/** As many as are worth a look at the clock. */
const chunkLength = 64;

function* chunksOf(containers: readonly CachedContainer[]): Generator<readonly CachedContainer[]> {
  for (let at = 0; at < containers.length; at += chunkLength) yield containers.slice(at, at + chunkLength);
}

/** Pieces of a list on their way to a client, each beginning with a comma. */
class ListAnswer {
  readonly #response: ServerResponse;
  readonly #blocks: AnswerBlocks;
  #pending: Buffer[] = [Buffer.from('[')];
  #isFirst = true;
  pendingBytes = 0;

  constructor(response: ServerResponse, blocks: AnswerBlocks) {
    this.#response = response;
    this.#blocks = blocks;
  }

  add(piece: Buffer): void {
    this.#pending.push(this.#isFirst ? piece.subarray(1) : piece);
    this.#isFirst = false;
    this.pendingBytes += piece.length;
  }

  /** @returns false when the client is gone */
  async flush(): Promise<boolean> {
    const [last, ...before] = this.#pending.reverse();
    this.#pending = [];
    this.pendingBytes = 0;
    if (last === undefined) return true;
    this.#response.cork();
    for (const piece of before.reverse()) this.#response.write(piece);
    const written = writeChunk(this.#response, last);
    this.#response.uncork();
    return written;
  }

  end(): void {
    // Small answers leave in one piece, which clients like best.
    this.#blocks.end(this.#response, [...this.#pending, Buffer.from(']\n')]);
  }
}

function renderSized(
  container: CachedContainer,
  options: { nameStyle: NameStyle; nowMs: number; sizes: ReadonlyMap<string, JsonObject> },
): Buffer {
  const sizes = Object.entries(options.sizes.get(container.id) ?? {});
  const more = Object.fromEntries(sizes.map(([member, size]) => [member, stringifyJson(size)]));
  return Buffer.from(`,${renderEntry(container, { ...options, more }).text}`, 'latin1');
}

interface Chooser {
  /** Positions of the containers of a block that the answer shows. */
  (block: readonly CachedContainer[]): readonly number[];
  /** Whether the limit is reached. */
  readonly isDone: () => boolean;
}

function readContainerFilters(query: URLSearchParams): Filters {
  const filters = new Map(readFilters(query, containerFilterKeys));
  // The older spelling of the same filters, still sent by clients of API 1.24.
  for (const key of ['before', 'since']) {
    const value = query.get(key);
    if (value !== null && value !== '' && !filters.has(key)) filters.set(key, [value]);
  }
  return filters;
}

function containerChooser({ query, services }: RouteContext, filters: Filters): Chooser {
  const limit = readInteger(query, 'limit') ?? 0;
  const isAll = isTrue(query.get('all'));
  const wantsAllStates = isAll || limit > 0 || filters.has('status');
  const matches = containerPredicate(filters, services.cluster);
  let left = limit > 0 ? limit : Infinity;
  const choose = (block: readonly CachedContainer[]): readonly number[] => {
    const chosen: number[] = [];
    for (let at = 0; at < block.length && left > 0; at += 1) {
      const container = block[at];
      if (container === undefined) continue;
      if (!wantsAllStates && !isRunning(container.state)) continue;
      if (!isAll && isAgent(container)) continue;
      if (!matches(container)) continue;
      chosen.push(at);
      left -= 1;
    }
    return chosen;
  };
  return Object.assign(choose, { isDone: () => left <= 0 });
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
