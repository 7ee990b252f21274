// Bringing images into the cluster: pull, load and import, with the progress of every node in one stream.
import { stringAt } from '../../base/json.js';
import type { PooledEngine } from '../../engine/cluster-view.js';
import { readLines } from '../../engine/json-lines.js';
import type { EngineRequest } from '../../engine/transport.js';
import { ApiError } from '../api-error.js';
import { answerWithin, callEngine } from '../call-engine.js';
import { enginePath } from '../engine-path.js';
import { reachableEngines } from '../find-container.js';
import { relayAnswer } from '../forward.js';
import { requestHeaders } from '../headers.js';
import { stringifyJson } from '../lossless-json.js';
import { parseMessage } from '../progress-stream.js';
import { labelMessage, replicate } from '../replicate.js';
import { readBody } from '../read-body.js';
import { writeChunk } from '../reply.js';
import type { RouteContext, RouteHandler } from '../route-context.js';
import { teeUpload } from '../tee-upload.js';

/** POST /images/create: a pull with `fromImage`, an import with `fromSrc`. */
export const createImage: RouteHandler = (context) =>
  (context.query.get('fromSrc') ?? '') === '' ? pullImage(context) : importImage(context);

async function pullImage(context: RouteContext): Promise<void> {
  await readBody(context);
  await replicate(context, {
    engines: reachableEngines(context.services.cluster),
    makeRequest: (engine, signal) => ({ ...requestTo(context, engine, '/images/create'), signal }),
    after: (engine) => context.services.cluster.refreshImages(engine),
  });
}

/** POST /images/load: the archive goes to every engine at once. */
export const loadImages: RouteHandler = async (context) => {
  const engines = reachableEngines(context.services.cluster);
  const branches = teeUpload(context.body, { count: engines.length, clock: context.services.clock });
  const branchOf = new Map(engines.map((engine, at) => [engine, branches[at]]));
  await replicate(context, {
    engines,
    makeRequest: (engine, signal) => {
      const body = branchOf.get(engine);
      return {
        ...requestTo(context, engine, '/images/load'),
        ...(body === undefined ? {} : { body }),
        signal,
      };
    },
    after: (engine) => context.services.cluster.refreshImages(engine),
  });
};

/**
 * An import makes a new image, and its ID holds the time: made on one engine and copied from there, it is the same image
 * everywhere.
 */
async function importImage(context: RouteContext): Promise<void> {
  const { cluster, images, logger } = context.services;
  const [first, ...others] = reachableEngines(cluster);
  if (first === undefined) throw new ApiError(503, 'No healthy node available in the cluster');
  const answer = await callEngine(cluster, first, {
    ...requestTo(context, first, '/images/create'),
    body: context.body,
    signal: context.signal,
  });
  if (answer.status >= 400) {
    await relayAnswer(context, answer);
    return;
  }
  const { response } = context;
  response.setHeader('Content-Type', 'application/json');
  response.flushHeaders();
  let made: string | undefined;
  for await (const line of readLines(answer.body)) {
    const message = parseMessage(line);
    const status = stringAt(message, 'status') ?? '';
    if (status.startsWith('sha256:')) made = status;
    await writeChunk(response, `${line}\r\n`);
  }
  await cluster.refreshImages(first);
  if (made !== undefined) {
    const reference = importedName(context.query) ?? made;
    await Promise.all(
      others.map(async (engine) => {
        const outcome = await images.copyTo(engine, reference).then(
          () => 'Copied',
          (error: unknown) => `Not copied: ${error instanceof Error ? error.message : String(error)}`,
        );
        logger.debug(`Import ${reference}: ${outcome}`, { node: engine.name });
        await writeChunk(response, `${stringifyJson(labelMessage({ status: outcome }, engine.name))}\r\n`);
      }),
    );
  }
  response.end();
}

function importedName(query: URLSearchParams): string | undefined {
  const repo = query.get('repo') ?? '';
  const tag = query.get('tag') ?? '';
  if (repo === '') return undefined;
  return tag === '' ? repo : `${repo}:${tag}`;
}

function requestTo(context: RouteContext, engine: PooledEngine, path: string): EngineRequest {
  return {
    method: 'POST',
    path: enginePath(engine, { version: context.version, path, query: context.query }),
    headers: requestHeaders(context.request.rawHeaders, { contentLength: false }),
    headersTimeoutMs: answerWithin.unbounded,
  };
}
