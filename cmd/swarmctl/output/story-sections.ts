// The parts of `describe` that tell what others changed, what the operator did, when it comes back, and who owns what.
import { suspensionAnnotations } from '../../../controller/api/suspension.js';
import { annotations as known } from '../../../controller/api/labels.js';
import { formatAge } from '../../../controller/base/duration.js';
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../../../controller/base/json.js';
import { cellText, formatRows } from './table.js';

/** `Suspended: by ann 5m ago, for another 2h: new disk`; none when it is not. */
export function suspendedLines(object: JsonObject, nowMs: number): readonly string[] {
  const notes = objectAt(objectAt(object, 'metadata'), 'annotations');
  const [reason, author, since, until] = suspensionAnnotations.map((key) => stringAt(notes, key));
  const lines: string[] = [];
  if (objectAt(object, 'spec')['suspend'] === true) {
    const source = stringAt(notes, known.source);
    lines.push(`Suspended: by its spec; nothing is changed until ${source ?? 'it'} says spec.suspend: false`);
  }
  if (reason === undefined) return lines;
  const by = `by ${author ?? 'somebody'}${since === undefined ? '' : ` ${age(since, nowMs)} ago`}`;
  const leftMs = Date.parse(until ?? '') - nowMs;
  if (leftMs <= 0) return lines;
  const end = Number.isNaN(leftMs) ? 'until swarmctl resume' : `for another ${formatAge(leftMs)}`;
  return [...lines, `Suspended: ${by}, ${end}: ${cellText(reason)}`];
}

/** `Next:      looks again in 16s, after 4 failures`. */
export function nextLines(story: JsonObject | undefined, nowMs: number): readonly string[] {
  const nextMs = Date.parse(stringAt(story, 'nextRunTime') ?? '') - nowMs;
  if (story === undefined || Number.isNaN(nextMs)) return [];
  const failures = typeof story['failures'] === 'number' ? story['failures'] : 0;
  const after =
    failures === 0 ? '' : `, after ${failures} ${failures === 1 ? 'failure' : 'failures in a row'}`;
  return [`Next:      looks again in ${formatAge(Math.max(0, nextMs))}${after}`];
}

export function driftSection(object: JsonObject): readonly string[] {
  const rows = listAt(objectAt(object, 'status'), 'drift').map((drift) => [
    `  ${cellText(drift['container'])}`,
    cellText(drift['field']),
    `is ${cellText(drift['found'])}`,
    `was made ${cellText(drift['expected'])}`,
  ]);
  return rows.length === 0 ? [] : [`Changed by others:\n${formatRows(rows)}`];
}

/** Newest first, in the words of `swarmctl plan`. */
export function actionSection(object: JsonObject, nowMs: number): readonly string[] {
  const rows = listAt(objectAt(object, 'status'), 'lastActions').map((one) => {
    const ms = typeof one['milliseconds'] === 'number' ? one['milliseconds'] : 0;
    const isDone = one['result'] === 'done';
    return [
      `${isDone ? ' ' : '!'} ${age(stringAt(one, 'time'), nowMs)} ago`,
      `${(ms / 1000).toFixed(1)} s`,
      isDone ? 'done' : 'failed',
      `${cellText(one['action'])}${isDone ? '' : `: ${cellText(one['result'])}`}`,
    ];
  });
  return rows.length === 0 ? [] : [`Last actions:\n${formatRows(rows)}`];
}

export function ownerSection(story: JsonObject | undefined): readonly string[] {
  const rows = listAt(story ?? {}, 'owners').map((entry) => {
    const fields: unknown = entry['fields'];
    return [`  ${cellText(entry['owner'])}`, Array.isArray(fields) ? fields.map(String).join(', ') : ''];
  });
  return rows.length === 0 ? [] : [`Owners of fields:\n${formatRows(rows)}`];
}

function listAt(value: JsonObject, key: string): readonly JsonObject[] {
  const list: unknown = value[key];
  return Array.isArray(list) ? list.filter(isJsonObject) : [];
}

function age(time: string | undefined, nowMs: number): string {
  const ms = Date.parse(time ?? '');
  return Number.isNaN(ms) ? 'unknown' : formatAge(nowMs - ms);
}
