// swarmctl events: what happened to objects, oldest first, and with -w what happens from now on.
import { Option, type Command } from 'commander';
import { withClient, type ApiClient } from '../client/api-client.js';
import { follow } from '../client/follow.js';
import { Kinds, type ObjectReference } from '../client/kinds.js';
import type { CommandContext } from '../command-context.js';
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../../../controller/base/json.js';
import { EventPrinter } from '../output/event-lines.js';
import { usageError } from '../usage-error.js';

interface EventsOptions {
  readonly watch?: boolean;
  readonly watchOnly?: boolean;
  readonly for?: string;
  readonly type?: string;
  readonly output?: string;
  readonly headers: boolean;
}

export function configure(command: Command, context: CommandContext): void {
  command
    .option('-w, --watch', 'go on with what happens from now on, until Ctrl-C')
    .option('--watch-only', 'the same, without what happened before')
    .option('--for <object>', 'only of one object, KIND/NAME')
    .addOption(new Option('--type <type>', 'only of this type').choices(['Normal', 'Warning']))
    .option('-o, --output <form>', 'json: one event per line')
    .option('--no-headers', 'print no headings')
    .addHelpText(
      'after',
      `
Examples:
  swarmctl events -w
  swarmctl events --for node/node3 --type Warning
  swarmctl events -w -o json | jq -r .message`,
    )
    .action((options: EventsOptions) => events(context, options));
}

async function events(context: CommandContext, options: EventsOptions): Promise<void> {
  if (options.output !== undefined && options.output !== 'json')
    throw usageError('Cannot print: -o must be json');
  const kinds = await Kinds.load(context);
  const object = options.for === undefined ? undefined : readObject(kinds, options.for);
  const fieldSelector = [
    ...(object === undefined
      ? []
      : [`involvedObject.kind=${object.kind.kind}`, `involvedObject.name=${object.name}`]),
    ...(options.type === undefined ? [] : [`type=${options.type}`]),
  ].join(',');
  const printer = new EventPrinter({
    isJson: options.output === 'json',
    headers: options.headers,
    write: context.stdout,
  });
  const query = fieldSelector === '' ? {} : { fieldSelector };
  await withClient(context, async (client) => {
    if (options.watch === true || options.watchOnly === true) {
      await watch(context, { client, kinds, query, printer, skipsPast: options.watchOnly === true });
      return;
    }
    const { body } = await client.call({ method: 'GET', path: kinds.find('events').path, query });
    const items: unknown = body['items'];
    const found = inOrder(Array.isArray(items) ? items.filter(isJsonObject) : []);
    if (found.length === 0) context.stderr('No events found\n');
    else printer.print(found);
  });
}

function readObject(kinds: Kinds, text: string): ObjectReference {
  const [reference, ...others] = kinds.parseArguments([text]).references;
  if (reference?.kind.crd === undefined || others.length > 0) {
    throw usageError(`Cannot show events for ${JSON.stringify(text)}: it must be KIND/NAME, as node/node1`);
  }
  return reference;
}

/** Ends when the user stops it. After a restart of the operator only what is new is printed. */
async function watch(
  context: CommandContext,
  o: {
    readonly client: ApiClient;
    readonly kinds: Kinds;
    readonly query: Readonly<Record<string, string>>;
    readonly printer: EventPrinter;
    readonly skipsPast: boolean;
  },
): Promise<void> {
  /** How often each event had happened when it was last seen, by name: versions start anew with the operator. */
  let seen = new Map<string, string>();
  let present: JsonObject[] | undefined = [];
  let isFirst = true;
  const kind = o.kinds.find('events');
  for await (const change of follow(o.client, context, { kind, query: o.query, signal: context.signal })) {
    if (change.type === 'restart') present = [];
    else if (change.type === 'lost') context.stderr('The operator is gone; waiting for it to come back\n');
    else if (change.type === 'synced') {
      const found = inOrder(present ?? []);
      const fresh = found.filter((event) => seen.get(nameOf(event)) !== momentOf(event));
      // What the operator has forgotten needs no remembering here either.
      seen = new Map(found.map((event) => [nameOf(event), momentOf(event)]));
      if (!isFirst || !o.skipsPast) o.printer.print(fresh);
      present = undefined;
      isFirst = false;
    } else if (change.type !== 'deleted') {
      if (present !== undefined) present.push(change.object);
      else {
        seen.set(nameOf(change.object), momentOf(change.object));
        o.printer.print([change.object]);
      }
    }
  }
}

function inOrder(events: readonly JsonObject[]): readonly JsonObject[] {
  const time = (event: JsonObject): number => Date.parse(stringAt(event, 'lastTimestamp') ?? '') || 0;
  // Stable: events of one second stay in the order in which they happened.
  return [...events].sort((a, b) => time(a) - time(b));
}

function nameOf(event: JsonObject): string {
  return stringAt(objectAt(event, 'metadata'), 'name') ?? '';
}

function momentOf(event: JsonObject): string {
  return `${String(event['count'])} ${stringAt(event, 'lastTimestamp') ?? ''}`;
}
