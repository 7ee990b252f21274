// The same change on several engines, told to the client as one progress stream: each line names its node, an engine that
// fails or falls silent is reported and left behind, and the whole fails only when no engine succeeded.
import type { JsonObject } from '../base/json.js';
import { SwarmError } from '../base/errors.js';
import type { PooledEngine } from '../engine/cluster-view.js';
import { readLines } from '../engine/json-lines.js';
import type { EngineRequest } from '../engine/transport.js';
import { ApiError, toHttpFailure } from './api-error.js';
import { callEngine, fanOutLimit, messageIn, settleAll } from './call-engine.js';
import { isReachable } from './find-container.js';
import { stringifyJson } from './lossless-json.js';
import { errorOf, parseMessage } from './progress-stream.js';
import { readAll } from './read-all.js';
import { writeChunk } from './reply.js';
import type { RouteContext } from './route-context.js';

// Registries and disks pause, engines report progress several times a second: two silent minutes mean it is stuck.
const silentAfterMs = 120_000;
// An engine that hangs is found out by its health probe within 10 s; this is small against that.
const lookEveryMs = 1_000;

export type Outcome =
  | { readonly type: 'done'; readonly engine: PooledEngine }
  | {
      readonly type: 'failed';
      readonly engine: PooledEngine;
      readonly status: number;
      readonly message: string;
    };

type Say = (message: JsonObject) => Promise<void>;

export interface ReplicateOptions {
  readonly engines: readonly PooledEngine[];
  readonly makeRequest: (engine: PooledEngine, signal: AbortSignal) => EngineRequest;
  /** Runs for each engine that succeeded, before the answer ends. */
  readonly after: (engine: PooledEngine) => Promise<void>;
  /** Engines at work at the same time. Default `fanOutLimit`. */
  readonly limit?: number;
  /** Engines that should take part but cannot be asked; the client is told. */
  readonly leftOut?: readonly PooledEngine[];
  /** What the client sees of an engine's message; undefined: nothing. Default `labelMessage`. */
  readonly render?: (message: JsonObject, engine: PooledEngine) => JsonObject | undefined;
  /**
   * A second way for engines that failed, when at least one succeeded; runs after `after`.
   * @returns the outcomes that count
   */
  readonly finish?: (outcomes: readonly Outcome[], say: Say) => Promise<readonly Outcome[]>;
}

/**
 * Sends `makeRequest(engine)` to every engine and merges their progress.
 * @throws ApiError with the first failure, as long as nothing was written
 */
export async function replicate(context: RouteContext, options: ReplicateOptions): Promise<void> {
  const { response } = context;
  const { engines, limit = fanOutLimit, leftOut = [] } = options;
  if (engines.length === 0) throw new ApiError(503, 'No healthy node available in the cluster');
  const say = createSay(context);
  const settled = await settleAll(engines, limit, (engine) => runOn(context, { engine, options, say }));
  let outcomes = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const done = outcomes.filter((outcome) => outcome.type === 'done');
  await Promise.all(done.map(({ engine }) => options.after(engine)));
  if (done.length === 0) {
    await fail(context, { outcomes, say });
    return;
  }
  if (options.finish !== undefined) outcomes = [...(await options.finish(outcomes, say))];
  for (const outcome of outcomes) {
    if (outcome.type === 'done') continue;
    const { engine, message } = outcome;
    context.services.logger.warn(`Engine "${engine.name}" could not take part: ${message}`);
    await say({ id: engine.name, status: `Failed: ${message}` });
  }
  for (const engine of leftOut) {
    await say({ id: engine.name, status: `Left out: ${engine.error ?? `the engine is ${engine.state}`}` });
  }
  if (!response.headersSent) beginStream(context);
  response.end();
}

/** One failure of all is told in the engine's own words; different ones each with its node. */
async function fail(
  context: RouteContext,
  { outcomes, say }: { outcomes: readonly Outcome[]; say: Say },
): Promise<void> {
  const failed = outcomes.filter((outcome) => outcome.type === 'failed');
  const texts = new Set(failed.map(({ message }) => message));
  const message =
    texts.size === 1
      ? (failed[0]?.message ?? '')
      : failed.map(({ engine, message: text }) => `${engine.name}: ${text}`).join('; ');
  if (!context.response.headersSent) throw new ApiError(failed[0]?.status ?? 500, message);
  await say({ errorDetail: { message }, error: message });
  context.response.end();
}

function beginStream({ response }: RouteContext): void {
  response.setHeader('Content-Type', 'application/json');
  response.flushHeaders();
}

/** Lines of all engines go out one after the other, at the pace of the client. */
function createSay(context: RouteContext): Say {
  const { response } = context;
  let last: Promise<unknown> = Promise.resolve();
  return async (message) => {
    if (!response.headersSent) beginStream(context);
    last = last.then(() => writeChunk(response, `${stringifyJson(message)}\r\n`));
    await last;
  };
}

async function runOn(
  context: RouteContext,
  { engine, options, say }: { engine: PooledEngine; options: ReplicateOptions; say: Say },
): Promise<Outcome> {
  const { cluster } = context.services;
  const { render = (message: JsonObject) => labelMessage(message, engine.name) } = options;
  const watch = watchEngine(context, engine);
  try {
    watch.signal.throwIfAborted();
    const answer = await callEngine(cluster, engine, options.makeRequest(engine, watch.signal));
    if (answer.status >= 400) {
      const body = await readAll(answer.body, 1024 * 1024);
      return { type: 'failed', engine, status: answer.status, message: messageIn({ body }) };
    }
    let problem: string | undefined;
    for await (const line of readLines(answer.body)) {
      const message = parseMessage(line);
      if (message === undefined) continue;
      problem = errorOf(message) ?? problem;
      const shown = errorOf(message) === undefined ? render(message, engine) : undefined;
      // The time that the client takes to read is not the engine's.
      watch.pause();
      if (shown !== undefined) await say(shown);
      watch.resume();
    }
    return problem === undefined
      ? { type: 'done', engine }
      : { type: 'failed', engine, status: 500, message: problem };
  } catch (error) {
    const reason: unknown = watch.signal.aborted ? watch.signal.reason : error;
    return { type: 'failed', engine, ...toHttpFailure(reason) };
  } finally {
    watch.end();
  }
}

interface Watch {
  /** Aborts when the client leaves, the engine is silent for too long, or is no longer healthy. */
  readonly signal: AbortSignal;
  readonly pause: () => void;
  readonly resume: () => void;
  readonly end: () => void;
}

function watchEngine({ signal, services: { clock } }: RouteContext, engine: PooledEngine): Watch {
  const controller = new AbortController();
  const onLeave = (): void => controller.abort(signal.reason);
  signal.addEventListener('abort', onLeave, { once: true });
  if (signal.aborted) onLeave();
  let silentSinceMs: number | undefined = clock.monotonic();
  let cancel = (): void => undefined;
  const look = (): void => {
    const silentMs = silentSinceMs === undefined ? 0 : clock.monotonic() - silentSinceMs;
    const why = !isReachable(engine)
      ? `it stopped answering${engine.error === undefined ? '' : ` (${engine.error})`}`
      : silentMs >= silentAfterMs
        ? `silent for ${silentAfterMs / 1000} s`
        : undefined;
    if (why === undefined) cancel = clock.setTimer(lookEveryMs, look);
    else
      controller.abort(new SwarmError('ENGINE_TIMEOUT', `Cannot wait for engine "${engine.name}": ${why}`));
  };
  cancel = clock.setTimer(lookEveryMs, look);
  return {
    signal: controller.signal,
    pause: () => (silentSinceMs = undefined),
    resume: () => (silentSinceMs = clock.monotonic()),
    end: () => {
      cancel();
      signal.removeEventListener('abort', onLeave);
    },
  };
}

/** The message with its node: in the ID, which clients show as the line's beginning, so progress bars stay apart. */
export function labelMessage(message: JsonObject, node: string): JsonObject {
  const id = message['id'];
  if (typeof id === 'string' && id !== '') return { ...message, id: `${node}: ${id}` };
  if (typeof message['stream'] === 'string') return { ...message, stream: `${node}: ${message['stream']}` };
  return { ...message, id: node };
}
