// swarmctl __complete: what may follow on a command line, one candidate per line with a tab and its meaning.
import { Command } from 'commander';
import { isJsonObject, objectAt, stringAt } from '../../../controller/base/json.js';
import { withClient } from '../client/api-client.js';
import { Kinds, type ListedKind } from '../client/kinds.js';
import type { CommandContext } from '../command-context.js';
import type { CommandEntry } from '../command-table.js';

interface Candidate {
  readonly text: string;
  readonly meaning: string;
}

// A person waits for the tab key; an operator that does not answer at once offers no names.
const namesTimeoutMs = 1000;
const objectCommands = ['get', 'describe', 'delete', 'wait', 'approve', 'suspend', 'resume', 'repair'];
const nodeCommands = ['cordon', 'uncordon'];
const clusterCommands = ['env', 'plan'];

/** Unlike other commands it is given the table of commands, whose options it completes. */
export function configureComplete(
  command: Command,
  o: { readonly context: CommandContext; readonly table: readonly CommandEntry[] },
): void {
  command
    .argument('[words...]', 'the words so far; the last one is being typed')
    .action(async (words: readonly string[]) => {
      const current = words.at(-1) ?? '';
      const found = await candidates(o, { before: words.slice(0, -1), current }).catch(() => []);
      const lines = found
        .filter(({ text }) => text.startsWith(current))
        .map(({ text, meaning }) => `${text}\t${meaning}\n`);
      o.context.stdout(lines.join(''));
    });
}

async function candidates(
  { context, table }: { readonly context: CommandContext; readonly table: readonly CommandEntry[] },
  { before, current }: { readonly before: readonly string[]; readonly current: string },
): Promise<readonly Candidate[]> {
  const [name, ...rest] = before.filter((word) => !word.startsWith('-'));
  const entry = table.find((one) => one.name === name);
  if (entry === undefined) return table.map((one) => ({ text: one.name, meaning: one.summary }));
  const command = new Command(entry.name);
  (await entry.load()).configure(command, context);
  const sub = command.commands.find((one) => one.name() === rest[0]);
  const target = sub ?? command;
  if (current.startsWith('-')) return optionsOf(target);
  if (/^(-f|--filename|--state-dir|--server)$/.test(before.at(-1) ?? '')) return [];
  if (command.commands.length > 0 && sub === undefined) {
    return command.commands.map((one) => ({ text: one.name(), meaning: one.summary() }));
  }
  return argumentsOf(context, { command: entry.name, given: rest, current });
}

function optionsOf(command: Command): readonly Candidate[] {
  return command.options.map(({ long, short, description }) => ({
    text: long ?? short ?? '',
    meaning: description,
  }));
}

async function argumentsOf(
  context: CommandContext,
  o: { readonly command: string; readonly given: readonly string[]; readonly current: string },
): Promise<readonly Candidate[]> {
  const kinds = await Kinds.load(context);
  if (clusterCommands.includes(o.command) || (o.command === 'context' && o.given[0] === 'export')) {
    return namesOf(context, kinds.byKind('Cluster'), '');
  }
  if (nodeCommands.includes(o.command)) {
    const nodes = kinds.byKind('Node');
    const prefix = /^nodes?\//.exec(o.current)?.[0];
    return namesOf(context, nodes, prefix ?? '');
  }
  if (o.command === 'explain') return fieldsOf(kinds, o.current);
  if (!objectCommands.includes(o.command)) return [];
  const [first] = o.given;
  const slash = o.current.indexOf('/');
  if (slash > 0)
    return namesOf(context, kinds.find(o.current.slice(0, slash)), o.current.slice(0, slash + 1));
  if (first !== undefined && !first.includes('/')) return namesOf(context, kinds.find(first), '');
  return kinds.crds
    .all()
    .map(({ plural, schema }) => ({ text: plural, meaning: stringAt(schema, 'description') ?? '' }));
}

async function namesOf(
  context: CommandContext,
  kind: ListedKind,
  prefix: string,
): Promise<readonly Candidate[]> {
  const { body } = await withClient(context, (client) =>
    client.call({ method: 'GET', path: kind.path, timeoutMs: namesTimeoutMs }),
  );
  const { items } = body;
  return (Array.isArray(items) ? items.filter(isJsonObject) : []).map((object) => ({
    text: `${prefix}${stringAt(objectAt(object, 'metadata'), 'name') ?? ''}`,
    meaning: kind.kind,
  }));
}

/** The fields one level below what is typed: `node.spec.` offers node.spec.engine and its siblings. */
function fieldsOf(kinds: Kinds, current: string): readonly Candidate[] {
  const parts = current.split('.').slice(0, -1);
  const [name, ...path] = parts;
  if (name === undefined)
    return kinds.crds
      .all()
      .map(({ singular, schema }) => ({ text: singular, meaning: stringAt(schema, 'description') ?? '' }));
  const { crd } = kinds.find(name);
  if (crd === undefined) return [];
  const schema = path.reduce(
    (inner, field) => objectAt(objectAt(itemsOf(inner), 'properties'), field),
    crd.schema,
  );
  return Object.entries(objectAt(itemsOf(schema), 'properties')).map(([field, inner]) => ({
    text: [...parts, field].join('.'),
    meaning: stringAt(inner, 'description') ?? '',
  }));
}

function itemsOf(schema: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return schema['type'] === 'array' ? objectAt(schema, 'items') : schema;
}
