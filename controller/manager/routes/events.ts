// GET /events: what engines remember since a moment, then what happens, one JSON object a line.
import { attributeEvent, parseEngineEvent } from '../../engine/cluster-event.js';
import type { ClusterEvent, PooledEngine } from '../../engine/cluster-view.js';
import { callForBody, fanOutLimit, settleAll } from '../call-engine.js';
import { enginePath } from '../engine-path.js';
import { eventFilterKeys, eventPredicate } from '../event-filter.js';
import { reachableEngines } from '../find-container.js';
import { formatFilters, readFilters, readInstant, type Filters } from '../query.js';
import type { RouteContext, RouteHandler } from '../route-context.js';

// A subscriber that lets this much pile up does not read; an event has ~1 kB, so this is some 8,000 of them.
const maxUnsentBytes = 8 * 1024 * 1024;
// Engines answer from memory; one that does not is left out of the past rather than waited for.
const historyWithinMs = 5000;

export const events: RouteHandler = async (context) => {
  const { cluster, clock, logger } = context.services;
  const { response, signal } = context;
  const nowMs = clock.now();
  const filters = readFilters(context.query, eventFilterKeys);
  const since = readTime(context, { key: 'since', nowMs });
  const until = readTime(context, { key: 'until', nowMs });
  const matches = eventPredicate(filters);
  const isPast = until !== undefined && until <= nowMs;

  response.setHeader('Content-Type', 'application/json');
  // Clients wait for the headers before they do what they want to see the events of.
  response.flushHeaders();

  // Live events are collected while the past is read, so that nothing falls between the two.
  let held: ClusterEvent[] | undefined = [];
  const unsubscribe = cluster.onEvent((event) => {
    if (isPast || !matches(event.event)) return;
    if (held === undefined) send(event);
    else held.push(event);
  });
  const send = (event: ClusterEvent): void => {
    if (response.destroyed || response.writableEnded) return;
    response.write(`${event.text}\n`);
    if (response.writableLength <= maxUnsentBytes) return;
    logger.warn('Event subscriber does not read, its connection is closed');
    response.destroy();
  };
  try {
    const sent = new Set<string>();
    if (since !== undefined) {
      for (const event of await readPast(context, {
        filters,
        since,
        until: Math.min(until ?? nowMs, nowMs),
      })) {
        if (!matches(event.event)) continue;
        sent.add(event.text);
        send(event);
      }
    }
    for (const event of held) if (!sent.has(event.text)) send(event);
    held = undefined;
    if (!isPast) await untilOver(context, { until, signal });
  } finally {
    unsubscribe();
  }
  response.end();
};

/** Resolves when the client leaves, or at `until`. */
function untilOver(
  context: RouteContext,
  { until, signal }: { until: number | undefined; signal: AbortSignal },
): Promise<void> {
  const { clock, shutdown } = context.services;
  return new Promise((resolve) => {
    const finish = (): void => {
      cancel();
      shutdown.removeEventListener('abort', finish);
      resolve();
    };
    const cancel =
      until === undefined ? () => undefined : clock.setTimer(until - clock.now(), () => finish());
    signal.addEventListener('abort', finish, { once: true });
    shutdown.addEventListener('abort', finish, { once: true });
    if (signal.aborted || shutdown.aborted) finish();
  });
}

/** What engines still remember of the time between, oldest first. */
async function readPast(
  context: RouteContext,
  { filters, since, until }: { filters: Filters; since: number; until: number },
): Promise<readonly ClusterEvent[]> {
  // The engine's own `node` filter means something else.
  const upstream = formatFilters(filters, ['node']);
  const answers = await settleAll(reachableEngines(context.services.cluster), fanOutLimit, async (engine) => {
    const query = new URLSearchParams({ since: formatSeconds(since), until: formatSeconds(until) });
    if (upstream !== undefined) query.set('filters', upstream);
    const answer = await callForBody(context.services.cluster, engine, {
      method: 'GET',
      path: enginePath(engine, { version: context.version, path: '/events', query }),
      headersTimeoutMs: historyWithinMs,
      signal: context.signal,
    });
    return answer.status === 200 ? parseEvents(answer.body.toString('utf8'), engine) : [];
  });
  return answers
    .flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
    .sort((a, b) => (a.timeNano < b.timeNano ? -1 : a.timeNano > b.timeNano ? 1 : 0));
}

function parseEvents(text: string, engine: PooledEngine): ClusterEvent[] {
  const node = { name: engine.name, id: engine.id, address: engine.address, ip: engine.ip };
  return text.split('\n').flatMap((line) => {
    const parsed = line === '' ? undefined : parseEngineEvent(line);
    return parsed === undefined ? [] : [attributeEvent(parsed, node)];
  });
}

function formatSeconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

function readTime(context: RouteContext, { key, nowMs }: { key: string; nowMs: number }): number | undefined {
  const text = context.query.get(key);
  return text === null || text === '' ? undefined : readInstant(text, { key, nowMs });
}
