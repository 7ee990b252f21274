// Engine plugins: installed on every engine, since containers that use one may land anywhere; changed where they are.
import type { PooledEngine } from '../../engine/cluster-view.js';
import { ApiError } from '../api-error.js';
import { answerWithin, callForBody, fanOutLimit, settleAll } from '../call-engine.js';
import { encodeReference, enginePath } from '../engine-path.js';
import { collect, fanOut, requireSuccess, type FanOutResult } from '../fan-out.js';
import { anyEngine, reachableEngines } from '../find-container.js';
import { findPlugins, mergePlugins, readPlugins, type Plugin } from '../find-plugins.js';
import { forwardStream } from '../forward.js';
import { requestHeaders } from '../headers.js';
import { withDefaultTag } from '../image-reference.js';
import { readAll } from '../read-all.js';
import { replicate } from '../replicate.js';
import { replyEmpty, replyJson } from '../reply.js';
import { param, type RouteContext, type RouteHandler } from '../route-context.js';
import { teeUpload } from '../tee-upload.js';

export const listPlugins: RouteHandler = async (context) => {
  replyJson(context.response, 200, mergePlugins(await readPlugins(context, context.query)));
};

/** `docker inspect` without a type asks here last, so a missing one must be the engine's 404. */
export const inspectPlugin: RouteHandler = async (context) => {
  const [merged] = mergePlugins(await findPlugins(context, param(context, 'name')));
  replyJson(context.response, 200, merged);
};

/** What a plugin wants to be allowed, which its registry knows. */
export const pluginPrivileges: RouteHandler = (context) =>
  forwardStream(context, {
    engine: anyEngine(context.services.cluster),
    path: '/plugins/privileges',
    answerWithinMs: answerWithin.slow,
  });

export const pullPlugin: RouteHandler = async (context) => {
  const body = await readAll(context.body);
  const local = context.query.get('name') ?? '';
  announceName(context, local === '' ? (context.query.get('remote') ?? '') : local);
  await replicateOn(context, {
    engines: reachableEngines(context.services.cluster),
    path: () => '/plugins/pull',
    body,
  });
};

export const upgradePlugin: RouteHandler = async (context) => {
  const plugins = await findPlugins(context, param(context, 'name'));
  const body = await readAll(context.body);
  const nameOn = new Map(plugins.map(({ engine, name }) => [engine, name]));
  announceName(context, plugins[0]?.name ?? '');
  await replicateOn(context, {
    engines: [...nameOn.keys()],
    path: (engine) => `/plugins/${encodeReference(nameOn.get(engine) ?? '')}/upgrade`,
    body,
  });
};

/** `docker plugin install` takes from this header the name under which it then sets and enables the plugin. */
function announceName({ response }: RouteContext, reference: string): void {
  response.setHeader('Docker-Plugin-Name', withDefaultTag(reference));
}

async function replicateOn(
  context: RouteContext,
  work: { engines: readonly PooledEngine[]; path: (engine: PooledEngine) => string; body: Buffer },
): Promise<void> {
  await replicate(context, {
    engines: work.engines,
    makeRequest: (engine, signal) => ({
      method: context.request.method,
      path: enginePath(engine, {
        version: context.version,
        path: work.path(engine),
        query: context.query,
      }),
      headers: requestHeaders(context.request.rawHeaders, { contentLength: false }),
      headersTimeoutMs: answerWithin.slow,
      body: work.body,
      signal,
    }),
    after: () => Promise.resolve(),
  });
}

/** The archive goes to every engine at once. */
export const createPlugin: RouteHandler = async (context) => {
  const { cluster, clock } = context.services;
  const engines = reachableEngines(cluster);
  const branches = teeUpload(context.body, { count: engines.length, clock });
  const branchOf = new Map(engines.map((engine, at) => [engine, branches[at]]));
  const settled = await settleAll(engines, fanOutLimit, (engine) => {
    const body = branchOf.get(engine);
    return callForBody(cluster, engine, {
      method: 'POST',
      path: enginePath(engine, {
        version: context.version,
        path: '/plugins/create',
        query: context.query,
      }),
      headers: requestHeaders(context.request.rawHeaders, { contentLength: false }),
      headersTimeoutMs: answerWithin.slow,
      ...(body === undefined ? {} : { body }),
      signal: context.signal,
    });
  });
  replyChanged(context, collect(engines, settled));
};

export const pushPlugin: RouteHandler = async (context) => {
  const [plugin] = await findPlugins(context, param(context, 'name'));
  if (plugin === undefined) throw new Error('findPlugins() found none and did not say so');
  await forwardStream(context, {
    engine: plugin.engine,
    path: `/plugins/${encodeReference(plugin.name)}/push`,
  });
};

/** The same change to every installation. */
function changed(method: 'POST' | 'DELETE', suffix: string): RouteHandler {
  return async (context) => {
    const plugins = await findPlugins(context, param(context, 'name'));
    const body = await readAll(context.body);
    const results = await Promise.all(
      plugins.map(({ engine, name }: Plugin) =>
        fanOut(context, [engine], {
          path: `/plugins/${encodeReference(name)}${suffix}`,
          method,
          ...(body.length > 0 ? { body } : {}),
        }),
      ),
    );
    replyChanged(context, {
      successes: results.flatMap(({ successes }) => successes),
      failures: results.flatMap(({ failures }) => failures),
    });
  };
}

export const removePlugin = changed('DELETE', '');
export const enablePlugin = changed('POST', '/enable');
export const disablePlugin = changed('POST', '/disable');
export const setPlugin = changed('POST', '/set');

/**
 * A plugin that is in one state here and in another there is worth an error: the first one is the answer, with its node
 * when there are several.
 */
function replyChanged(context: RouteContext, result: FanOutResult): void {
  const [failure] = result.failures;
  const [success] = result.successes;
  if (failure !== undefined && result.successes.length + result.failures.length > 1) {
    throw new ApiError(failure.status, `${failure.engine.name}: ${failure.message}`);
  }
  if (failure !== undefined || success === undefined) requireSuccess(context, result);
  if (success?.value === undefined) replyEmpty(context.response, success?.status ?? 200);
  else replyJson(context.response, success.status, success.value);
}
