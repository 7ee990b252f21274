// swarmctl apply --local: the operator's own loop in this process, until what was applied is Ready. For pipelines and
// machines where no operator runs.
import { randomBytes, randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { apiGroup } from '../../../controller/api/labels.js';
import type { Resource } from '../../../controller/api/resources.js';
import { formatKey, type ObjectKey } from '../../../controller/api/object-key.js';
import { applyIntent } from '../../../controller/apiserver/apply-patch.js';
import { toJson } from '../../../controller/apiserver/feed.js';
import { isSwarmError, SwarmError, toSwarmError } from '../../../controller/base/errors.js';
import { objectAt } from '../../../controller/base/json.js';
import { createLogger } from '../../../controller/base/log.js';
import { redact } from '../../../controller/base/redact.js';
import { Validator } from '../../../controller/schema/validate.js';
import type { ManifestObject } from '../../../controller/source/parse-manifest.js';
import type { Store } from '../../../controller/store/store.js';
import { applicable, comparable, fieldManager } from '../client/apply-object.js';
import type { Kinds } from '../client/kinds.js';
import { judge, type Unmet, type Verdict } from '../client/wait-for.js';
import type { CommandContext } from '../command-context.js';
import { Progress } from '../output/progress.js';
import type { Operator } from '../wire/operator.js';
import { timeoutError } from './wait.js';

export interface ApplyLocalOptions {
  /** Clusters first. */
  readonly objects: readonly ManifestObject[];
  readonly kinds: Kinds;
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
    await checkOnly(context, options);
    return;
  }
  const fatal = new AbortController();
  const operator = await orHint(() => openOperator(context, fatal));
  try {
    for (const { resource } of options.objects) {
      context.stdout(
        `${nameOf(resource)} ${await applyOne(resource, { store: operator.store, kinds: options.kinds, dryRun: false })}\n`,
      );
    }
    await waitUntilReady(context, {
      operator,
      kinds: options.kinds,
      keys: options.objects.map(({ resource }) => ({ kind: resource.kind, name: resource.metadata.name })),
      timeoutMs: options.timeoutMs,
      signal: AbortSignal.any([context.signal, fatal.signal]),
    });
  } finally {
    await operator.close();
  }
}

/** Opens the store alone: without the loops nothing can change. */
async function checkOnly(context: CommandContext, { objects, kinds }: ApplyLocalOptions): Promise<void> {
  const { Store } = await import('../../../controller/store/store.js');
  const store = await orHint(() =>
    Store.open({ directory: context.stateDirectory, clock: context.clock, randomUuid: randomUUID }),
  );
  try {
    for (const { resource } of objects) {
      context.stdout(
        `${nameOf(resource)} ${await applyOne(resource, { store, kinds, dryRun: true })} (dry run)\n`,
      );
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

/** The same merge as the API's: labels and fields that others have set stay. */
async function applyOne(
  resource: Resource,
  o: { readonly store: Store; readonly kinds: Kinds; readonly dryRun: boolean },
): Promise<'created' | 'configured' | 'unchanged'> {
  const key = { kind: resource.kind, name: resource.metadata.name };
  const before = o.store.get(key);
  const object = applyIntent({
    live: before === undefined ? undefined : toJson(before),
    intent: applicable(resource),
    manager: fieldManager,
    schema: o.kinds.crds.byKind(resource.kind)?.schema ?? {},
    remember: o.store.originOf(key)?.type !== 'directory',
  });
  const wanted = validated(
    { ...object, metadata: { ...objectAt(object, 'metadata'), name: key.name } },
    o.kinds,
  );
  const options = { origin: { type: 'api' }, dryRun: o.dryRun } as const;
  if (before === undefined) {
    await o.store.create(wanted, options);
    return 'created';
  }
  const after = await o.store.update(wanted, options);
  return isDeepStrictEqual(comparable(toJson(after)), comparable(toJson(before)))
    ? 'unchanged'
    : 'configured';
}

/** With its defaults: a field that was dropped goes back to its own. */
function validated(object: unknown, kinds: Kinds): Resource {
  const result = new Validator(kinds.crds).validate(object);
  if ('resource' in result) return result.resource;
  const why = result.problems.map(({ message }) => message).join('; ');
  throw new SwarmError('MANIFEST_INVALID', `Cannot apply the objects: ${why}`);
}

const lookMs = 200;
// An object may be stalled for a moment while what it needs is still being made.
const stallGraceMs = 5000;
const ready = { type: 'condition', condition: 'Ready', status: 'True' } as const;

interface Waiting {
  readonly operator: Operator;
  readonly keys: readonly ObjectKey[];
  readonly kinds: Kinds;
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
      let cancelStall: (() => void) | undefined;
      const look = (): void => {
        cancelLook();
        const unready = o.keys.filter((key) => !report(progress, key, o.operator));
        if (unready.length > 0 && unready.every((key) => isStalled(verdictOf(key, o.operator)))) {
          cancelStall ??= context.clock.setTimer(stallGraceMs, () => reject(unmetOf(o, 'stalled')));
        } else {
          cancelStall?.();
          cancelStall = undefined;
        }
        if (unready.length === 0) resolve();
        // A status that an earlier run left and this one confirms does not change, so nothing would tell.
        else cancelLook = context.clock.setTimer(lookMs, look);
      };
      const giveUp = (): void => reject(unmetOf(o, 'timeout'));
      const cancel = context.clock.setTimer(o.timeoutMs, giveUp);
      const stop = (): void => reject(toSwarmError(o.signal.reason));
      const leave = o.operator.store.subscribe(look);
      o.signal.addEventListener('abort', stop, { once: true });
      unsubscribe = () => {
        cancel();
        cancelLook();
        cancelStall?.();
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
  const verdict = verdictOf(key, operator);
  if (verdict.met) progress.done(name, 'Ready');
  else if (verdict.stalled) progress.fail(name, verdict.text, verdict.stage);
  else progress.set(name, verdict.text, verdict.stage);
  return verdict.met;
}

/** What an earlier process wrote does not count before this one has seen it for itself. */
function verdictOf(key: ObjectKey, operator: Operator): Verdict {
  const object = operator.store.get(key);
  return operator.isConfirmed(key)
    ? judge(ready, object === undefined ? undefined : toJson(object))
    : { met: false, text: 'waiting', stage: '', stalled: false };
}

function isStalled(verdict: Verdict): boolean {
  return !verdict.met && verdict.stalled;
}

function unmetOf({ operator, keys, kinds, timeoutMs }: Waiting, why: 'timeout' | 'stalled'): SwarmError {
  const unmet = keys.flatMap(({ kind, name }): Unmet[] => {
    const verdict = verdictOf({ kind, name }, operator);
    return verdict.met
      ? []
      : [{ awaited: { kind: kinds.byKind(kind), name }, text: verdict.text, hint: verdict.hint }];
  });
  return timeoutError(unmet, {
    ...{ expectation: ready, timeoutMs, why },
    hint: 'Run it again: it goes on where it stopped. A longer --timeout helps when it was only slow',
  });
}
