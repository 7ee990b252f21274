// swarmctl apply --local: the operator's own loop in this process, until what was applied is Ready. For pipelines and
// machines where no operator runs.
import { randomBytes, randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { apiGroup } from '../../../controller/api/labels.js';
import { conditionsOf, type Resource } from '../../../controller/api/resources.js';
import { findCondition } from '../../../controller/api/conditions.js';
import { formatKey, type ObjectKey } from '../../../controller/api/object-key.js';
import { isSwarmError, SwarmError, toSwarmError } from '../../../controller/base/errors.js';
import { createLogger } from '../../../controller/base/log.js';
import { redact } from '../../../controller/base/redact.js';
import type { ManifestObject } from '../../../controller/source/parse-manifest.js';
import type { Store } from '../../../controller/store/store.js';
import type { CommandContext } from '../command-context.js';
import { Progress } from '../output/progress.js';
import type { Operator } from '../wire/operator.js';

export interface ApplyLocalOptions {
  /** Clusters first. */
  readonly objects: readonly ManifestObject[];
  readonly timeoutMs: number;
  /** Say what would be created or changed, and change nothing. */
  readonly dryRun: boolean;
}

/**
 * Applies the objects, works until all of them are Ready, and stops; what it started keeps running.
 * @throws {STATE_LOCKED} an operator runs @throws {TIMEOUT} something is not Ready in time
 */
export async function applyLocal(context: CommandContext, options: ApplyLocalOptions): Promise<void> {
  if (options.dryRun) {
    await checkOnly(context, options.objects);
    return;
  }
  const fatal = new AbortController();
  const operator = await orHint(() => openOperator(context, fatal));
  try {
    for (const { resource } of options.objects) {
      context.stdout(`${nameOf(resource)} ${await applyOne(operator.store, resource, { dryRun: false })}\n`);
    }
    await waitUntilReady(context, {
      operator,
      keys: options.objects.map(({ resource }) => ({ kind: resource.kind, name: resource.metadata.name })),
      timeoutMs: options.timeoutMs,
      signal: AbortSignal.any([context.signal, fatal.signal]),
    });
  } finally {
    await operator.close();
  }
}

/** Opens the store alone: without the loops nothing can change. */
async function checkOnly(context: CommandContext, objects: readonly ManifestObject[]): Promise<void> {
  const { Store } = await import('../../../controller/store/store.js');
  const store = await orHint(() =>
    Store.open({ directory: context.stateDirectory, clock: context.clock, randomUuid: randomUUID }),
  );
  try {
    for (const { resource } of objects) {
      context.stdout(`${nameOf(resource)} ${await applyOne(store, resource, { dryRun: true })} (dry run)\n`);
    }
  } finally {
    await store.close();
  }
}

function nameOf({ kind, metadata }: Resource): string {
  return `${kind.toLowerCase()}.${apiGroup}/${metadata.name}`;
}

async function orHint<T>(open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (!isSwarmError(error, 'STATE_LOCKED')) throw error;
    throw new SwarmError('STATE_LOCKED', error.message, {
      cause: error,
      hint: 'An operator runs already: leave out --local, or use another --state-dir',
    });
  }
}

async function openOperator(context: CommandContext, fatal: AbortController): Promise<Operator> {
  const { clock, random, env, packageRoot, version, stateDirectory } = context;
  const { createOperator } = await import('../wire/operator.js');
  // Progress says what happens; of the log only what is wrong, unless more was asked for.
  const level = context.logLevel === 'info' ? 'error' : context.logLevel;
  const logger = createLogger({ clock, level, write: (line) => context.stderr(redact(line)) });
  return createOperator({
    ...{ stateDirectory, clock, random, env, packageRoot, version, logger },
    serveApi: false,
    randomUuid: randomUUID,
    randomToken: () => randomBytes(16).toString('hex'),
    onFatal: (error) => fatal.abort(error),
  });
}

async function applyOne(
  store: Store,
  resource: Resource,
  { dryRun }: { readonly dryRun: boolean },
): Promise<'created' | 'configured' | 'unchanged'> {
  const key = { kind: resource.kind, name: resource.metadata.name };
  const options = { origin: { type: 'api' }, dryRun } as const;
  const before = store.get(key);
  if (before === undefined) {
    await store.create(resource, options);
    return 'created';
  }
  const after = await store.update(resource, options);
  const isSame =
    isDeepStrictEqual(after.spec, before.spec) &&
    isDeepStrictEqual(after.metadata.labels, before.metadata.labels) &&
    isDeepStrictEqual(after.metadata.annotations, before.metadata.annotations);
  return isSame ? 'unchanged' : 'configured';
}

const lookMs = 200;

interface Waiting {
  readonly operator: Operator;
  readonly keys: readonly ObjectKey[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

async function waitUntilReady(context: CommandContext, o: Waiting): Promise<void> {
  const progress = new Progress(context);
  const started = context.clock.monotonic();
  let unsubscribe = (): void => undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      let cancelLook = (): void => undefined;
      const look = (): void => {
        cancelLook();
        const unready = o.keys.filter((key) => !report(progress, key, o.operator));
        if (unready.length === 0) resolve();
        // A status that an earlier run left and this one confirms does not change, so nothing would tell.
        else cancelLook = context.clock.setTimer(lookMs, look);
      };
      const giveUp = (): void => reject(timeoutError(o));
      const cancel = context.clock.setTimer(o.timeoutMs, giveUp);
      const stop = (): void => reject(toSwarmError(o.signal.reason));
      const leave = o.operator.store.subscribe(look);
      o.signal.addEventListener('abort', stop, { once: true });
      unsubscribe = () => {
        cancel();
        cancelLook();
        leave();
        o.signal.removeEventListener('abort', stop);
      };
      if (o.signal.aborted) stop();
      else look();
    });
  } finally {
    unsubscribe();
    progress.close();
  }
  const seconds = ((context.clock.monotonic() - started) / 1000).toFixed(1);
  context.stderr(`Ready (${seconds} s)\n`);
}

/** @returns whether the object is ready */
function report(progress: Progress, key: ObjectKey, operator: Operator): boolean {
  const name = formatKey(key);
  const object = operator.store.get(key);
  const conditions = object === undefined ? [] : conditionsOf(object);
  const ready = findCondition(conditions, 'Ready');
  const isStale =
    !operator.isConfirmed(key) || (ready?.observedGeneration ?? 0) < (object?.metadata.generation ?? 1);
  if (ready === undefined || isStale) progress.set(name, 'waiting');
  else if (ready.status === 'True') progress.done(name, 'Ready');
  else if (findCondition(conditions, 'Stalled') !== undefined)
    progress.fail(name, `${ready.reason}: ${ready.message}`);
  else progress.set(name, `${ready.reason}: ${ready.message}`);
  return ready?.status === 'True' && !isStale;
}

function timeoutError({ operator: { store }, keys, timeoutMs }: Waiting): SwarmError {
  const unready = keys.flatMap((key) => {
    const object = store.get(key);
    const ready = object && findCondition(conditionsOf(object), 'Ready');
    return ready?.status === 'True' ? [] : [`${formatKey(key)} is ${ready?.reason ?? 'not looked at yet'}`];
  });
  return new SwarmError(
    'TIMEOUT',
    `Cannot finish applying within ${Math.round(timeoutMs / 1000)} s: ${unready.join('; ')}`,
    { hint: 'Run it again: it goes on where it stopped. A longer --timeout helps when it was only slow' },
  );
}
