// GET /events: what engines remember since a moment, then what happens, one JSON object a line.
import type { ServerResponse } from 'node:http';
import { stringAt, type JsonObject } from '../../base/json.js';
import { isAtLeast } from '../../engine/api-version.js';
import { attributeEvent, parseEngineEvent } from '../../engine/cluster-event.js';
import type { ClusterEvent, PooledEngine } from '../../engine/cluster-view.js';
import { ApiError } from '../api-error.js';
import { callForBody, fanOutLimit, settleAll } from '../call-engine.js';
import { enginePath } from '../engine-path.js';
import { eventFilterKeys, eventPredicate } from '../event-filter.js';
import { reachableEngines } from '../find-container.js';
import { frameLines, LineWriter, type FramedLines } from '../framed-lines.js';
import { formatFilters, readFilters, readInstant, type Filters } from '../query.js';
import { writeChunk } from '../reply.js';
import type { RouteContext, RouteHandler } from '../route-context.js';
import { ToldEvents } from '../told-events.js';

// A subscriber that lets this much pile up does not read: some 5,000 events, beside what its sockets hold. Fifty of them
// at once are 200 MB, so it is not more.
const maxUnsentBytes = 4 * 1024 * 1024;
// What happens while the past is read and sent: eight seconds of a fleet with a thousand events a second.
const maxHeldChars = 8 * 1024 * 1024;
/** The past is sent in pieces of this many characters, as fast as the client reads. */
const pastPieceChars = 64 * 1024;
// Engines answer from memory; one that does not is left out of the past rather than waited for.
const historyWithinMs = 5000;

export const events: RouteHandler = async (context) => {
  const { cluster, clock, feed, logger } = context.services;
  const { response, signal } = context;
  const nowMs = clock.now();
  const filters = readFilters(context.query, eventFilterKeys);
  const { since, until } = readSpan(context, nowMs);
  const matchesFilters = eventPredicate(filters);
  const knowsAll = isAtLeast(context.version, '1.46');
  const matches = ({ event }: ClusterEvent): boolean =>
    matchesFilters(event) && (knowsAll || !isImageCreate(event));
  const isPast = until !== undefined && until.ms <= nowMs;
  // Engines that are asked for an end without a beginning tell all they remember.
  const wantsPast = since !== undefined || until !== undefined;

  response.setHeader('Content-Type', 'application/json');
  // Clients wait for the headers before they do what they want to see the events of.
  response.flushHeaders();

  const cutOff = (): void => {
    if (response.destroyed) return;
    logger.warn('Event subscriber does not read, its connection is closed');
    response.destroy();
  };
  let writer: LineWriter | undefined;
  const take = (lines: FramedLines): void => {
    if (response.destroyed || response.writableEnded) return;
    writer ??= new LineWriter(response);
    writer.write(lines);
    if (response.writableLength > maxUnsentBytes) cutOff();
  };
  let unsubscribe = (): void => undefined;
  try {
    if (wantsPast) {
      const told = new ToldEvents();
      // Live events are held while the past is read and sent, so that nothing falls between the two.
      const held: ClusterEvent[] = [];
      let heldChars = 0;
      if (!isPast)
        unsubscribe = cluster.onEvent((event) => {
          if (!matches(event)) return;
          held.push(event);
          heldChars += event.text.length;
          if (heldChars > maxHeldChars) cutOff();
        });
      const past = await readPast(context, { filters, since, until: isPast ? until : undefined, nowMs });
      await sendPast(response, past.filter(matches), told);
      for (const event of held) if (!told.has(event)) take(frameLines(`${event.text}\n`));
      const endHolding = unsubscribe;
      if (!isPast)
        unsubscribe = feed.subscribe({ matches: (event) => matches(event) && !told.has(event), take });
      endHolding();
    } else {
      const key = `${knowsAll ? 'all' : 'known'} ${formatFilters(filters) ?? ''}`;
      unsubscribe = feed.subscribe({ key, matches, take });
    }
    if (!isPast) await untilOver(context, { until: until?.ms, signal });
  } finally {
    unsubscribe();
  }
  if (writer === undefined) response.end();
  else writer.end();
};

/** Sends the past as fast as the client reads it, and notes what it was told. */
async function sendPast(
  response: ServerResponse,
  past: readonly ClusterEvent[],
  told: ToldEvents,
): Promise<void> {
  let piece = '';
  for (const event of past) {
    told.note(event);
    piece += `${event.text}\n`;
    if (piece.length < pastPieceChars) continue;
    if (!(await writeChunk(response, piece))) return;
    piece = '';
  }
  if (piece !== '') await writeChunk(response, piece);
}

/** Resolves when the client leaves, or at `until`. */
function untilOver(
  context: RouteContext,
  { until, signal }: { until: number | undefined; signal: AbortSignal },
): Promise<void> {
  const { clock, shutdown } = context.services;
  const over = AbortSignal.any([signal, shutdown]);
  return new Promise((resolve) => {
    const finish = (): void => {
      cancel();
      over.removeEventListener('abort', finish);
      resolve();
    };
    // Timers reach 24 days, ends may be set later.
    const wait = (): (() => void) =>
      until === undefined
        ? () => undefined
        : clock.setTimer(until - clock.now(), () => {
            if (clock.now() >= until) finish();
            else cancel = wait();
          });
    let cancel = wait();
    over.addEventListener('abort', finish, { once: true });
    if (over.aborted) finish();
  });
}

/** What engines still remember of the time between, oldest first. */
async function readPast(
  context: RouteContext,
  {
    filters,
    since,
    until,
    nowMs,
  }: { filters: Filters; since: Instant | undefined; until: Instant | undefined; nowMs: number },
): Promise<readonly ClusterEvent[]> {
  const { cluster, settings } = context.services;
  // The engine's own `node` filter means something else, and it knows no `node/name`.
  const upstream = formatFilters(filters, ['node', 'container']);
  const query = new URLSearchParams({ until: until?.seconds ?? formatSeconds(nowMs) });
  if (since !== undefined) query.set('since', since.seconds);
  if (upstream !== undefined) query.set('filters', upstream);
  const answers = await settleAll(reachableEngines(cluster), fanOutLimit, async (engine) => {
    const answer = await callForBody(cluster, engine, {
      method: 'GET',
      // As the pool asks for the events of now, so that both tell the same.
      path: enginePath(engine, { version: settings.versions.max, path: '/events', query }),
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

/** Clients that never heard of this event would count it for another. */
function isImageCreate(event: JsonObject): boolean {
  return stringAt(event, 'Type') === 'image' && stringAt(event, 'Action') === 'create';
}

interface Instant {
  readonly ms: number;
  /** Epoch seconds as engines take them, with every digit the client gave. */
  readonly seconds: string;
}

function formatSeconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

/** @throws ApiError 400 in the engine's wording */
function readSpan(
  context: RouteContext,
  nowMs: number,
): { readonly since: Instant | undefined; readonly until: Instant | undefined } {
  const read = (key: string): Instant | undefined => {
    const text = context.query.get(key) ?? '';
    if (text === '') return undefined;
    const ms = readInstant(text, { nowMs });
    return { ms, seconds: /^-?\d+(\.\d{1,9})?$/.test(text) ? text : formatSeconds(ms) };
  };
  const since = read('since');
  const until = read('until');
  if (since !== undefined && until !== undefined && since.ms > until.ms) {
    throw new ApiError(
      400,
      `\`since\` time (${context.query.get('since') ?? ''}) cannot be after \`until\` time (${context.query.get('until') ?? ''})`,
    );
  }
  return { since, until };
}
