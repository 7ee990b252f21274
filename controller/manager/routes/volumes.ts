// Volumes: a local volume is on one engine; its name alone is enough as long as no other engine has the same.
import { isJsonObject, objectAt, stringAt } from '../../base/json.js';
import type { CachedObject } from '../../engine/cluster-view.js';
import { ApiError } from '../api-error.js';
import { isAtLeast } from '../../engine/api-version.js';
import { answerWithin } from '../call-engine.js';
import { encodeReference, engineVersion } from '../engine-path.js';
import { fanOut, requireSuccess, type FanOutResult } from '../fan-out.js';
import { isReachable } from '../find-container.js';
import { findVolume, findVolumes } from '../find-object.js';
import { forwardChange, replySmall } from '../forward.js';
import { matchesLabels } from '../label-filter.js';
import { stringifyJson } from '../lossless-json.js';
import { usesVolume } from '../object-use.js';
import { matchRegex } from '../pattern.js';
import { chosenEngines, mergePrune, queryWithoutNode } from '../prune.js';
import { isTrue, parseFilters, readBooleanFilter, readFilters } from '../query.js';
import { readJsonBody } from '../read-body.js';
import { replyEmpty, replyJson } from '../reply.js';
import { param, type RouteContext, type RouteHandler } from '../route-context.js';
import { chooseEngine } from '../placement/choose-engine.js';
import { splitNodeName } from './networks.js';

const filterKeys = ['dangling', 'driver', 'label', 'name', 'node'] as const;

const isLocal = ({ summary }: CachedObject): boolean => (stringAt(summary, 'Scope') ?? 'local') === 'local';

export const listVolumes: RouteHandler = (context) => {
  const filters = readFilters(context.query, filterKeys);
  const all = dedupe(context.services.cluster.volumes());
  const counts = new Map<string, number>();
  for (const { id } of all) counts.set(id, (counts.get(id) ?? 0) + 1);
  const names = (filters.get('name') ?? []).map((value) => matchRegex(value));
  const nodes = (filters.get('node') ?? []).map((value) => matchRegex(value));
  const dangling = readBooleanFilter(filters, {
    key: 'dangling',
    refusal: (values) => new ApiError(400, `invalid filter 'dangling=${values}'`),
  });
  const shownName = (volume: CachedObject): string =>
    !isLocal(volume) || counts.get(volume.id) === 1 ? volume.id : `${volume.engine.name}/${volume.id}`;
  const listed = all.filter(
    (volume) =>
      (names.length === 0 ||
        names.some((matches) => matches(volume.id) || matches(`${volume.engine.name}/${volume.id}`))) &&
      (nodes.length === 0 || nodes.some((matches) => matches(volume.engine.name))) &&
      (filters.get('driver')?.includes(stringAt(volume.summary, 'Driver') ?? '') ?? true) &&
      (dangling === undefined || dangling === !isUsed(context, volume)) &&
      matchesLabels(objectAt(volume.summary, 'Labels'), filters.get('label') ?? []),
  );
  replyJson(context.response, 200, {
    Volumes: listed.map((volume) => ({ ...volume.summary, Name: shownName(volume) })),
    Warnings: null,
  });
  return Promise.resolve();
};

/** A volume of a driver that works for all engines is one volume. */
function dedupe(volumes: readonly CachedObject[]): readonly CachedObject[] {
  const seen = new Set<string>();
  return volumes.filter((volume) => {
    if (isLocal(volume)) return true;
    const key = `${stringAt(volume.summary, 'Driver') ?? ''} ${volume.id}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function isUsed(context: RouteContext, volume: CachedObject): boolean {
  return context.services.cluster
    .containersOf(volume.engine)
    .some((container) => usesVolume(container, volume));
}

export const createVolume: RouteHandler = async (context) => {
  const { cluster, names, fresh, randomHex } = context.services;
  const body = await readJsonBody(context, { optional: true });
  const { engine: pinned, name } = splitNodeName(context, stringAt(body, 'Name') ?? '');
  const claim = randomHex(32);
  const release = names.reserve(name === '' ? '' : `volume:${name}`, claim);
  try {
    // Creating a volume that exists gives the one that exists, as on one engine.
    const existing =
      name === '' ? undefined : findVolumes(cluster, name).find(({ engine }) => isReachable(engine));
    const engine =
      pinned ??
      existing?.engine ??
      chooseEngine(context.services, { id: claim, labels: objectAt(body, 'Labels') });
    const answer = await forwardChange(context, {
      engine,
      path: '/volumes/create',
      body: Buffer.from(stringifyJson({ ...body, Name: name })),
      answerWithinMs: answerWithin.slow,
    });
    if (answer.status < 400) {
      if (pinned === undefined && existing === undefined && name !== '') {
        fresh.remember('volume', { name, engine, body });
      }
      await cluster.refreshVolumes(engine);
    }
    replySmall(context, answer);
  } finally {
    release();
  }
};

export const inspectVolume: RouteHandler = async (context) => {
  const volume = findVolume(context.services.cluster, { reference: param(context, 'name'), purpose: 'read' });
  replySmall(
    context,
    await forwardChange(context, {
      engine: volume.engine,
      path: `/volumes/${encodeReference(volume.id)}`,
      answerWithinMs: answerWithin.quick,
    }),
  );
};

export const removeVolume: RouteHandler = async (context) => {
  const { cluster } = context.services;
  const reference = param(context, 'name');
  if (isTrue(context.query.get('force')) && findVolumes(cluster, reference).length === 0) {
    replyEmpty(context.response, 204);
    return;
  }
  const volume = findVolume(cluster, { reference, purpose: 'change' });
  const answer = await forwardChange(context, {
    engine: volume.engine,
    path: `/volumes/${encodeReference(volume.id)}`,
    answerWithinMs: answerWithin.slow,
  });
  if (answer.status < 400 || answer.status === 404) await cluster.refreshVolumes(volume.engine);
  replySmall(context, answer);
};

/** PUT /volumes/{name} is about cluster volumes of swarm mode only. */
export const updateVolume: RouteHandler = () =>
  Promise.reject(new ApiError(503, 'volume update only valid for cluster volumes, but swarm is unavailable'));

const pruneKeys = ['all', 'label', 'label!', 'node'];

export const pruneVolumes: RouteHandler = async (context) => {
  const { cluster } = context.services;
  const engines = chosenEngines(context);
  readFilters(context.query, pruneKeys);
  const isModern = (engine: (typeof engines)[number]): boolean =>
    !isAtLeast(context.version, '1.42') || isAtLeast(engineVersion(engine, context.version), '1.42');
  const result = await fanOut(context, engines.filter(isModern), {
    path: '/volumes/prune',
    query: queryWithoutNode(context),
    answerWithinMs: answerWithin.prune,
  });
  const older = await Promise.all(
    engines.filter((engine) => !isModern(engine)).map((engine) => pruneOneByOne(context, engine)),
  );
  const successes = [...result.successes, ...older.flatMap((one) => one.successes)];
  const failures = [...result.failures, ...older.flatMap((one) => one.failures)];
  requireSuccess(context, { successes, failures });
  await Promise.all(successes.map(({ engine }) => cluster.refreshVolumes(engine)));
  const answers = successes.map(({ value }) => value);
  const merged = mergePrune(answers, { listField: 'VolumesDeleted', hasSpace: true });
  // Of all prunes, this one says in engines that nothing was deleted by an empty list.
  replyJson(context.response, 200, { ...merged, VolumesDeleted: merged['VolumesDeleted'] ?? [] });
};

/**
 * Engines before 1.42 prune named volumes too, which clients of 1.42 do not expect to lose, and refuse the `all` filter.
 * So for them the manager deletes what the newer rule would: unused volumes without a name, or with `all` every unused one.
 */
async function pruneOneByOne(context: RouteContext, engine: CachedObject['engine']): Promise<FanOutResult> {
  const filters = parseFilters(context.query.get('filters'));
  const isAll = filters.get('all')?.some((value) => isTrue(value)) ?? false;
  // The usage of disks tells what removing a volume gives back; a list does not.
  const listed = await fanOut(context, [engine], {
    method: 'GET',
    path: '/system/df',
    query: new URLSearchParams(),
    answerWithinMs: answerWithin.prune,
  });
  const volumes: unknown = objectAt({ value: listed.successes[0]?.value }, 'value')['Volumes'];
  const deleted: string[] = [];
  let space = 0;
  for (const volume of Array.isArray(volumes) ? (volumes as unknown[]) : []) {
    const name = stringAt(volume, 'Name') ?? '';
    const usage = isJsonObject(volume) ? objectAt(volume, 'UsageData') : {};
    const labels = isJsonObject(volume) ? objectAt(volume, 'Labels') : {};
    const isAnonymous = /^[0-9a-f]{64}$/.test(name);
    if (usage['RefCount'] !== 0 || !(isAll || isAnonymous)) continue;
    if (!matchesLabels(labels, filters.get('label') ?? [])) continue;
    if ((filters.get('label!') ?? []).some((label) => matchesLabels(labels, [label]))) continue;
    const removed = await fanOut(context, [engine], {
      method: 'DELETE',
      path: `/volumes/${encodeReference(name)}`,
      query: new URLSearchParams(),
    });
    if (removed.failures.length > 0) continue;
    deleted.push(name);
    if (typeof usage['Size'] === 'number' && usage['Size'] > 0) space += usage['Size'];
  }
  return {
    failures: listed.failures,
    successes: listed.successes.map((success) => ({
      ...success,
      value: { VolumesDeleted: deleted, SpaceReclaimed: space },
    })),
  };
}
