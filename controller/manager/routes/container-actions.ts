// Calls on one existing container: found by reference, sent to its engine by full ID, cache refreshed before the answer.
import { isTrue } from '../query.js';
import { answerWithin, callForBody, stallWithin } from '../call-engine.js';
import { ApiError, nameInUse } from '../api-error.js';
import { enginePath } from '../engine-path.js';
import { findEndableContainer, findReachableContainer } from '../find-container.js';
import { forwardBulk, forwardChange, forwardStream, needsStreamType, replySmall } from '../forward.js';
import { contendForName } from '../contend-for-name.js';
import { objectAt, stringAt } from '../../base/json.js';
import { parseJsonObject } from '../read-all.js';
import { readBody } from '../read-body.js';
import { param, type RequestContext, type RouteContext, type RouteHandler } from '../route-context.js';
import type { CachedContainer } from '../../engine/cluster-view.js';

const containerOf = (context: RouteContext): CachedContainer =>
  findReachableContainer(context.services.cluster, param(context, 'id'));

/** A stream or an answer of one container: top, changes, what is below a path. */
function streamed(
  suffix: string,
  options: { readonly answerWithinMs?: number; readonly stallWithinMs?: number } = {},
): RouteHandler {
  return async (context) => {
    const { id, engine } = containerOf(context);
    await forwardStream(context, { engine, path: `/containers/${id}/${suffix}`, ...options });
  };
}

/** A change without a body to interpret, after which the cache is read again. */
export function changed(
  suffix: string,
  options: {
    readonly answerWithinMs: number;
    readonly body: 'forward' | 'drop';
    /** Default: any container whose engine answers. */
    readonly find?: typeof findReachableContainer;
  },
): RouteHandler {
  const find = options.find ?? findReachableContainer;
  return async (context) => {
    const { id, engine } = find(context.services.cluster, param(context, 'id'));
    const body = await readBody(context);
    const answer = await forwardChange(context, {
      engine,
      path: `/containers/${id}/${suffix}`,
      answerWithinMs: options.answerWithinMs,
      ...(options.body === 'forward' && body.length > 0 ? { body } : {}),
    });
    if (answer.status < 400) await context.services.cluster.refreshContainer(engine, id);
    replySmall(context, answer);
  };
}

/** An archive of one container, which may be as large as its disk. */
function downloaded(suffix: string): RouteHandler {
  return async (context) => {
    const { id, engine } = containerOf(context);
    await forwardBulk(context, {
      engine,
      path: `/containers/${id}/${suffix}`,
      stallWithinMs: stallWithin.data,
    });
  };
}

const lookUp = { answerWithinMs: answerWithin.slow, stallWithinMs: stallWithin.json } as const;

export const containerTop = streamed('top', lookUp);
export const containerChanges = streamed('changes', lookUp);
export const containerExport = downloaded('export');
export const headArchive = streamed('archive', lookUp);
export const getArchive = downloaded('archive');
export const putArchive = streamed('archive');

/** One line a second for ever, or a single one. */
export const containerStats: RouteHandler = async (context) => {
  const { id, engine } = containerOf(context);
  const stream = context.query.get('stream');
  await forwardStream(context, {
    engine,
    path: `/containers/${id}/stats`,
    ...(stream === null || isTrue(stream) ? { isEndless: true } : lookUp),
  });
};

export const killContainer = changed('kill', {
  answerWithinMs: answerWithin.slow,
  body: 'drop',
  find: findEndableContainer,
});
export const pauseContainer = changed('pause', { answerWithinMs: answerWithin.slow, body: 'drop' });
export const unpauseContainer = changed('unpause', { answerWithinMs: answerWithin.slow, body: 'drop' });

export const containerCheckpoints = streamed('checkpoints', lookUp);
export const createCheckpoint = changed('checkpoints', {
  answerWithinMs: answerWithin.slow,
  body: 'forward',
});

export const removeCheckpoint: RouteHandler = async (context) => {
  const { id, engine } = containerOf(context);
  const path = `/containers/${id}/checkpoints/${encodeURIComponent(param(context, 'name'))}`;
  replySmall(context, await forwardChange(context, { engine, path, answerWithinMs: answerWithin.slow }));
};

export const websocketWithoutUpgrade: RouteHandler = () =>
  Promise.reject(new ApiError(400, 'Cannot attach: the request must ask for a websocket'));

export const resizeContainer: RouteHandler = async (context) => {
  const { id, engine } = containerOf(context);
  replySmall(
    context,
    await forwardChange(context, {
      engine,
      path: `/containers/${id}/resize`,
      answerWithinMs: answerWithin.quick,
    }),
  );
};

export const containerLogs: RouteHandler = async (context) => {
  const container = containerOf(context);
  await forwardStream(context, {
    engine: container.engine,
    path: `/containers/${container.id}/logs`,
    isTerminal: () => hasTerminal(context, container),
    isEndless: true,
  });
};

/** Attach without an upgrade: the engine answers 200 with the raw stream. */
export const attachWithoutUpgrade: RouteHandler = async (context) => {
  const container = containerOf(context);
  // Some clients leave their request open for input: engines have dropped what comes there, and do not wait for its end.
  context.body.resume();
  await forwardStream(context, {
    engine: container.engine,
    path: `/containers/${container.id}/attach`,
    body: new Uint8Array(),
    isTerminal: () => hasTerminal(context, container),
    isEndless: true,
  });
};

export const renameContainer: RouteHandler = async (context) => {
  const container = containerOf(context);
  const { id, engine, names } = container;
  const name = (context.query.get('name') ?? '').replace(/^\//, '');
  if (names.includes(name))
    throw new ApiError(400, 'Renaming a container with the same name as its current name');
  const release = context.services.names.reserve(name, id);
  try {
    const answer = await forwardChange(context, {
      engine,
      path: `/containers/${id}/rename`,
      answerWithinMs: answerWithin.quick,
    });
    if (answer.status < 400) await settleRenamed(context, { container, name });
    replySmall(context, answer);
  } finally {
    release();
  }
};

/** The cache learns of the name; one that another manager gave away at the same time is given back. */
async function settleRenamed(
  context: RouteContext,
  { container, name }: { container: CachedContainer; name: string },
): Promise<void> {
  const { cluster } = context.services;
  const { engine, id, names } = container;
  await cluster.refreshContainer(engine, id);
  const holder = await contendForName(context.services, { name, engine, id, isNew: false });
  const before = names[0];
  if (holder === undefined || before === undefined) return;
  const back = await forwardChange(context, {
    engine,
    path: `/containers/${id}/rename`,
    query: new URLSearchParams({ name: before }),
    answerWithinMs: answerWithin.quick,
  });
  await cluster.refreshContainer(engine, id);
  if (back.status < 400) throw nameInUse(name, holder);
}

export const commitContainer: RouteHandler = async (context) => {
  const reference = context.query.get('container') ?? '';
  const { id, engine } = findReachableContainer(context.services.cluster, reference);
  const query = new URLSearchParams(context.query);
  query.set('container', id);
  const body = await readBody(context);
  const answer = await forwardChange(context, {
    engine,
    path: '/commit',
    query,
    answerWithinMs: answerWithin.unbounded,
    ...(body.length > 0 ? { body } : {}),
  });
  if (answer.status < 400) {
    await context.services.cluster.refreshImages(engine);
    const [repo, tag] = [query.get('repo') ?? '', query.get('tag') ?? ''];
    const made = stringAt(parseJsonObject(answer.body), 'Id');
    if (repo !== '' && made !== undefined)
      context.services.catalog.noteName(tag === '' ? repo : `${repo}:${tag}`, made);
  }
  replySmall(context, answer);
};

/** Whether the container has a terminal, when the engine's answer does not tell; asked of the engine. */
export async function hasTerminal(
  context: RequestContext,
  { engine, id }: Pick<CachedContainer, 'engine' | 'id'>,
): Promise<boolean> {
  if (!needsStreamType(engine, context.version)) return false;
  const known = context.services.terminals.has(id);
  if (known !== undefined) return known;
  const answer = await callForBody(context.services.cluster, engine, {
    method: 'GET',
    path: enginePath(engine, { version: context.version, path: `/containers/${id}/json` }),
    headersTimeoutMs: answerWithin.quick,
    signal: context.signal,
  });
  return answer.status === 200 && objectAt(parseJsonObject(answer.body), 'Config')['Tty'] === true;
}
