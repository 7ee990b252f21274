// swarmctl describe: one object in full: how it stands, why, what to do, and what happened.
import type { Command } from 'commander';
import { withClient, type ApiClient } from '../client/api-client.js';
import { fetchStory } from '../client/fetch-story.js';
import { Kinds, objectPath, type ObjectReference } from '../client/kinds.js';
import { filesOption, recursiveOption } from '../client/read-input.js';
import type { CommandContext } from '../command-context.js';
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../../../controller/base/json.js';
import { formatDescription } from '../output/description.js';
import { usageError } from '../usage-error.js';
import { selectReferences } from './wait.js';

interface DescribeOptions {
  readonly selector?: string;
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
  readonly showEvents: boolean | string;
}

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('[objects...]', 'KIND, KIND NAME…, or KIND/NAME…')
    .option('-l, --selector <selector>', 'objects with these labels')
    .addOption(filesOption('objects named in files'))
    .addOption(recursiveOption())
    .option('--show-events [true|false]', 'end with the story of the object', true)
    .addHelpText('after', '\nExample:\n  swarmctl describe node node3')
    .action((args: readonly string[], options: DescribeOptions) => describe(context, args, options));
}

async function describe(
  context: CommandContext,
  args: readonly string[],
  options: DescribeOptions,
): Promise<void> {
  const kinds = await Kinds.load(context);
  const showEvents = options.showEvents !== false && options.showEvents !== 'false';
  await withClient(context, async (client) => {
    // Only a kind means all of it, as in kubectl.
    const all = options.selector === undefined && options.filename === undefined;
    const references = await selectReferences(context, client, {
      verb: 'describe',
      args,
      options: onlyKinds(args) ? { ...options, all } : options,
      kinds,
    });
    if (references.length === 0) context.stderr('No resources found\n');
    for (const [index, reference] of references.entries()) {
      if (reference.kind.crd === undefined)
        throw usageError('Cannot describe events', 'List them with swarmctl get events');
      const { body } = await client.call({ method: 'GET', path: objectPath(reference) });
      const events = showEvents ? await eventsOf(client, reference) : [];
      const story = await fetchStory(client, reference);
      if (index > 0) context.stdout('\n\n');
      context.stdout(formatDescription({ object: body, events, story, nowMs: context.clock.now() }));
    }
  });
}

function onlyKinds(args: readonly string[]): boolean {
  return args.length === 1 && args[0]?.includes('/') === false;
}

async function eventsOf(client: ApiClient, { kind, name }: ObjectReference): Promise<readonly JsonObject[]> {
  const fieldSelector = `involvedObject.kind=${kind.kind},involvedObject.name=${name}`;
  const { body } = await client.call({ method: 'GET', path: '/api/v1/events', query: { fieldSelector } });
  const items: unknown = body['items'];
  const time = (event: JsonObject): number => Date.parse(stringAt(event, 'lastTimestamp') ?? '') || 0;
  return (Array.isArray(items) ? items.filter(isJsonObject) : [])
    .filter((event) => objectAt(event, 'involvedObject')['name'] === name)
    .sort((a, b) => time(b) - time(a));
}
