// Prints columns as kubectl does: three spaces between them, no borders, widths in terminal cells.

const gap = 3;

/** Rows padded to the widest cell of each column; the last column is not padded. */
export function formatRows(
  rows: readonly (readonly string[])[],
  widths: readonly number[] = columnWidths(rows),
): string {
  return rows.map((row) => `${formatRow(row, widths)}\n`).join('');
}

export function formatRow(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, index) =>
      index === row.length - 1
        ? cell
        : cell.padEnd(cell.length + (widths[index] ?? 0) - textWidth(cell) + gap),
    )
    .join('')
    .trimEnd();
}

export function columnWidths(
  rows: readonly (readonly string[])[],
  least: readonly number[] = [],
): readonly number[] {
  const widths = [...least];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, textWidth(cell));
  }
  return widths;
}

// East Asian wide forms and emoji take two cells; combining marks take none.
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}]/u;
const none = /\p{Mn}|\p{Cf}/u;

/** Cells that a text takes on a terminal. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) width += none.test(character) ? 0 : wide.test(character) ? 2 : 1;
  return width;
}

/** A cell as one line: line ends and control characters must not break a table or a terminal. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return '<none>';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text === '' ? '<none>' : text.replace(/\s*\n\s*/g, ' ').replace(/[\x00-\x1f\x7f-\x9f]/g, '');
}
