// get -w: the present rows, then a row for every change, for as long as the user wants.
import { objectAt, stringAt, type JsonObject } from '../../../controller/base/json.js';
import type { ApiClient } from '../client/api-client.js';
import { follow } from '../client/follow.js';
import type { ListedKind } from '../client/kinds.js';
import type { CommandContext } from '../command-context.js';
import { readTable, tableAccept, tableCells, type ObjectTable } from './object-table.js';
import type { OutputFormat } from './output-format.js';
import { formatObjects } from './print-objects.js';
import { columnWidths, formatRow } from './table.js';

interface WatchOptions {
  readonly context: CommandContext;
  readonly client: ApiClient;
  readonly target: { readonly kind: ListedKind; readonly name?: string };
  readonly options: {
    readonly watchOnly?: boolean;
    readonly selector?: string;
    readonly fieldSelector?: string;
    readonly labelColumns?: readonly string[];
    readonly showLabels?: boolean;
    readonly headers: boolean;
  };
  readonly format: OutputFormat;
}

/** Ends when the user stops it. After a restart of the operator only what changed meanwhile is printed. */
export async function watchObjects(o: WatchOptions): Promise<void> {
  const { context, target, options, format } = o;
  const fieldSelector = target.name === undefined ? options.fieldSelector : `metadata.name=${target.name}`;
  const printer = format.type === 'table' ? new RowPrinter(o, format.wide) : undefined;
  const query = {
    labelSelector: options.selector,
    fieldSelector,
    ...(printer === undefined ? {} : { includeObject: 'Object' }),
  };
  const accept = printer === undefined ? {} : { accept: tableAccept };
  const printed = new Map<string, string>();
  let synced = false;
  let first = true;
  let pending: JsonObject[] = [];
  const print = async (objects: readonly JsonObject[]): Promise<void> => {
    if (printer !== undefined) printer.print(objects);
    else if (format.type !== 'table') {
      for (const object of objects)
        context.stdout(await formatObjects({ objects: [object], single: true }, format));
    }
  };
  for await (const event of follow(o.client, context, {
    kind: target.kind,
    query,
    ...accept,
    signal: context.signal,
  })) {
    if (event.type === 'restart') synced = false;
    else if (event.type === 'lost') context.stderr('The operator is gone; waiting for it to come back\n');
    else if (event.type === 'synced') {
      const present = pending;
      pending = [];
      synced = true;
      first = false;
      if (present.length > 0) await print(present);
    } else {
      const { id, version } = identityOf(event.object, printer !== undefined);
      const fresh = printed.get(id) !== version;
      printed.set(id, version);
      if (!fresh || (first && options.watchOnly === true)) continue;
      if (synced) await print([event.object]);
      else pending.push(event.object);
    }
  }
}

function identityOf(object: JsonObject, isTable: boolean): { readonly id: string; readonly version: string } {
  const rows: unknown = object['rows'];
  const plain = isTable && Array.isArray(rows) ? objectAt(rows[0], 'object') : object;
  const metadata = objectAt(plain, 'metadata');
  return { id: stringAt(metadata, 'name') ?? '', version: stringAt(metadata, 'resourceVersion') ?? '' };
}

/** Rows of a table that grows: columns stay where they are until a cell needs more room. */
class RowPrinter {
  readonly #o: WatchOptions;
  readonly #wide: boolean;
  #columns: ObjectTable['columns'] = [];
  #widths: readonly number[] = [];
  #headersDue: boolean;

  constructor(o: WatchOptions, wide: boolean) {
    this.#o = o;
    this.#wide = wide;
    this.#headersDue = o.options.headers;
  }

  print(tables: readonly JsonObject[]): void {
    const rows = tables.flatMap((body) => {
      const table = readTable(body, this.#columns);
      this.#columns = table.columns;
      return table.rows;
    });
    const { options, context } = this.#o;
    const cells = tableCells(
      { columns: this.#columns, rows },
      { ...options, wide: this.#wide, headers: this.#headersDue },
    );
    this.#headersDue = false;
    this.#widths = columnWidths(cells, this.#widths);
    for (const row of cells) context.stdout(`${formatRow(row, this.#widths)}\n`);
  }
}
