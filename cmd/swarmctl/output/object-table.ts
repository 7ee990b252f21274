// Tables of objects: the operator's columns and cells, plus what the command line adds to them.
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../../../controller/base/json.js';
import { cellText } from './table.js';

/** Asks for a Table with the whole objects beside its rows, and takes plain JSON from others. */
export const tableAccept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

export interface ObjectRow {
  readonly object: JsonObject;
  readonly cells: readonly unknown[];
}

export interface ObjectTable {
  readonly columns: readonly { readonly name: string; readonly priority: number }[];
  readonly rows: readonly ObjectRow[];
}

export interface TableOptions {
  readonly wide: boolean;
  readonly headers: boolean;
  /** Put before names where several kinds are shown: `node.swarmctl.io/`. */
  readonly namePrefix?: string;
  readonly showLabels?: boolean;
  /** Labels with columns of their own. */
  readonly labelColumns?: readonly string[];
}

export function readTable(body: JsonObject, known?: ObjectTable['columns']): ObjectTable {
  const definitions: unknown[] = Array.isArray(body['columnDefinitions']) ? body['columnDefinitions'] : [];
  const rows: unknown[] = Array.isArray(body['rows']) ? body['rows'] : [];
  const columns = definitions.map((column) => {
    const priority = isJsonObject(column) ? column['priority'] : 0;
    return { name: stringAt(column, 'name') ?? '', priority: typeof priority === 'number' ? priority : 0 };
  });
  return {
    // A watch defines the columns only once.
    columns: columns.length > 0 ? columns : (known ?? []),
    rows: rows.map((row) => {
      const cells: unknown = isJsonObject(row) ? row['cells'] : undefined;
      return { object: objectAt(row, 'object'), cells: Array.isArray(cells) ? cells : [] };
    }),
  };
}

/** The header and rows as text cells. */
export function tableCells(table: ObjectTable, o: TableOptions): readonly (readonly string[])[] {
  const shown = table.columns
    .map((column, index) => ({ ...column, index }))
    .filter(({ priority }) => o.wide || priority === 0);
  const labels = o.labelColumns ?? [];
  const header = [
    ...shown.map(({ name }) => name.toUpperCase()),
    ...labels.map((label) => (label.split('/').at(-1) ?? label).toUpperCase()),
    ...(o.showLabels === true ? ['LABELS'] : []),
  ];
  const rows = table.rows.map(({ object, cells }) => {
    const own = objectAt(objectAt(object, 'metadata'), 'labels');
    return [
      ...shown.map(({ index }) => `${index === 0 ? (o.namePrefix ?? '') : ''}${cellText(cells[index])}`),
      ...labels.map((label) => cellText(own[label])),
      ...(o.showLabels === true ? [labelText(own)] : []),
    ];
  });
  return o.headers ? [header, ...rows] : rows;
}

export function labelText(labels: JsonObject): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${String(value)}`);
  return pairs.length === 0 ? '<none>' : pairs.sort().join(',');
}
