// The parts of `describe` that tell what others changed, what the operator did, when it comes back, and who owns what.
import { suspensionAnnotations } from '../../../controller/api/suspension.js';
import { annotations as known } from '../../../controller/api/labels.js';
import { formatAge } from '../../../controller/base/duration.js';
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../../../controller/base/json.js';
import { cellText, columnWidths, formatRow, formatRows } from './table.js';

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

/** `Next look: in 16s, after 4 failures in a row`. */
export function nextLines(story: JsonObject | undefined, nowMs: number): readonly string[] {
  const nextMs = Date.parse(stringAt(story, 'nextRunTime') ?? '') - nowMs;
  if (story === undefined || Number.isNaN(nextMs)) return [];
  const failures = typeof story['failures'] === 'number' ? story['failures'] : 0;
  const after =
    failures === 0 ? '' : `, after ${failures} ${failures === 1 ? 'failure' : 'failures in a row'}`;
  return [`Next look: ${nextMs < 1000 ? 'now' : `in ${formatAge(nextMs)}`}${after}`];
}

export function driftSection(object: JsonObject): readonly string[] {
  const rows = listAt(objectAt(object, 'status'), 'drift').map((drift) => [
    `  ${cellText(drift['container'])}`,
    cellText(drift['field']),
    `is ${cellText(drift['found'])}`,
    `should be ${cellText(drift['expected'])}`,
  ]);
  return rows.length === 0 ? [] : [`Changed by others:\n${formatRows(rows)}`];
}

/** Newest first, in the words of `swarmctl plan`; what went wrong is on a line of its own. */
export function actionSection(object: JsonObject, nowMs: number): readonly string[] {
  const actions = listAt(objectAt(object, 'status'), 'lastActions');
  const rows = actions.map((one) => {
    const ms = typeof one['milliseconds'] === 'number' ? one['milliseconds'] : 0;
    const isDone = one['result'] === 'done';
    return [
      `${isDone ? ' ' : '!'} ${age(stringAt(one, 'time'), nowMs)} ago`,
      `${isDone ? 'done in' : 'failed after'} ${(ms / 1000).toFixed(1)}s`,
      cellText(one['action']),
    ];
  });
  if (rows.length === 0) return [];
  const widths = columnWidths(rows);
  const indent = ' '.repeat(widths.slice(0, 2).reduce((sum, width) => sum + width + 3, 0));
  const lines = rows.map((row, index) => {
    const result = actions[index]?.['result'];
    const why = result === 'done' ? '' : `${indent}${cellText(result)}\n`;
    return `${formatRow(row, widths)}\n${why}`;
  });
  return [`Last actions:\n${lines.join('')}`];
}

/** Whether an event tells no more than a line of the last actions. */
export function isListed(event: JsonObject, object: JsonObject): boolean {
  const actions = listAt(objectAt(object, 'status'), 'lastActions');
  return actions.some((one) => one['result'] === 'done' && one['action'] === event['message']);
}

export function ownerSection(story: JsonObject | undefined): readonly string[] {
  const rows = listAt(story ?? {}, 'owners').map((entry) => {
    const fields: unknown = entry['fields'];
    return [`  ${cellText(entry['owner'])}`, Array.isArray(fields) ? fieldList(fields.map(String)) : ''];
  });
  return rows.length === 0 ? [] : [`Owners of fields:\n${formatRows(rows)}`];
}

/** `spec, labels env and zone`: the kind of several fields is said once. */
function fieldList(fields: readonly string[]): string {
  const kinds = ['label', 'annotation'] as const;
  const rest = fields.filter((field) => !kinds.some((kind) => field.startsWith(`${kind} `)));
  const grouped = kinds.flatMap((kind) => {
    const own = fields.filter((field) => field.startsWith(`${kind} `));
    if (own.length < 2) return own;
    const names = own.map((field) => field.slice(kind.length + 1));
    return [`${kind}s ${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`];
  });
  return [...rest, ...grouped].join(', ');
}

function listAt(value: JsonObject, key: string): readonly JsonObject[] {
  const list: unknown = value[key];
  return Array.isArray(list) ? list.filter(isJsonObject) : [];
}

function age(time: string | undefined, nowMs: number): string {
  const ms = Date.parse(time ?? '');
  return Number.isNaN(ms) ? 'unknown' : formatAge(nowMs - ms);
}
