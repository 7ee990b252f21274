// Containers by the values of a label, for the keys that somebody asks for: all labels of a fleet would be hundreds of
// thousands of entries, and lists ask for one or two keys, again and again.
import type { ContainerRow } from './container-row.js';

/** A fleet's tools ask by project, service and a label of their own; each key costs every change a look-up. */
const mostKeys = 8;

export class LabelIndex {
  /** The key that was asked for last comes last. */
  readonly #keys = new Map<string, Map<string, Set<ContainerRow>>>();

  /**
   * Rows with this value of the label.
   * @param all every row, for a key that nobody asked for before
   */
  with(key: string, value: string, all: () => Iterable<ContainerRow>): ReadonlySet<ContainerRow> {
    const values = this.#keys.get(key) ?? valuesOf(key, all());
    this.#keys.delete(key);
    this.#keys.set(key, values);
    const [oldest] = this.#keys.keys();
    if (this.#keys.size > mostKeys && oldest !== undefined) this.#keys.delete(oldest);
    return values.get(value) ?? new Set();
  }

  add(row: ContainerRow): void {
    for (const [key, values] of this.#keys) addTo(values, key, row);
  }

  delete(row: ContainerRow): void {
    for (const [key, values] of this.#keys) {
      const value = labelOf(row, key);
      const rows = value === undefined ? undefined : values.get(value);
      if (value === undefined || rows === undefined) continue;
      rows.delete(row);
      if (rows.size === 0) values.delete(value);
    }
  }
}

function valuesOf(key: string, rows: Iterable<ContainerRow>): Map<string, Set<ContainerRow>> {
  const values = new Map<string, Set<ContainerRow>>();
  for (const row of rows) addTo(values, key, row);
  return values;
}

function addTo(values: Map<string, Set<ContainerRow>>, key: string, row: ContainerRow): void {
  const value = labelOf(row, key);
  if (value === undefined) return;
  const rows = values.get(value);
  if (rows === undefined) values.set(value, new Set([row]));
  else rows.add(row);
}

function labelOf({ labels }: ContainerRow, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
