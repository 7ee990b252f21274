// POST /images/create with `fromSrc`: an import makes a new image, and its ID holds the time. Made on one engine and copied
// from there, it is the same image everywhere.
import { stringAt } from '../../base/json.js';
import { readLines } from '../../engine/json-lines.js';
import { callEngine, neverArrived } from '../call-engine.js';
import { relayAnswer } from '../forward.js';
import { chooseImageEngines } from '../choose-image-engines.js';
import { errorOf, parseMessage } from '../progress-stream.js';
import { writeChunk } from '../reply.js';
import type { EngineResponse } from '../../engine/transport.js';
import type { PooledEngine } from '../../engine/cluster-view.js';
import type { RouteContext } from '../route-context.js';
import { copyTo } from './load-images.js';
import { imageRequest } from './image-request.js';

export async function importImage(context: RouteContext): Promise<void> {
  const { catalog, cluster, logger } = context.services;
  const name = importedName(context.query);
  const { engines } = chooseImageEngines(context, name ?? '');
  const { engine, answer } = await send(context, engines);
  if (answer.status >= 400) {
    await relayAnswer(context, answer);
    return;
  }
  const { response } = context;
  response.setHeader('Content-Type', 'application/json');
  response.flushHeaders();
  let made: string | undefined;
  let isFailed = false;
  for await (const line of readLines(answer.body)) {
    const message = parseMessage(line);
    const status = stringAt(message, 'status') ?? '';
    if (status.startsWith('sha256:')) made = status.trim();
    isFailed ||= message !== undefined && errorOf(message) !== undefined;
    // Only the engine's own lines: scripts take the output of docker import for the ID.
    await writeChunk(response, `${line}\r\n`);
  }
  await cluster.refreshImages(engine);
  if (made !== undefined && !isFailed) {
    if (name !== undefined) catalog.noteName(name, made);
    const others = engines.filter((other) => other !== engine);
    for (const outcome of await copyTo(context, { engines: others, references: [name ?? made] })) {
      if (outcome.type === 'failed') logger.warn(outcome.message, { node: outcome.engine.name });
    }
  }
  response.end();
}

/** The first engine that can be reached makes the image. */
async function send(
  context: RouteContext,
  engines: readonly PooledEngine[],
): Promise<{ readonly engine: PooledEngine; readonly answer: EngineResponse }> {
  const last = engines.at(-1);
  for (const engine of engines) {
    try {
      const request = imageRequest(context, engine, '/images/create');
      const answer = await callEngine(context.services.cluster, engine, {
        ...request,
        body: context.body,
        signal: context.signal,
      });
      return { engine, answer };
    } catch (error) {
      if (engine === last || !neverArrived(error)) throw error;
    }
  }
  throw new Error('chooseImageEngines() gave no engine');
}

function importedName(query: URLSearchParams): string | undefined {
  const repo = query.get('repo') ?? '';
  const tag = query.get('tag') ?? '';
  if (repo === '') return undefined;
  return tag === '' ? repo : `${repo}:${tag}`;
}
