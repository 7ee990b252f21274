// The table that a bench run ends with: one line per judged figure, its goal, the floor beside it, and the CPU of a call.
import { isMet, type Figure } from './row.js';

export interface MeasuredRow {
  readonly name: string;
  readonly mode: string;
  readonly boundBy: string;
  readonly figures: readonly Figure[];
  /** Why there are no figures. */
  readonly failure?: string;
}

const headings = [
  'row',
  'mode',
  'figure',
  'measured',
  'goal',
  'verdict',
  'floor of the same run',
  'CPU a call',
];

/** Aligned columns, a line per judged figure; rows that failed have one line that says so. */
export function renderTable(rows: readonly MeasuredRow[]): string {
  const lines = rows.flatMap(linesOf);
  const cells = [headings, ...lines];
  const widths = headings.map((_, column) => Math.max(...cells.map((line) => (line[column] ?? '').length)));
  const text = cells.map((line) =>
    line
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - cell.length)))
      .join('  ')
      .trimEnd(),
  );
  const [head = '', ...rest] = text;
  return [head, '-'.repeat(widths.reduce((sum, width) => sum + width + 2, -2)), ...rest].join('\n');
}

/** What bounds the figures that miss their goals: a line per row that has some; `''` when all are met. */
export function renderMisses(rows: readonly MeasuredRow[]): string {
  return rows
    .flatMap(({ name, mode, boundBy, figures, failure }) => {
      if (failure !== undefined) return [`${name} (${mode}) failed: ${failure}`];
      const missed = figures.filter((figure) => isMet(figure) === false).map(({ label }) => label);
      return missed.length === 0 ? [] : [`${name} (${mode}) misses ${missed.join(', ')}: ${boundBy}`];
    })
    .join('\n');
}

/** How many figures miss their goal; a row that failed is one. */
export function countMisses(rows: readonly MeasuredRow[]): number {
  return rows.reduce(
    (sum, { figures, failure }) =>
      sum + (failure === undefined ? figures.filter((figure) => isMet(figure) === false).length : 1),
    0,
  );
}

/** `p50                  12.3 ms   ≤ 30 ms    pass`: for reading along. */
export function renderFigure(figure: Figure): string {
  const { label, value, unit, floor } = figure;
  const beside = floor === undefined ? '' : `floor ${amount(floor.value, unit)} (${floor.what})`;
  return `${label.padEnd(26)}${amount(value, unit).padStart(14)}   ${boundOf(figure).padEnd(14)}${verdictOf(figure).padEnd(6)}${beside}`.trimEnd();
}

function linesOf({ name, mode, figures, failure }: MeasuredRow): string[][] {
  if (failure !== undefined) return [[name, mode, 'failed', failure, '', 'MISS', '', '']];
  const cpu = figures.find(({ unit }) => unit === 'µs CPU');
  return figures
    .filter((figure) => isMet(figure) !== undefined)
    .map((figure, at) => [
      name,
      mode,
      figure.label,
      amount(figure.value, figure.unit),
      boundOf(figure),
      verdictOf(figure),
      figure.floor === undefined ? '' : `${amount(figure.floor.value, figure.unit)} ${figure.floor.what}`,
      at === 0 && cpu !== undefined ? `${amount(cpu.value, '')} µs` : '',
    ]);
}

function boundOf({ unit, atMost, atLeast }: Figure): string {
  if (atMost !== undefined)
    return atMost === atLeast ? `= ${amount(atMost, unit)}` : `≤ ${amount(atMost, unit)}`;
  return atLeast === undefined ? '' : `≥ ${amount(atLeast, unit)}`;
}

function verdictOf(figure: Figure): string {
  const met = isMet(figure);
  return met === undefined ? '' : met ? 'met' : 'MISS';
}

function amount(value: number, unit: Figure['unit']): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${Number(value.toFixed(digits))} ${unit}`.trimEnd();
}
