// The same change on several engines, told to the client as one progress stream: each line names its node, an engine that
// fails or falls silent is reported and left behind, and the whole fails only when no engine succeeded.
import type { JsonObject } from '../base/json.js';
import { SwarmError } from '../base/errors.js';
import type { PooledEngine } from '../engine/cluster-view.js';
import { readLines } from '../engine/json-lines.js';
import type { EngineRequest } from '../engine/transport.js';
import { ApiError, toHttpFailure } from './api-error.js';
import { callEngine, messageIn } from './call-engine.js';
import { stringifyJson } from './lossless-json.js';
import { errorOf, parseMessage } from './progress-stream.js';
import { readAll } from './read-all.js';
import { writeChunk } from './reply.js';
import type { RouteContext } from './route-context.js';

// Registries and disks pause, engines report progress several times a second: two silent minutes mean it is stuck.
const silentAfterMs = 120_000;

type Outcome =
  | { readonly type: 'done'; readonly engine: PooledEngine }
  | {
      readonly type: 'failed';
      readonly engine: PooledEngine;
      readonly status: number;
      readonly message: string;
    };

/**
 * Sends `makeRequest(engine)` to every engine and merges their progress.
 * @param options.after runs for each engine that succeeded, before the answer ends
 * @throws ApiError with the first failure, as long as nothing was written
 */
export async function replicate(
  context: RouteContext,
  options: {
    readonly engines: readonly PooledEngine[];
    readonly makeRequest: (engine: PooledEngine, signal: AbortSignal) => EngineRequest;
    readonly after: (engine: PooledEngine) => Promise<void>;
  },
): Promise<void> {
  const { response } = context;
  if (options.engines.length === 0) throw new ApiError(503, 'No healthy node available in the cluster');
  const say = async (message: JsonObject): Promise<void> => {
    if (!response.headersSent) {
      response.setHeader('Content-Type', 'application/json');
      response.flushHeaders();
    }
    await writeChunk(response, `${stringifyJson(message)}\r\n`);
  };
  const outcomes = await Promise.all(
    options.engines.map((engine) => runOn(context, { engine, makeRequest: options.makeRequest, say })),
  );
  const done = outcomes.filter((outcome) => outcome.type === 'done');
  const failed = outcomes.filter((outcome) => outcome.type === 'failed');
  await Promise.all(done.map(({ engine }) => options.after(engine)));
  if (done.length === 0) {
    const [first] = failed;
    const message = failed.map(({ engine, message: text }) => `${engine.name}: ${text}`).join('; ');
    if (!response.headersSent) {
      throw new ApiError(first?.status ?? 500, failed.length === 1 ? (first?.message ?? '') : message);
    }
    await say({ errorDetail: { message }, error: message });
  } else {
    for (const { engine, message } of failed) {
      context.services.logger.warn(`Engine "${engine.name}" could not take part: ${message}`);
      await say({ status: `${engine.name}: ${message}` });
    }
    if (!response.headersSent) {
      response.setHeader('Content-Type', 'application/json');
      response.flushHeaders();
    }
  }
  response.end();
}

async function runOn(
  context: RouteContext,
  work: {
    engine: PooledEngine;
    makeRequest: (engine: PooledEngine, signal: AbortSignal) => EngineRequest;
    say: (message: JsonObject) => Promise<void>;
  },
): Promise<Outcome> {
  const { engine } = work;
  const { clock, cluster } = context.services;
  const controller = new AbortController();
  const onLeave = (): void => controller.abort(context.signal.reason);
  context.signal.addEventListener('abort', onLeave, { once: true });
  const giveUp = (): void =>
    controller.abort(
      new SwarmError(
        'ENGINE_TIMEOUT',
        `Cannot wait for engine "${engine.name}": silent for ${silentAfterMs / 1000} s`,
      ),
    );
  let cancel = clock.setTimer(silentAfterMs, giveUp);
  try {
    const answer = await callEngine(cluster, engine, work.makeRequest(engine, controller.signal));
    if (answer.status >= 400) {
      const body = await readAll(answer.body, 1024 * 1024);
      const message = messageIn({ body });
      return { type: 'failed', engine, status: answer.status, message };
    }
    let problem: string | undefined;
    for await (const line of readLines(answer.body)) {
      cancel();
      cancel = clock.setTimer(silentAfterMs, giveUp);
      const message = parseMessage(line);
      if (message === undefined) continue;
      problem = errorOf(message) ?? problem;
      if (errorOf(message) === undefined) await work.say(labelMessage(message, engine.name));
    }
    return problem === undefined
      ? { type: 'done', engine }
      : { type: 'failed', engine, status: 500, message: problem };
  } catch (error) {
    const reason: unknown = controller.signal.aborted ? controller.signal.reason : error;
    return { type: 'failed', engine, ...toHttpFailure(reason) };
  } finally {
    cancel();
    context.signal.removeEventListener('abort', onLeave);
  }
}

/** The message with its node: in the ID, which clients show as the line's beginning, so progress bars stay apart. */
export function labelMessage(message: JsonObject, node: string): JsonObject {
  const id = message['id'];
  if (typeof id === 'string' && id !== '') return { ...message, id: `${node}: ${id}` };
  if (typeof message['stream'] === 'string') return { ...message, stream: `${node}: ${message['stream']}` };
  return { ...message, id: node };
}
