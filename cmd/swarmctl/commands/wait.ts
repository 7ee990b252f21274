// swarmctl wait: returns when objects are as expected, or fails when they are not in time.
import type { Command } from 'commander';
import { isSwarmError, SwarmError } from '../../../controller/base/errors.js';
import { formatGoDuration } from '../../../controller/base/duration.js';
import { objectAt, stringAt, isJsonObject } from '../../../controller/base/json.js';
import { withClient, type ApiClient } from '../client/api-client.js';
import { Kinds, objectPath, type ObjectReference } from '../client/kinds.js';
import { parseTimeout } from '../client/parse-timeout.js';
import { filesOption, recursiveOption, readInput, type InputVerb } from '../client/read-input.js';
import { parseExpectation, waitForObjects, type Expectation, type Unmet } from '../client/wait-for.js';
import type { CommandContext } from '../command-context.js';
import { usageError } from '../usage-error.js';

interface WaitOptions {
  readonly for: string;
  readonly timeout: string;
  readonly selector?: string;
  readonly all?: boolean;
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
}

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('[objects...]', 'KIND/NAME…, or KIND NAME…')
    .option(
      '--for <what>',
      'condition=NAME[=STATUS], jsonpath=PATH[=VALUE], create or delete',
      'condition=Ready',
    )
    .option('--timeout <duration>', 'how long to wait; 0 looks once', '30s')
    .option('-l, --selector <selector>', 'objects with these labels')
    .option('--all', 'all objects of the kind')
    .addOption(filesOption('objects named in files'))
    .addOption(recursiveOption())
    .addHelpText('after', '\nExample:\n  swarmctl wait node/node3 --for=condition=Ready --timeout=60s')
    .action((args: readonly string[], options: WaitOptions) => wait(context, args, options));
}

async function wait(context: CommandContext, args: readonly string[], options: WaitOptions): Promise<void> {
  const expectation = parseExpectation(options.for);
  const timeoutMs = parseTimeout(options.timeout);
  const kinds = await Kinds.load(context);
  await withClient(context, async (client) => {
    const references = await selectReferences(context, client, { verb: 'wait', args, options, kinds });
    if (references.length === 0) {
      if (expectation.type === 'delete') return;
      throw new SwarmError('OBJECT_NOT_FOUND', 'Cannot wait: no object matches', {
        hint: `See swarmctl get ${args[0] ?? ''} --show-labels`,
      });
    }
    if (expectation.type === 'condition' || expectation.type === 'jsonpath')
      await requireAll(client, references);
    const printed = new Set<string>();
    const result = await waitForObjects(context, client, {
      awaited: references,
      expectation,
      timeoutMs,
      onVerdict: (awaited, verdict) => {
        const name = `${awaited.kind.qualified}/${awaited.name}`;
        if (!verdict.met || printed.has(name)) return;
        printed.add(name);
        context.stdout(
          `${name} ${expectation.type === 'delete' || expectation.type === 'create' ? `${expectation.type}d` : 'condition met'}\n`,
        );
      },
    });
    if (result.unmet.length > 0) throw timeoutError(result.unmet, { expectation, timeoutMs });
  });
}

/** One error for all that were not met: the first in the message, the way to see the others in the hint. */
export function timeoutError(
  unmet: readonly Unmet[],
  o: {
    readonly expectation: Expectation;
    readonly timeoutMs: number;
    readonly why?: 'timeout' | 'stalled';
    /** What to do, when the operator did not say it. */
    readonly hint?: string;
  },
): SwarmError {
  const shown = unmet
    .slice(0, 5)
    .map(({ awaited, text }) => `${awaited.kind.singular} "${awaited.name}" ${text}`)
    .join('; ');
  const more = unmet.length > 5 ? `; and ${unmet.length - 5} more` : '';
  const after =
    o.why === 'stalled'
      ? 'it cannot make progress'
      : o.timeoutMs === 0
        ? 'not yet'
        : `timed out after ${formatGoDuration(o.timeoutMs)}`;
  const told = unmet.find(({ hint }) => hint !== undefined)?.hint;
  const first = unmet[0]?.awaited;
  const look = first === undefined ? '' : `See swarmctl describe ${first.kind.singular} ${first.name}`;
  return new SwarmError('TIMEOUT', `Waiting for ${nameOf(o.expectation)}: ${after}: ${shown}${more}`, {
    hint: told ?? o.hint ?? look,
  });
}

function nameOf(expectation: Expectation): string {
  if (expectation.type === 'jsonpath') return `${expectation.path}${valueOf(expectation.value)}`;
  if (expectation.type !== 'condition') return expectation.type === 'create' ? 'creation' : 'deletion';
  return `${expectation.condition}${expectation.status === 'True' ? '' : `=${expectation.status}`}`;
}

function valueOf(value: string | undefined): string {
  return value === undefined ? '' : `=${value}`;
}

/** The objects that arguments, files or selectors name. */
export async function selectReferences(
  context: CommandContext,
  client: ApiClient,
  o: {
    /** What is about to happen to them, for errors. */
    readonly verb: InputVerb;
    readonly args: readonly string[];
    readonly kinds: Kinds;
    readonly options: {
      readonly selector?: string;
      readonly all?: boolean;
      readonly filename?: readonly string[];
      readonly recursive?: boolean;
    };
  },
): Promise<readonly ObjectReference[]> {
  if (o.options.filename !== undefined) {
    if (o.args.length > 0) throw usageError(`Cannot ${o.verb}: -f and names exclude each other`);
    const objects = await readInput(context, { ...o.options, kinds: o.kinds, verb: o.verb });
    return objects.map(({ resource }) => ({
      kind: o.kinds.byKind(resource.kind),
      name: resource.metadata.name,
    }));
  }
  const { kinds, references } = parseArguments(o.kinds, o.args);
  if (references.length > 0) {
    if (o.options.selector !== undefined || o.options.all === true) {
      throw usageError(`Cannot ${o.verb}: names and --selector or --all exclude each other`);
    }
    return references;
  }
  if (kinds.length === 0)
    throw usageError(`Cannot ${o.verb}: no object is named`, 'Name KIND/NAME, or KIND with -l or --all');
  if (o.options.selector === undefined && o.options.all !== true) {
    throw usageError(`Cannot ${o.verb}: no object is named`, 'Name objects, or use -l SELECTOR or --all');
  }
  const found: ObjectReference[] = [];
  for (const kind of kinds) {
    const { body } = await client.call({
      method: 'GET',
      path: kind.path,
      query: { labelSelector: o.options.selector },
    });
    const items: unknown = body['items'];
    for (const item of Array.isArray(items) ? items.filter(isJsonObject) : []) {
      found.push({ kind, name: stringAt(objectAt(item, 'metadata'), 'name') ?? '' });
    }
  }
  return found;
}

/** A lone name is taken for a kind; whoever leaves the kind out gets told how to write it. */
function parseArguments(kinds: Kinds, args: readonly string[]): ReturnType<Kinds['parseArguments']> {
  try {
    return kinds.parseArguments(args);
  } catch (error) {
    const [only, more] = args;
    if (!isSwarmError(error, 'UNKNOWN_KIND') || more !== undefined) throw error;
    throw new SwarmError('UNKNOWN_KIND', error.message, {
      cause: error,
      hint: `An object is named as KIND/NAME, for example node/${only ?? ''}`,
    });
  }
}

/** Waiting for a condition of what does not exist would only hide a misspelled name. */
async function requireAll(client: ApiClient, references: readonly ObjectReference[]): Promise<void> {
  for (const reference of references) await client.call({ method: 'GET', path: objectPath(reference) });
}
