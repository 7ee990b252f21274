// swarmctl get: lists objects as tables or data, and follows them with -w.
import type { Command } from 'commander';
import { isSwarmError } from '../../../controller/base/errors.js';
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../../../controller/base/json.js';
import { withClient, type ApiClient } from '../client/api-client.js';
import { Kinds, objectPath, type ListedKind } from '../client/kinds.js';
import { collectFiles, filesOption, recursiveOption, readInput } from '../client/read-input.js';
import type { CommandContext } from '../command-context.js';
import {
  readTable,
  tableAccept,
  tableCells,
  type ObjectTable,
  type TableOptions,
} from '../output/object-table.js';
import { outputHelp, parseOutputFormat, type OutputFormat } from '../output/output-format.js';
import { formatObjects } from '../output/print-objects.js';
import { formatRows } from '../output/table.js';
import { usageError } from '../usage-error.js';

interface GetOptions {
  readonly output?: string;
  readonly watch?: boolean;
  readonly watchOnly?: boolean;
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly labelColumns?: readonly string[];
  readonly showLabels?: boolean;
  readonly headers: boolean;
  readonly sortBy?: string;
  readonly ignoreNotFound?: boolean;
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
  readonly raw?: string;
}

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('[kind]', 'KIND, KIND,KIND, all or KIND/NAME')
    .argument('[names...]', 'names of objects')
    .option('-o, --output <form>', outputHelp)
    .option('-w, --watch', 'follow changes after the list')
    .option('--watch-only', 'follow changes without the list')
    .option('-l, --selector <selector>', 'only objects with these labels: a=b, a!=b, a in (x,y), a, !a')
    .option('--field-selector <selector>', 'only objects with these fields, for example metadata.name=node1')
    .option('-L, --label-columns <labels>', 'show these labels as columns', collectFiles)
    .option('--show-labels', 'show all labels')
    .option('--no-headers', 'print no headings')
    .option('--sort-by <path>', 'sort by a JSONPath, for example .spec.cluster')
    .option('--ignore-not-found', 'a missing object is no error')
    .addOption(filesOption('objects named in files'))
    .addOption(recursiveOption())
    .option('--raw <path>', 'print what the operator answers to GET there, for example /metrics')
    .addHelpText(
      'after',
      `
Examples:
  swarmctl get nodes
  swarmctl get nodes,clusters -o wide
  swarmctl get node node1 -o jsonpath='{.status.engine.version}'
  swarmctl get nodes -l zone=a -w`,
    )
    .action(async (kind: string | undefined, names: readonly string[], options: GetOptions) => {
      const args = kind === undefined ? [] : [kind, ...names];
      await get(context, args, options);
    });
}

/** What is listed: all objects of a kind, or one. */
interface Target {
  readonly kind: ListedKind;
  readonly name?: string;
}

async function get(context: CommandContext, args: readonly string[], options: GetOptions): Promise<void> {
  if (options.raw !== undefined) return printRaw(context, args, options.raw);
  const format = parseOutputFormat(options.output);
  // A mistake in it is told also where no operator answers.
  await sortBy([{}], (object) => object, options.sortBy);
  const kinds = await Kinds.load(context);
  const targets = await readTargets(context, { args, options, kinds });
  await withClient(context, async (client) => {
    if (options.watch === true || options.watchOnly === true) {
      const [target, ...others] = targets;
      if (target === undefined || others.length > 0) {
        throw usageError('Cannot watch several kinds or names at once', 'Name one kind, or one object');
      }
      const { watchObjects } = await import('../output/watch-objects.js');
      await watchObjects({ context, client, target, options, format });
    } else if (format.type === 'table')
      await printTables(context, { client, targets, options, wide: format.wide });
    else await printData(context, { client, targets, options, format });
  });
}

async function printRaw(context: CommandContext, args: readonly string[], path: string): Promise<void> {
  if (args.length > 0) throw usageError('Cannot use --raw together with a kind');
  if (!path.startsWith('/')) {
    throw usageError(`Cannot get "${path}": a path begins with /`, 'Name one, for example --raw /metrics');
  }
  context.stdout(await withClient(context, (client) => client.text(path)));
}

async function readTargets(
  context: CommandContext,
  o: { readonly args: readonly string[]; readonly options: GetOptions; readonly kinds: Kinds },
): Promise<readonly Target[]> {
  if (o.options.filename !== undefined) {
    if (o.args.length > 0) throw usageError('Cannot use both -f and names');
    const objects = await readInput(context, { ...o.options, kinds: o.kinds, verb: 'get' });
    return objects.map(({ resource }) => ({
      kind: o.kinds.byKind(resource.kind),
      name: resource.metadata.name,
    }));
  }
  const { kinds, references } = o.kinds.parseArguments(o.args);
  const targets = [...kinds.map((kind) => ({ kind })), ...references];
  if (targets.length === 0) {
    throw usageError(
      'Cannot get: no kind is named',
      `Name one: swarmctl get ${o.kinds.crds
        .all()
        .map(({ plural }) => plural)
        .join(',')}`,
    );
  }
  if (references.length > 0 && o.options.selector !== undefined) {
    throw usageError('Cannot use names together with a selector');
  }
  return targets;
}

/** The answer for one target; undefined when it is missing and may be. */
async function fetchTarget(
  client: ApiClient,
  target: Target,
  o: { readonly options: GetOptions; readonly accept?: string },
): Promise<JsonObject | undefined> {
  const accept = o.accept === undefined ? {} : { accept: o.accept };
  const include = o.accept === undefined ? {} : { includeObject: 'Object' };
  try {
    if (target.name !== undefined) {
      const path = objectPath({ kind: target.kind, name: target.name });
      return (await client.call({ method: 'GET', path, query: include, ...accept })).body;
    }
    const query = { ...include, labelSelector: o.options.selector, fieldSelector: o.options.fieldSelector };
    return (await client.call({ method: 'GET', path: target.kind.path, query, ...accept })).body;
  } catch (error) {
    if (
      target.name !== undefined &&
      o.options.ignoreNotFound === true &&
      isSwarmError(error, 'OBJECT_NOT_FOUND')
    )
      return undefined;
    throw error;
  }
}

async function printData(
  context: CommandContext,
  o: {
    readonly client: ApiClient;
    readonly targets: readonly Target[];
    readonly options: GetOptions;
    readonly format: Exclude<OutputFormat, { readonly type: 'table' }>;
  },
): Promise<void> {
  const objects: JsonObject[] = [];
  for (const target of o.targets) {
    const body = await fetchTarget(o.client, target, { options: o.options });
    if (body === undefined) continue;
    const items: unknown = body['items'];
    objects.push(
      ...(target.name === undefined && Array.isArray(items) ? items.filter(isJsonObject) : [body]),
    );
  }
  const single = o.targets.length === 1 && o.targets[0]?.name !== undefined;
  if (objects.length === 0 && single) return;
  const sorted = await sortBy(objects, (object) => object, o.options.sortBy);
  context.stdout(await formatObjects({ objects: sorted, single }, o.format, { headers: o.options.headers }));
}

async function printTables(
  context: CommandContext,
  o: {
    readonly client: ApiClient;
    readonly targets: readonly Target[];
    readonly options: GetOptions;
    readonly wide: boolean;
  },
): Promise<void> {
  const tables = new Map<ListedKind['plural'], { readonly kind: ListedKind; table: ObjectTable }>();
  for (const target of o.targets) {
    const body = await fetchTarget(o.client, target, { options: o.options, accept: tableAccept });
    if (body === undefined) continue;
    const table = readTable(body);
    const known = tables.get(target.kind.plural);
    if (known === undefined) tables.set(target.kind.plural, { kind: target.kind, table });
    else known.table = { columns: known.table.columns, rows: [...known.table.rows, ...table.rows] };
  }
  const several = new Set(o.targets.map(({ kind }) => kind.plural)).size > 1;
  const parts: string[] = [];
  for (const { kind, table } of tables.values()) {
    if (table.rows.length === 0) continue;
    const rows = await sortBy(table.rows, ({ object }) => object, o.options.sortBy);
    const shape = tableOptions(o.options, {
      wide: o.wide,
      ...(several ? { namePrefix: `${kind.singular}/` } : {}),
    });
    parts.push(formatRows(tableCells({ ...table, rows }, shape)));
  }
  if (parts.length > 0) context.stdout(parts.join('\n'));
  else if (o.options.ignoreNotFound !== true) context.stderr('No resources found\n');
}

function tableOptions(
  options: GetOptions,
  o: { readonly wide: boolean; readonly namePrefix?: string },
): TableOptions {
  return {
    ...o,
    headers: options.headers,
    showLabels: options.showLabels ?? false,
    labelColumns: options.labelColumns ?? [],
  };
}

/** Numbers by size, everything else as text; equal ones by name. */
async function sortBy<T>(
  items: readonly T[],
  objectOf: (item: T) => JsonObject,
  path: string | undefined,
): Promise<readonly T[]> {
  if (path === undefined) return items;
  const { selectJsonPath } = await import('../../../controller/schema/json-path.js');
  const expression = path.replace(/^\{(.*)\}$/s, '$1');
  const keyed = items.map((item) => ({
    item,
    value: selectJsonPath(expression, objectOf(item))[0],
    name: stringAt(objectAt(objectOf(item), 'metadata'), 'name') ?? '',
  }));
  const text = (value: unknown): string =>
    typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
  return keyed
    .sort((a, b) => {
      if (typeof a.value === 'number' && typeof b.value === 'number' && a.value !== b.value)
        return a.value - b.value;
      return (
        text(a.value).localeCompare(text(b.value), 'en', { numeric: true }) || a.name.localeCompare(b.name)
      );
    })
    .map(({ item }) => item);
}
