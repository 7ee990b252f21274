// Networks: listed under names that mean one network, made on one engine, connected where the container is.
import { objectAt, stringAt, type JsonObject } from '../../base/json.js';
import { isAtLeast } from '../../engine/api-version.js';
import type { CachedObject, PooledEngine } from '../../engine/cluster-view.js';
import { ApiError } from '../api-error.js';
import { ableEngines, connectNeeds, networkNeeds } from '../api-needs.js';
import { answerWithin } from '../call-engine.js';
import { fanOut, requireSuccess } from '../fan-out.js';
import { findReachableContainer, isReachable, reachableEngines } from '../find-container.js';
import { findNetwork } from '../find-object.js';
import { forwardChange, replySmall } from '../forward.js';
import { matchesLabels } from '../label-filter.js';
import { stringifyJson } from '../lossless-json.js';
import { endpointsByNetwork } from '../network-endpoints.js';
import { usesNetwork } from '../object-use.js';
import { matchRegex } from '../pattern.js';
import { chooseEngine } from '../placement/choose-engine.js';
import { isSwarmManager, isSwarmNetwork } from '../placement/swarm-members.js';
import { pruneEverywhere } from '../prune.js';
import { readBooleanFilter, readFilters, type Filters } from '../query.js';
import { readJsonBody } from '../read-body.js';
import { replyJson } from '../reply.js';
import { param, type RouteContext, type RouteHandler } from '../route-context.js';

const filterKeys = ['dangling', 'driver', 'id', 'label', 'name', 'node', 'scope', 'type'] as const;
const predefined = new Set(['bridge', 'host', 'none', 'nat']);

const nameOf = (network: CachedObject): string => stringAt(network.summary, 'Name') ?? '';
const isLocal = (network: CachedObject): boolean =>
  (stringAt(network.summary, 'Scope') ?? 'local') === 'local';

export const listNetworks: RouteHandler = (context) => {
  const filters = readFilters(context.query, filterKeys);
  const all = dedupe(context.services.cluster.networks());
  const counts = new Map<string, number>();
  for (const network of all) counts.set(nameOf(network), (counts.get(nameOf(network)) ?? 0) + 1);
  const regex = (key: string): ((text: string) => boolean)[] =>
    (filters.get(key) ?? []).map((value) => matchRegex(value));
  const [names, ids, nodes] = [regex('name'), regex('id'), regex('node')];
  const anyOf = (key: string, value: string): boolean => filters.get(key)?.includes(value) ?? true;
  const type = filters.get('type');
  for (const value of type ?? []) {
    if (value !== 'custom' && value !== 'builtin')
      throw new ApiError(400, `invalid filter: 'type'='${value}'`);
  }
  const dangling = readDangling(filters);
  const listed = all.filter((network) => {
    const name = nameOf(network);
    const qualified = `${network.engine.name}/${name}`;
    return (
      (names.length === 0 || names.some((matches) => matches(name) || matches(qualified))) &&
      (ids.length === 0 || ids.some((matches) => matches(network.id))) &&
      (nodes.length === 0 || nodes.some((matches) => matches(network.engine.name))) &&
      anyOf('driver', stringAt(network.summary, 'Driver') ?? '') &&
      anyOf('scope', stringAt(network.summary, 'Scope') ?? '') &&
      (type?.includes(predefined.has(name) ? 'builtin' : 'custom') ?? true) &&
      (dangling === undefined || dangling === (!predefined.has(name) && !isUsed(context, network))) &&
      matchesLabels(objectAt(network.summary, 'Labels'), filters.get('label') ?? [])
    );
  });
  const endpoints = isAtLeast(context.version, '1.28')
    ? undefined
    : endpointsByNetwork(context.services.cluster.containers());
  replyJson(
    context.response,
    200,
    listed.map((network) => ({
      ...network.summary,
      Name: listName(network, counts),
      ...(endpoints === undefined ? {} : { Containers: endpoints.get(network.id) ?? {} }),
    })),
  );
  return Promise.resolve();
};

function readDangling(filters: Filters): boolean | undefined {
  return readBooleanFilter(filters, {
    key: 'dangling',
    refusal: (values) =>
      new ApiError(
        400,
        values.includes(' ')
          ? 'got more than one value for filter key "dangling"'
          : 'invalid value for filter \'dangling\', must be "true" (or "1"), or "false" (or "0")',
      ),
  });
}

/** Networks of several engines under one ID are one network. */
function dedupe(networks: readonly CachedObject[]): readonly CachedObject[] {
  const seen = new Set<string>();
  return networks.filter((network) => {
    if (isLocal(network)) return true;
    if (seen.has(network.id)) return false;
    seen.add(network.id);
    return true;
  });
}

/** `node/name` where the name alone would not say which one. */
function listName(network: CachedObject, counts: ReadonlyMap<string, number>): string {
  const name = nameOf(network);
  const isUnique = counts.get(name) === 1 && !predefined.has(name);
  return !isLocal(network) || isUnique ? name : `${network.engine.name}/${name}`;
}

function isUsed(context: RouteContext, network: CachedObject): boolean {
  return context.services.cluster
    .containersOf(network.engine)
    .some((container) => usesNetwork(container, network));
}

export const inspectNetwork: RouteHandler = async (context) => {
  const reference = param(context, 'id');
  const { cluster } = context.services;
  const network = findNetwork(cluster, { reference, purpose: 'read' });
  const path = `/networks/${encodeURIComponent(network.id)}`;
  const engines = cluster.networks().flatMap(({ id, engine }) => (id === network.id ? [engine] : []));
  const reachable = engines.filter(isReachable);
  if (reachable.length > 1) {
    await inspectShared(context, { engines: reachable, path });
    return;
  }
  const answer = await forwardChange(context, {
    engine: network.engine,
    path,
    answerWithinMs: answerWithin.quick,
  });
  replySmall(context, answer);
};

/** A network of several engines: each knows the containers that it runs itself. */
async function inspectShared(
  context: RouteContext,
  { engines, path }: { engines: readonly PooledEngine[]; path: string },
): Promise<void> {
  const result = await fanOut(context, engines, { path, answerWithinMs: answerWithin.quick });
  requireSuccess(context, result);
  const answers = result.successes.map(({ value }) => objectAt({ value }, 'value'));
  const containers = Object.assign(
    {},
    ...answers.map((answer) => objectAt(answer, 'Containers')),
  ) as JsonObject; // merged objects
  replyJson(context.response, 200, { ...answers[0], Containers: containers });
}

export const createNetwork: RouteHandler = async (context) => {
  const { cluster, names, fresh, randomHex } = context.services;
  const body = await readJsonBody(context);
  const given = stringAt(body, 'Name') ?? '';
  const { engine: pinned, name } = splitNodeName(context, given);
  const claim = randomHex(32);
  // Two creates of one name must not end on two engines; the prefix keeps these claims apart from container names.
  const release = names.reserve(`network:${name}`, claim);
  try {
    const existing = cluster
      .networks()
      .find(
        (network) =>
          nameOf(network) === name && (pinned === undefined || network.engine.address === pinned.address),
      );
    if (existing !== undefined && !predefined.has(name)) {
      throw new ApiError(409, `network with name ${name} already exists`);
    }
    const needs = networkNeeds(body, context.version);
    if (pinned !== undefined) ableEngines([pinned], needs);
    // Only a manager of a swarm makes them; where no engine is one, the refusal is that of an engine.
    const ofSwarm =
      pinned === undefined && isSwarmNetwork(body)
        ? reachableEngines(cluster).find(isSwarmManager)
        : undefined;
    const engine =
      pinned ??
      ofSwarm ??
      chooseEngine(context.services, { id: claim, labels: objectAt(body, 'Labels'), needs });
    const answer = await forwardChange(context, {
      engine,
      path: '/networks/create',
      body: Buffer.from(stringifyJson({ ...body, Name: name })),
      answerWithinMs: answerWithin.slow,
    });
    if (answer.status < 400) {
      // Where it could be moved to, it would be made without what it needs.
      if (pinned === undefined && ofSwarm === undefined && needs.length === 0)
        fresh.remember('network', { name, engine, body });
      await cluster.refreshNetworks(engine);
    }
    replySmall(context, answer);
  } finally {
    release();
  }
};

/** `node/name` → the engine and the name; anything else is a name. @throws ApiError 503 when the node does not answer */
export function splitNodeName(
  context: RouteContext,
  given: string,
): { readonly engine?: PooledEngine; readonly name: string } {
  const slash = given.indexOf('/');
  if (slash < 1) return { name: given };
  const node = given.slice(0, slash);
  const engine = context.services.cluster.engines().find(({ name, id }) => name === node || id === node);
  if (engine === undefined) return { name: given };
  if (!isReachable(engine)) throw new ApiError(503, `node ${node} is unhealthy`);
  return { engine, name: given.slice(slash + 1) };
}

export const removeNetwork: RouteHandler = async (context) => {
  const reference = param(context, 'id');
  const { cluster } = context.services;
  const network = findNetwork(cluster, { reference, purpose: 'change' });
  const holders = cluster.networks().filter(({ id }) => id === network.id);
  // A worker of a swarm sees the networks of its containers, and may remove none.
  const engine =
    holders.map((holder) => holder.engine).find((one) => isReachable(one) && isSwarmManager(one)) ??
    network.engine;
  const answer = await forwardChange(context, {
    engine,
    path: `/networks/${encodeURIComponent(network.id)}`,
    answerWithinMs: answerWithin.slow,
  });
  if (answer.status < 400 || answer.status === 404) {
    await Promise.all(holders.map((holder) => cluster.refreshNetworks(holder.engine)));
  }
  replySmall(context, answer);
};

function joining(action: 'connect' | 'disconnect'): RouteHandler {
  return async (context) => {
    const { cluster } = context.services;
    const reference = param(context, 'id');
    const body = await readJsonBody(context);
    const containerReference = stringAt(body, 'Container') ?? '';
    const container = findReachableContainer(cluster, containerReference);
    if (action === 'connect') ableEngines([container.engine], connectNeeds(body, context.version));
    const network = await networkOn(context, { engine: container.engine, reference, containerReference });
    const answer = await forwardChange(context, {
      engine: container.engine,
      path: `/networks/${encodeURIComponent(network)}/${action}`,
      body: Buffer.from(stringifyJson({ ...body, Container: container.id })),
      answerWithinMs: answerWithin.slow,
    });
    if (answer.status < 400) {
      await Promise.all([
        cluster.refreshContainer(container.engine, container.id),
        cluster.refreshNetworks(container.engine),
      ]);
    }
    replySmall(context, answer);
  };
}

export const connectNetwork = joining('connect');
export const disconnectNetwork = joining('disconnect');

/**
 * The network as the container's engine knows it; one that nobody uses yet is brought there.
 * @throws ApiError 404 when it is on other engines only
 */
async function networkOn(
  context: RouteContext,
  {
    engine,
    reference,
    containerReference,
  }: { engine: PooledEngine; reference: string; containerReference: string },
): Promise<string> {
  const { cluster, fresh } = context.services;
  while (fresh.isMoving) await fresh.idle();
  const networks = cluster.networks();
  const isMeant = (network: CachedObject): boolean =>
    network.id === reference ||
    nameOf(network) === reference ||
    `${network.engine.name}/${nameOf(network)}` === reference ||
    (/^[0-9a-f]{12,}$/.test(reference) && network.id.startsWith(reference));
  const there = networks.find((network) => network.engine.address === engine.address && isMeant(network));
  if (there !== undefined) {
    fresh.settle('network', nameOf(there));
    return there.id;
  }
  const elsewhere = networks.find(isMeant);
  if (elsewhere === undefined) return reference;
  if (!isLocal(elsewhere)) return elsewhere.id;
  if (fresh.isMovable('network', elsewhere)) {
    await fresh.move('network', elsewhere, engine);
    fresh.settle('network', nameOf(elsewhere));
    return nameOf(elsewhere);
  }
  throw new ApiError(
    404,
    `network ${reference} not found: it is on node ${elsewhere.engine.name}, container ${containerReference} is on node ${engine.name}`,
  );
}

export const pruneNetworks: RouteHandler = (context) =>
  pruneEverywhere(context, {
    path: '/networks/prune',
    listField: 'NetworksDeleted',
    hasSpace: false,
    refresh: (engine) => context.services.cluster.refreshNetworks(engine),
  });
