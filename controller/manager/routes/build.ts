// POST /build and its cancel: a build with the classic builder or BuildKit on one engine, chosen like that of a container.
import { Readable } from 'node:stream';
import { isSwarmError, messageOf, type SwarmError } from '../../base/errors.js';
import type { PooledEngine } from '../../engine/cluster-view.js';
import { ApiError } from '../api-error.js';
import { decideFor, type PinKey } from '../build/build-pins.js';
import { jsonObjectIn, takeBuildDirectives } from '../build/build-directives.js';
import { finishBuild } from '../build/finish-build.js';
import { placeBuild } from '../build/place-build.js';
import { watchEngine } from '../build/watch-engine.js';
import { answerWithin } from '../call-engine.js';
import { forwardChange, forwardStream, replySmall, type BodyWrapper } from '../forward.js';
import { stringifyJson } from '../lossless-json.js';
import { replyEmpty } from '../reply.js';
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
  const keys: readonly PinKey[] = [
    ...(session === '' ? [] : [`session:${session}` as const]),
    ...(buildId === '' ? [] : [`build:${buildId}` as const]),
  ];
  const { engine, release } = decideFor(pins, keys, () =>
    placeBuild(services, {
      directives,
      labels,
      tags,
      memoryBytes: readBytes(context.query.get('memory')),
      needsBuildKit: version === '2',
      pinned: session === '' ? undefined : pins.find(`session:${session}`),
    }),
  );
  const releases = [release, ...keys.map((key) => pins.pin(key, engine))];
  services.logger.info('Building', { node: engine.name, image: tags.join(', ') });
  try {
    await forwardStream(context, {
      engine,
      path: '/build',
      query,
      wrapBody: untilFinished(context, {
        engine,
        finish: () => finishBuild(services, { engine, tags, labels }),
      }),
    });
  } finally {
    for (const one of releases) one();
  }
};

/** Ends the progress with an error message when the engine goes away, and only when the cache knows the image. */
function untilFinished(
  context: RouteContext,
  { engine, finish }: { engine: PooledEngine; finish: () => Promise<void> },
): BodyWrapper {
  return async function* (body) {
    const onLost = (error: SwarmError): void => {
      if (body instanceof Readable) body.destroy(error);
    };
    const cancel = watchEngine(engine, { clock: context.services.clock, onLost });
    try {
      yield* body;
    } catch (error) {
      if (context.signal.aborted) throw error;
      const message = isSwarmError(error)
        ? error.message
        : `Cannot go on building: engine "${engine.name}" broke off: ${messageOf(error)}`;
      context.services.logger.warn(message);
      yield Buffer.from(`${stringifyJson({ errorDetail: { message }, error: message })}\r\n`);
      return;
    } finally {
      cancel();
    }
    await finish();
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
