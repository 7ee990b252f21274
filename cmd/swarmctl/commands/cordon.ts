// swarmctl cordon and uncordon: whether managers may place new containers on a node.
import type { Command } from 'commander';
import { annotations as known } from '../../../controller/api/labels.js';
import { SwarmError } from '../../../controller/base/errors.js';
import { objectAt, stringAt } from '../../../controller/base/json.js';
import { withClient, type ApiClient } from '../client/api-client.js';
import { forEachObject } from '../client/for-each-object.js';
import { Kinds, objectPath, type ObjectReference } from '../client/kinds.js';
import type { CommandContext, ConfigureCommand } from '../command-context.js';
import { usageError } from '../usage-error.js';
import { selectReferences } from './wait.js';

type Verb = 'cordon' | 'uncordon';

interface CordonOptions {
  readonly selector?: string;
  readonly all?: boolean;
}

export const configureCordon: ConfigureCommand = configureVerb('cordon');
export const configureUncordon: ConfigureCommand = configureVerb('uncordon');

function configureVerb(verb: Verb): ConfigureCommand {
  const meaning =
    verb === 'cordon'
      ? 'No new containers are placed on a cordoned node; those that run there stay.'
      : 'Containers are placed on the node again, unless docker node update pauses or drains it.';
  return (command: Command, context: CommandContext) => {
    command
      .argument('[nodes...]', 'NAME…, or node/NAME…')
      .option('-l, --selector <selector>', 'nodes with these labels')
      .option('--all', 'all nodes')
      .addHelpText(
        'after',
        `\n${meaning}\n\nExamples:\n  swarmctl ${verb} node3\n  swarmctl ${verb} -l zone=a`,
      )
      .action((args: readonly string[], options: CordonOptions) => run(context, { verb, args, options }));
  };
}

async function run(
  context: CommandContext,
  o: { readonly verb: Verb; readonly args: readonly string[]; readonly options: CordonOptions },
): Promise<void> {
  const { verb } = o;
  const kinds = await Kinds.load(context);
  // Only nodes are cordoned, so that `node` may be left out.
  const named = o.args.some((arg) => arg.includes('/') || isNodes(kinds, arg)) ? o.args : ['node', ...o.args];
  await withClient(context, async (client) => {
    const references = await selectReferences(context, client, { ...o, args: named, kinds });
    const other = references.find(({ kind }) => kind.kind !== 'Node');
    if (other !== undefined)
      throw usageError(`Cannot ${verb} ${other.kind.singular} "${other.name}": only nodes are ${verb}ed`);
    if (references.length === 0) context.stderr('No node matches\n');
    await forEachObject(context, references, async (reference) => {
      const done = await setUnschedulable(client, { verb, reference });
      context.stdout(`${reference.kind.qualified}/${reference.name} ${done ? '' : 'already '}${verb}ed\n`);
    });
  });
}

/** `cordon node n1` is what other commands have taught. */
function isNodes(kinds: Kinds, word: string): boolean {
  const crd = kinds.crds.find(word);
  return crd?.kind === 'Node';
}

/** @returns whether that was a change. @throws {OBJECT_READ_ONLY} a manifest file says it */
async function setUnschedulable(
  client: ApiClient,
  { verb, reference }: { readonly verb: Verb; readonly reference: ObjectReference },
): Promise<boolean> {
  const path = objectPath(reference);
  const unschedulable = verb === 'cordon';
  const { body } = await client.call({ method: 'GET', path });
  if ((objectAt(body, 'spec')['unschedulable'] === true) === unschedulable) return false;
  const source = stringAt(objectAt(objectAt(body, 'metadata'), 'annotations'), known.source);
  if (source !== undefined) {
    throw new SwarmError(
      'OBJECT_READ_ONLY',
      `Cannot ${verb} node "${reference.name}": it comes from ${source}`,
      {
        hint: unschedulable
          ? `Set spec.unschedulable: true there; or, beside the manifest: docker node update --availability pause ${reference.name}`
          : 'Take spec.unschedulable: true out there',
      },
    );
  }
  await client.call({
    method: 'PATCH',
    path,
    contentType: 'application/merge-patch+json',
    body: { spec: { unschedulable } },
  });
  return true;
}
