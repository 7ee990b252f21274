// POST /build and its cancel: a build with the classic builder or BuildKit on one engine, chosen like that of a container.
import type { Readable } from 'node:stream';
import { isSwarmError, messageOf, type SwarmError } from '../../base/errors.js';
import type { PooledEngine } from '../../engine/cluster-view.js';
import { ApiError } from '../api-error.js';
import { baseImagesOf, bringImages, lackingImages } from '../build/base-images.js';
import { decideFor, type PinKey } from '../build/build-pins.js';
import { jsonObjectIn, textListIn, takeBuildDirectives } from '../build/build-directives.js';
import { finishBuild } from '../build/finish-build.js';
import { peekContext } from '../build/peek-context.js';
import { placeBuild } from '../build/place-build.js';
import { untilComplete } from '../build/retry-build.js';
import { watchEngine } from '../build/watch-engine.js';
import { answerWithin, callEngine } from '../call-engine.js';
import { enginePath } from '../engine-path.js';
import { forwardChange, forwardStream, replySmall, type BodyWrapper } from '../forward.js';
import { requestHeaders } from '../headers.js';
import { stringifyJson } from '../lossless-json.js';
import { replyEmpty } from '../reply.js';
import { announcesBody } from '../request-body.js';
import type { RouteContext, RouteHandler } from '../route-context.js';

const uploadPrefix = 'upload-request:';
// The two requests of a build that reads its context from the client's standard input are sent at the same time.
const buildWithinMs = 5_000;

export const buildImage: RouteHandler = async (context) => {
  const buildId = context.query.get('buildid') ?? '';
  if (buildId.startsWith(uploadPrefix)) {
    await uploadContext(context, buildId.slice(uploadPrefix.length));
    return;
  }
  const { services } = context;
  const { pins } = services.builds;
  const version = context.query.get('version') ?? '';
  if (!['', '1', '2'].includes(version)) throw new ApiError(400, `invalid version "${version}"`);
  const session = context.query.get('session') ?? '';
  const { directives, query } = takeBuildDirectives(context.query);
  const tags = context.query.getAll('t').filter((tag) => tag !== '');
  const labels = jsonObjectIn(context.query.get('labels') ?? '');
  const { body, baseImages } = await readBaseImages(context);
  const cacheImages = textListIn(query.get('cachefrom') ?? '');
  const keys: readonly PinKey[] = [
    ...(session === '' ? [] : [`session:${session}` as const]),
    ...(buildId === '' ? [] : [`build:${buildId}` as const]),
  ];
  const { engine, release } = decideFor(pins, keys, () =>
    placeBuild(services, {
      directives,
      labels,
      tags,
      baseImages,
      cacheImages,
      memoryBytes: readBytes(context.query.get('memory')),
      needsBuildKit: version === '2',
      pinned: session === '' ? undefined : pins.find(`session:${session}`),
    }),
  );
  const releases = [release, ...keys.map((key) => pins.pin(key, engine))];
  services.logger.info('Building', { node: engine.name, image: tags.join(', ') });
  const wrapBody = untilFinished(context, {
    engine,
    // Where the context stays with the client, the request can be sent again.
    isRepeatable: version === '2' && !announcesBody(context.request),
    query,
    finish: () => finishBuild(services, { engine, tags, labels }),
  });
  try {
    await services.builds.refresh.settled(engine);
    const lacking = lackingImages([...baseImages, ...cacheImages], { services, engine });
    await bringImages(lacking, { services, engine, signal: context.signal });
    await forwardStream({ ...context, body }, { engine, path: '/build', query, wrapBody });
  } finally {
    for (const one of releases) one();
  }
};

/** What the build begins with, as far as the context tells it early. */
async function readBaseImages(
  context: RouteContext,
): Promise<{ readonly body: Readable; readonly baseImages: readonly string[] }> {
  const { query, request } = context;
  if ((query.get('remote') ?? '') !== '' || !announcesBody(request)) {
    return { body: context.body, baseImages: [] };
  }
  const name = query.get('dockerfile') ?? '';
  const { body, dockerfile } = await peekContext(context.body, { name: name === '' ? 'Dockerfile' : name });
  const buildArguments = jsonObjectIn(query.get('buildargs') ?? '');
  return { body, baseImages: dockerfile === undefined ? [] : baseImagesOf(dockerfile, buildArguments) };
}

/** Ends the progress with an error message when the engine goes away, and only when the cache knows the image. */
function untilFinished(
  context: RouteContext,
  build: {
    readonly engine: PooledEngine;
    readonly isRepeatable: boolean;
    readonly query: URLSearchParams;
    readonly finish: () => Promise<void>;
  },
): BodyWrapper {
  const { engine, query } = build;
  const { clock, cluster, logger } = context.services;
  return async function* (first) {
    let current = first;
    const onLost = (error: SwarmError): void => void current.destroy(error);
    const cancel = watchEngine(engine, { clock, onLost });
    const again = async (): Promise<Readable> => {
      const answer = await callEngine(cluster, engine, {
        method: 'POST',
        path: enginePath(engine, { version: context.version, path: '/build', query }),
        headers: requestHeaders(context.request.rawHeaders, { contentLength: false }),
        headersTimeoutMs: answerWithin.unbounded,
        signal: context.signal,
      });
      current = answer.body;
      return answer.body;
    };
    try {
      if (build.isRepeatable) yield* untilComplete(context, { engine, body: first, again });
      else yield* first;
    } catch (error) {
      if (context.signal.aborted) throw error;
      const message = isSwarmError(error)
        ? error.message
        : `Cannot go on building: engine "${engine.name}" broke off: ${messageOf(error)}`;
      logger.warn(message);
      yield Buffer.from(`${stringifyJson({ errorDetail: { message }, error: message })}\r\n`);
      return;
    } finally {
      cancel();
    }
    await build.finish();
  };
}

/** The context of a build that runs already: it goes where the build is. */
async function uploadContext(context: RouteContext, buildId: string): Promise<void> {
  const { pins } = context.services.builds;
  const engine = await pins.wait(`build:${buildId}`, { signal: context.signal, withinMs: buildWithinMs });
  if (engine === undefined) throw new ApiError(500, 'timeout waiting for build to start');
  await forwardStream(context, { engine, path: '/build' });
}

/** POST /build/cancel: of a build that is over, or was never there, engines say that all is well. */
export const cancelBuild: RouteHandler = async (context) => {
  const buildId = context.query.get('id') ?? '';
  if (buildId === '') throw new ApiError(400, 'build ID not provided');
  const engine = context.services.builds.pins.find(`build:${buildId}`);
  if (engine === undefined) {
    replyEmpty(context.response, 200);
    return;
  }
  replySmall(
    context,
    await forwardChange(context, { engine, path: '/build/cancel', answerWithinMs: answerWithin.quick }),
  );
};

function readBytes(text: string | null): number {
  const bytes = Number(text ?? '0');
  return Number.isFinite(bytes) && bytes > 0 ? bytes : 0;
}
