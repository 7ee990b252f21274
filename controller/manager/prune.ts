// Prune on every engine: what was deleted is joined, the space is added up.
import { isJsonObject, type JsonObject } from '../base/json.js';
import type { PooledEngine } from '../engine/cluster-view.js';
import { answerWithin } from './call-engine.js';
import { fanOut, requireSuccess, type FanOutRequest } from './fan-out.js';
import { reachableEngines } from './find-container.js';
import { formatFilters, parseFilters } from './query.js';
import { replyJson } from './reply.js';
import type { RouteContext } from './route-context.js';

export interface PruneOptions {
  readonly path: string;
  /** Field of the answer with the list of what was deleted. */
  readonly listField: string;
  /** The engines' answers lack the sum for networks. */
  readonly hasSpace: boolean;
  readonly refresh: (engine: PooledEngine) => Promise<void>;
}

export async function pruneEverywhere(context: RouteContext, options: PruneOptions): Promise<void> {
  const request: FanOutRequest = {
    path: options.path,
    query: queryWithoutNode(context),
    answerWithinMs: answerWithin.prune,
  };
  const result = await fanOut(context, chosenEngines(context), request);
  requireSuccess(context, result);
  await Promise.all(result.successes.map(({ engine }) => options.refresh(engine)));
  replyJson(
    context.response,
    200,
    mergePrune(
      result.successes.map(({ value }) => value),
      options,
    ),
  );
}

/** Lists joined in engine order, each item once, sums added; null when nothing was deleted, as engines answer. */
export function mergePrune(
  answers: readonly unknown[],
  { listField, hasSpace }: Pick<PruneOptions, 'listField' | 'hasSpace'>,
): JsonObject {
  const deleted = uniteItems(answers.map((answer) => (isJsonObject(answer) ? answer[listField] : undefined)));
  const space = answers.reduce<number>((sum, answer) => {
    const reclaimed = isJsonObject(answer) ? answer['SpaceReclaimed'] : undefined;
    return sum + (typeof reclaimed === 'number' ? reclaimed : 0);
  }, 0);
  return {
    [listField]: deleted.length === 0 ? null : deleted,
    ...(hasSpace ? { SpaceReclaimed: space } : {}),
  };
}

/** The items of several lists, each once: images have the same names and IDs on many engines. */
export function uniteItems(lists: readonly unknown[]): unknown[] {
  const items = new Map<string, unknown>();
  for (const list of lists) {
    for (const item of Array.isArray(list) ? (list as unknown[]) : []) items.set(JSON.stringify(item), item);
  }
  return [...items.values()];
}

/** The engines of the `node` filter, or all that answer. */
export function chosenEngines(context: RouteContext): readonly PooledEngine[] {
  const nodes = parseFilters(context.query.get('filters')).get('node');
  const engines = reachableEngines(context.services.cluster);
  return nodes === undefined
    ? engines
    : engines.filter((engine) => nodes.includes(engine.name) || nodes.includes(engine.id));
}

/** The client's query without our own `node` filter, which engines refuse. */
export function queryWithoutNode(context: RouteContext): URLSearchParams {
  const query = new URLSearchParams(context.query);
  const filters = formatFilters(parseFilters(query.get('filters')), ['node']);
  if (filters === undefined) query.delete('filters');
  else query.set('filters', filters);
  return query;
}
