// Waits until objects are as they should be: a condition, a field, gone, or there.
import { findCondition, type Condition } from '../../../controller/api/conditions.js';
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../../../controller/base/json.js';
import { selectJsonPath } from '../../../controller/schema/json-path.js';
import type { CommandContext } from '../command-context.js';
import { splitHint } from '../output/split-hint.js';
import { usageError } from '../usage-error.js';
import { deadlineSignal, type ApiClient } from './api-client.js';
import { follow } from './follow.js';
import type { ListedKind } from './kinds.js';

export type Expectation =
  | { readonly type: 'condition'; readonly condition: string; readonly status: string }
  | { readonly type: 'jsonpath'; readonly path: string; readonly value: string | undefined }
  | { readonly type: 'create' }
  | { readonly type: 'delete' };

export interface Awaited {
  readonly kind: ListedKind;
  readonly name: string;
  /** For `delete`: another object of the same name is not the one that was deleted. */
  readonly uid?: string | undefined;
}

export type Verdict =
  | { readonly met: true; readonly text: string }
  /** `stalled`: nothing will change until the user acts. */
  | {
      readonly met: false;
      readonly text: string;
      /** Reason of the condition, empty while there is none: what progress in a log goes by. */
      readonly stage?: string;
      readonly stalled: boolean;
      readonly hint?: string | undefined;
    };

/** Reads `condition=Ready[=True]`, `delete`, `create`, `jsonpath=PATH[=VALUE]`. @throws {USAGE} */
export function parseExpectation(text: string): Expectation {
  if (text === 'delete' || text === 'create') return { type: text };
  const [, condition, status] = /^condition=([^=\s]+)(?:=(\S+))?$/.exec(text) ?? [];
  if (condition !== undefined) return { type: 'condition', condition, status: status ?? 'True' };
  const [, braced, bare, value] = /^jsonpath=(?:\{([\s\S]+)\}|([^={}]+))(?:=([\s\S]*))?$/.exec(text) ?? [];
  const path = braced ?? bare;
  if (path !== undefined) return { type: 'jsonpath', path, value };
  throw usageError(
    `Cannot wait for ${JSON.stringify(text)}: must be condition=NAME[=STATUS], jsonpath=PATH[=VALUE], create or delete`,
  );
}

/** Whether an object, or its absence, is what was expected, and in words what it is. */
export function judge(
  expectation: Expectation,
  object: JsonObject | undefined,
  awaited: Pick<Awaited, 'uid'> = {},
): Verdict {
  if (expectation.type === 'create') {
    return object === undefined
      ? { met: false, text: 'does not exist yet', stalled: false }
      : { met: true, text: 'created' };
  }
  const uid = stringAt(objectAt(object, 'metadata'), 'uid');
  const isOther = awaited.uid !== undefined && uid !== awaited.uid;
  if (expectation.type === 'delete') {
    if (object === undefined || isOther) return { met: true, text: 'deleted' };
    return { met: false, text: describeDeletion(object), stalled: false };
  }
  if (object === undefined) return { met: false, text: 'does not exist', stalled: false };
  if (expectation.type === 'jsonpath') return judgeField(expectation, object);
  const { generation } = objectAt(object, 'metadata');
  const condition = findCondition(conditionsOf(object), expectation.condition);
  const stale =
    typeof generation === 'number' && condition !== undefined && condition.observedGeneration < generation;
  if (condition?.status.toLowerCase() === expectation.status.toLowerCase() && !stale) {
    return { met: true, text: expectation.condition };
  }
  const stalled = findCondition(conditionsOf(object), 'Stalled')?.status === 'True' && !stale;
  if (condition === undefined || stale) {
    return { met: false, text: `${expectation.condition} is not known yet`, stage: '', stalled };
  }
  const { text, hint } = splitHint(condition.message);
  // "Ready" alone says little to somebody who waits for the end of it.
  const state =
    condition.status === 'True' ? `${condition.type} is True: ${text}` : `${condition.reason}: ${text}`;
  return { met: false, text: state, stage: condition.reason, stalled, hint };
}

export function conditionsOf(object: JsonObject): readonly Condition[] {
  const { conditions } = objectAt(object, 'status');
  return Array.isArray(conditions) ? (conditions.filter(isJsonObject) as unknown as Condition[]) : []; // written by the operator
}

function describeDeletion(object: JsonObject): string {
  if (stringAt(objectAt(object, 'metadata'), 'deletionTimestamp') === undefined)
    return 'is not being deleted';
  const ready = findCondition(conditionsOf(object), 'Ready');
  return ready === undefined || ready.status === 'True'
    ? 'is being deleted'
    : `is being deleted; ${splitHint(ready.message).text}`;
}

function judgeField(
  expectation: Extract<Expectation, { readonly type: 'jsonpath' }>,
  object: JsonObject,
): Verdict {
  const found = selectJsonPath(expectation.path, object);
  const shown = found.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join(' ');
  const met =
    expectation.value === undefined ? found.length > 0 : found.length > 0 && shown === expectation.value;
  return met
    ? { met: true, text: `${expectation.path} is ${shown}` }
    : {
        met: false,
        text: `${expectation.path} is ${found.length === 0 ? 'not set' : shown}`,
        stalled: false,
      };
}

export interface Unmet {
  readonly awaited: Awaited;
  readonly text: string;
  /** What the user can do, when the operator said so. */
  readonly hint?: string | undefined;
}

export interface WaitResult {
  /** Those that were not met in time, with what they were last. Empty: success. */
  readonly unmet: readonly Unmet[];
  readonly why: 'met' | 'timeout' | 'stalled';
}

// To look once, each kind's present state must arrive.
const lookMs = 30_000;
// An object may be stalled for a moment while what it needs is still being applied.
const stallGraceMs = 5000;

/**
 * Follows the objects until all are as expected, or the time is over.
 * @param o.giveUpWhenStalled ends early when everything that is left waits for the user
 * @param o.onVerdict called at each change of a verdict's text
 */
export async function waitForObjects(
  context: CommandContext,
  client: ApiClient,
  o: {
    readonly awaited: readonly Awaited[];
    readonly expectation: Expectation;
    readonly timeoutMs: number;
    readonly giveUpWhenStalled?: boolean;
    readonly onVerdict?: (awaited: Awaited, verdict: Verdict) => void;
  },
): Promise<WaitResult> {
  const verdicts = new Map<Awaited, Verdict>();
  const looksOnce = o.timeoutMs === 0;
  const deadline = deadlineSignal(context, looksOnce ? lookMs : o.timeoutMs);
  const finish = new AbortController();
  const stall = { given: false };
  let cancelGrace: (() => void) | undefined;
  const signal = AbortSignal.any([deadline.signal, finish.signal]);
  const unmet = (): Awaited[] => o.awaited.filter((awaited) => verdicts.get(awaited)?.met !== true);
  const update = (awaited: Awaited, object: JsonObject | undefined): void => {
    const verdict = judge(o.expectation, object, awaited);
    if (verdicts.get(awaited)?.text !== verdict.text) o.onVerdict?.(awaited, verdict);
    verdicts.set(awaited, verdict);
    const left = unmet();
    if (left.length === 0) finish.abort(new Error('done'));
    const allStalled = left.every((one) => isStalled(verdicts.get(one)));
    if (!allStalled || left.length === 0) {
      cancelGrace?.();
      cancelGrace = undefined;
    } else if (o.giveUpWhenStalled === true) {
      cancelGrace ??= context.clock.setTimer(stallGraceMs, () => {
        stall.given = true;
        finish.abort(new Error('stalled'));
      });
    }
  };
  try {
    const kinds = [...new Set(o.awaited.map(({ kind }) => kind.plural))];
    let unseen = kinds.length;
    const onSynced = (): void => {
      unseen -= 1;
      if (looksOnce && unseen <= 0) finish.abort(new Error('looked'));
    };
    // One watch per kind: there are two kinds.
    await Promise.all(
      kinds.map((plural) => {
        const mine = o.awaited.filter(({ kind }) => kind.plural === plural);
        return followKind(context, client, { mine, signal, update, onSynced });
      }),
    );
  } finally {
    deadline.clear();
    cancelGrace?.();
  }
  context.signal.throwIfAborted();
  const left = unmet().map((awaited): Unmet => {
    const verdict = verdicts.get(awaited);
    if (verdict === undefined || verdict.met) return { awaited, text: 'is not known yet' };
    return { awaited, text: verdict.text, hint: verdict.hint };
  });
  return { unmet: left, why: left.length === 0 ? 'met' : stall.given ? 'stalled' : 'timeout' };
}

function isStalled(verdict: Verdict | undefined): boolean {
  return verdict !== undefined && !verdict.met && verdict.stalled;
}

async function followKind(
  context: CommandContext,
  client: ApiClient,
  o: {
    readonly mine: readonly Awaited[];
    readonly signal: AbortSignal;
    readonly update: (awaited: Awaited, object: JsonObject | undefined) => void;
    readonly onSynced: () => void;
  },
): Promise<void> {
  const [first, ...others] = o.mine;
  if (first === undefined) return;
  const query = others.length === 0 ? { fieldSelector: `metadata.name=${first.name}` } : {};
  let present = new Map<string, JsonObject>();
  let synced = false;
  for await (const event of follow(client, context, { kind: first.kind, query, signal: o.signal })) {
    if (event.type === 'restart') {
      present = new Map();
      synced = false;
    } else if (event.type === 'synced') {
      synced = true;
      for (const awaited of o.mine) o.update(awaited, present.get(awaited.name));
      o.onSynced();
    } else if (event.type !== 'lost') {
      const name = stringAt(objectAt(event.object, 'metadata'), 'name') ?? '';
      if (event.type === 'deleted') present.delete(name);
      else present.set(name, event.object);
      // Before that, absence only means that it has not been sent yet.
      if (synced)
        for (const awaited of o.mine) if (awaited.name === name) o.update(awaited, present.get(name));
    }
  }
}
