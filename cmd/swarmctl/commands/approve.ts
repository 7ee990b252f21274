// swarmctl approve: what the operator does not do unasked because it looks like an accident: deletions that it holds back,
// and engines that answer where others were. Shows them, and lets them happen.
import type { Command } from 'commander';
import { annotations as known } from '../../../controller/api/labels.js';
import { SwarmError } from '../../../controller/base/errors.js';
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../../../controller/base/json.js';
import { withClient, type ApiClient } from '../client/api-client.js';
import { forEachObject } from '../client/for-each-object.js';
import { Kinds, objectPath, type ObjectReference } from '../client/kinds.js';
import type { CommandContext } from '../command-context.js';
import { cellText, formatRows } from '../output/table.js';
import { usageError } from '../usage-error.js';
import { selectReferences } from './wait.js';

interface ApproveOptions {
  readonly selector?: string;
  readonly all?: boolean;
  readonly dryRun?: boolean;
}

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('[objects...]', 'KIND/NAME…, or KIND NAME…')
    .option('-l, --selector <selector>', 'with a KIND: objects with these labels')
    .option('--all', 'every deletion that waits; with a KIND, of that kind. Other engines have to be named')
    .option('--dry-run', 'only say what would be approved')
    .addHelpText(
      'after',
      `
Examples:
  swarmctl approve                  # what waits, and why
  swarmctl approve node/n7 node/n8
  swarmctl approve --all`,
    )
    .action((args: readonly string[], options: ApproveOptions) => approve(context, args, options));
}

interface Waiting extends ObjectReference {
  readonly source: string;
  readonly why: string;
  /** The engine that answers at the address of a Node, where not a deletion waits but its use. */
  readonly engine?: { readonly id: string; readonly is: string; readonly was: string };
}

async function approve(
  context: CommandContext,
  args: readonly string[],
  options: ApproveOptions,
): Promise<void> {
  const kinds = await Kinds.load(context);
  await withClient(context, async (client) => {
    const waiting = await findWaiting(client, kinds);
    const isQuestion = args.length === 0 && options.all !== true;
    if (isQuestion) {
      if (options.selector !== undefined) throw usageError('Cannot approve: --selector needs a kind');
      show(context, waiting);
      return;
    }
    const chosen =
      args.length === 0
        ? waiting.filter(({ engine }) => engine === undefined)
        : await chooseNamed(context, client, { args, options, kinds, waiting });
    if (chosen.length === 0) context.stderr('No deletion waits\n');
    if (options.all === true) tellUnnamed(context, waiting);
    await forEachObject(context, chosen, (one) =>
      approveOne(context, client, { one, dryRun: options.dryRun === true }),
    );
  });
}

async function findWaiting(client: ApiClient, kinds: Kinds): Promise<readonly Waiting[]> {
  const found: Waiting[] = [];
  for (const kind of kinds.findMany('all')) {
    const { body } = await client.call({ method: 'GET', path: kind.path });
    const items: unknown = body['items'];
    for (const item of Array.isArray(items) ? items.filter(isJsonObject) : []) {
      const metadata = objectAt(item, 'metadata');
      const annotations: JsonObject = objectAt(metadata, 'annotations');
      const why = stringAt(annotations, known.deletionHeld);
      const source = stringAt(annotations, known.source) ?? '';
      const named = { kind, name: stringAt(metadata, 'name') ?? '', source };
      const status = objectAt(item, 'status');
      const id = stringAt(objectAt(status, 'replacement'), 'id');
      if (why !== undefined && annotations[known.deletionApproved] !== 'true') found.push({ ...named, why });
      else if (id !== undefined && annotations[known.acceptEngine] !== id) {
        const is = describeEngine(objectAt(status, 'replacement'));
        const engine = { id, is, was: describeEngine(objectAt(status, 'engine')) };
        found.push({ ...named, why: '', engine });
      }
    }
  }
  return found;
}

/** `host7, ID ABCD`. */
function describeEngine(engine: JsonObject): string {
  return `${stringAt(engine, 'name') ?? ''}, ID ${stringAt(engine, 'id') ?? ''}`;
}

function show(context: CommandContext, waiting: readonly Waiting[]): void {
  const deletions = waiting.filter(({ engine }) => engine === undefined);
  const engines = waiting.flatMap(({ kind, name, engine }) => (engine ? [{ kind, name, engine }] : []));
  if (waiting.length === 0) context.stderr('No deletion waits\n');
  if (deletions.length > 0) {
    const rows = deletions.map(({ kind, name, source, why }) => [
      `${kind.singular}/${name}`,
      source,
      cellText(why),
    ]);
    context.stdout(formatRows([['OBJECT', 'MANIFEST WAS', 'KEPT BECAUSE'], ...rows]));
    context.stderr(
      '\nTo let them be deleted: swarmctl approve --all, or name them. To keep one: bring its manifest back\n',
    );
  }
  if (engines.length > 0) {
    const rows = engines.map(({ kind, name, engine }) => [`${kind.singular}/${name}`, engine.was, engine.is]);
    context.stdout(formatRows([['OBJECT', 'ENGINE WAS', 'ENGINE IS NOW'], ...rows]));
    const names = engines.map(({ kind, name }) => `${kind.singular}/${name}`).join(' ');
    context.stderr(
      `\nTo let them be used: swarmctl approve ${names}. If another host took the address: correct spec.engine.address\n`,
    );
  }
}

/** An engine that nobody expected gets keys and tokens: that takes more than a word for everything. */
function tellUnnamed(context: CommandContext, waiting: readonly Waiting[]): void {
  const names = waiting.flatMap(({ kind, name, engine }) => (engine ? [`${kind.singular}/${name}`] : []));
  if (names.length > 0) context.stderr(`Not approved, because it has to be named: ${names.join(' ')}\n`);
}

/** @throws {USAGE | OBJECT_NOT_FOUND} an object is named that does not wait: most likely another one is meant */
async function chooseNamed(
  context: CommandContext,
  client: ApiClient,
  o: {
    readonly args: readonly string[];
    readonly options: ApproveOptions;
    readonly kinds: Kinds;
    readonly waiting: readonly Waiting[];
  },
): Promise<readonly Waiting[]> {
  const references = await selectReferences(context, client, { ...o, verb: 'approve' });
  const isNamed = o.options.all !== true && o.options.selector === undefined;
  const chosen: Waiting[] = [];
  for (const { kind, name } of references) {
    const found = o.waiting.find((one) => one.kind.kind === kind.kind && one.name === name);
    if (found !== undefined && (isNamed || found.engine === undefined)) chosen.push(found);
    else if (isNamed) {
      // One that is not there is another mistake.
      await client.call({ method: 'GET', path: objectPath({ kind, name }) });
      throw new SwarmError('USAGE', `Cannot approve ${kind.singular} "${name}": its deletion does not wait`, {
        hint: 'See swarmctl approve for what waits; swarmctl delete deletes what has no manifest',
      });
    }
  }
  return chosen;
}

async function approveOne(
  context: CommandContext,
  client: ApiClient,
  { one, dryRun }: { readonly one: Waiting; readonly dryRun: boolean },
): Promise<void> {
  const label = `${one.kind.qualified} "${one.name}"`;
  if (!dryRun) {
    const annotations =
      one.engine === undefined
        ? { [known.deletionApproved]: 'true' }
        : { [known.acceptEngine]: one.engine.id };
    await client.call({
      method: 'PATCH',
      path: objectPath(one),
      contentType: 'application/merge-patch+json',
      body: { metadata: { annotations } },
    });
  }
  const what = one.engine === undefined ? 'deletion' : `engine ${one.engine.id}`;
  context.stdout(`${label} ${what} approved${dryRun ? ' (dry run)' : ''}\n`);
}
