// What differs between two forms of an object, field by field and as lines of text.
import { canonicalJson, isJsonObject, type JsonObject } from '../../../controller/base/json.js';

export interface FieldChange {
  /** `spec.roles`. */
  readonly path: string;
  /** Undefined: not set. */
  readonly before: unknown;
  readonly after: unknown;
}

/** Changed fields in the order of their paths; lists are compared as a whole. */
export function fieldChanges(before: JsonObject, after: JsonObject, prefix = ''): readonly FieldChange[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return keys.flatMap((key) => {
    const path = `${prefix}${/^[\w-]+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`}`.replace(
      /^\./,
      '',
    );
    const [old, now] = [before[key], after[key]];
    if (isJsonObject(old) && isJsonObject(now)) return fieldChanges(old, now, path);
    return canonicalJson(old ?? null) === canonicalJson(now ?? null)
      ? []
      : [{ path, before: old, after: now }];
  });
}

/** `spec.roles: [worker] → [manager, worker]`. */
export function formatChange({ path, before, after }: FieldChange): string {
  return `${path}: ${formatValue(before)} → ${formatValue(after)}`;
}

function formatValue(value: unknown): string {
  if (value === undefined || value === null) return '(not set)';
  if (Array.isArray(value)) return `[${value.map(formatValue).join(', ')}]`;
  // Text that could be mistaken for something else is quoted.
  return typeof value === 'string' && value !== '' && !/[\s,[\]]/.test(value) ? value : JSON.stringify(value);
}

const contextLines = 3;

/** A unified diff of two texts; empty when they are the same. */
export function unifiedDiff(o: {
  readonly before: string;
  readonly after: string;
  readonly name: string;
}): string {
  const steps = lineSteps(splitLines(o.before), splitLines(o.after));
  const changed = steps.flatMap((step, index) => (step.sign === ' ' ? [] : [index]));
  if (changed.length === 0) return '';
  const hunks: string[] = [];
  for (let index = 0; index < changed.length;) {
    const start = Math.max(0, (changed[index] ?? 0) - contextLines);
    let end = (changed[index] ?? 0) + contextLines;
    while (index + 1 < changed.length && (changed[index + 1] ?? 0) - contextLines <= end + 1) {
      index += 1;
      end = (changed[index] ?? 0) + contextLines;
    }
    index += 1;
    hunks.push(formatHunk(steps, start, Math.min(end, steps.length - 1)));
  }
  return `--- live/${o.name}\n+++ applied/${o.name}\n${hunks.join('')}`;
}

interface Step {
  readonly sign: ' ' | '-' | '+';
  readonly line: string;
}

function formatHunk(steps: readonly Step[], start: number, end: number): string {
  const count = (from: number, to: number, other: '-' | '+'): number =>
    steps.slice(from, to).filter(({ sign }) => sign !== other).length;
  const old = { at: count(0, start, '+'), length: count(start, end + 1, '+') };
  const now = { at: count(0, start, '-'), length: count(start, end + 1, '-') };
  const range = ({ at, length }: typeof old): string => `${length === 0 ? at : at + 1},${length}`;
  const body = steps.slice(start, end + 1).map(({ sign, line }) => `${sign}${line}\n`);
  return `@@ -${range(old)} +${range(now)} @@\n${body.join('')}`;
}

/** The longest common lines stay; objects have some hundred lines, so the quadratic table is small. */
function lineSteps(before: readonly string[], after: readonly string[]): readonly Step[] {
  const lengths = Array.from({ length: before.length + 1 }, () => new Uint32Array(after.length + 1));
  const at = (row: number, column: number): number => lengths[row]?.[column] ?? 0;
  for (let row = before.length - 1; row >= 0; row -= 1) {
    for (let column = after.length - 1; column >= 0; column -= 1) {
      const cells = lengths[row];
      if (cells === undefined) continue;
      cells[column] =
        before[row] === after[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const steps: Step[] = [];
  let row = 0;
  let column = 0;
  while (row < before.length || column < after.length) {
    if (row < before.length && column < after.length && before[row] === after[column]) {
      steps.push({ sign: ' ', line: before[row] ?? '' });
      row += 1;
      column += 1;
    } else if (
      row < before.length &&
      (column >= after.length || at(row + 1, column) >= at(row, column + 1))
    ) {
      steps.push({ sign: '-', line: before[row] ?? '' });
      row += 1;
    } else {
      steps.push({ sign: '+', line: after[column] ?? '' });
      column += 1;
    }
  }
  return steps;
}

function splitLines(text: string): readonly string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}
