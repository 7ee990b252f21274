// swarmctl resume: ends a suspension.
import type { Command } from 'commander';
import { annotations as known } from '../../../controller/api/labels.js';
import { suspensionAnnotations } from '../../../controller/api/suspension.js';
import { SwarmError } from '../../../controller/base/errors.js';
import { objectAt, stringAt, type JsonObject } from '../../../controller/base/json.js';
import { withClient, type ApiClient } from '../client/api-client.js';
import { forEachObject } from '../client/for-each-object.js';
import { Kinds, objectPath, type ObjectReference } from '../client/kinds.js';
import type { CommandContext } from '../command-context.js';
import { usageError } from '../usage-error.js';
import { selectReferences } from './wait.js';

interface ResumeOptions {
  readonly selector?: string;
}

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<objects...>', 'KIND/NAME…, or KIND NAME…')
    .option('-l, --selector <selector>', 'with a KIND: objects with these labels')
    .addHelpText('after', '\nExample:\n  swarmctl resume node node3')
    .action(async (args: readonly string[], options: ResumeOptions) => {
      const kinds = await Kinds.load(context);
      await withClient(context, async (client) => {
        const references = await selectReferences(context, client, { verb: 'resume', args, options, kinds });
        await forEachObject(context, references, async (reference) => {
          context.stdout(await resume(client, reference));
        });
      });
    });
}

/** @returns the line that says what happened. @throws {OBJECT_READ_ONLY} the manifest file suspends it */
async function resume(client: ApiClient, reference: ObjectReference): Promise<string> {
  if (reference.kind.crd === undefined) throw usageError('Cannot resume events');
  const path = objectPath(reference);
  const { body } = await client.call({ method: 'GET', path });
  const notes = objectAt(objectAt(body, 'metadata'), 'annotations');
  const name = `${reference.kind.qualified}/${reference.name}`;
  const bySpec = objectAt(body, 'spec')['suspend'] === true;
  const source = stringAt(notes, known.source);
  const present = suspensionAnnotations.filter((key) => notes[key] !== undefined);
  if (!bySpec && present.length === 0) return `${name} is not suspended\n`;
  const change: JsonObject = {
    ...(present.length === 0
      ? {}
      : { metadata: { annotations: Object.fromEntries(present.map((key) => [key, null])) } }),
    ...(bySpec && source === undefined ? { spec: { suspend: false } } : {}),
  };
  if (Object.keys(change).length > 0) {
    await client.call({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body: change });
  }
  if (bySpec && source !== undefined) {
    throw new SwarmError(
      'OBJECT_READ_ONLY',
      `Cannot resume ${reference.kind.singular} "${reference.name}": spec.suspend is true in ${source}`,
    );
  }
  return `${name} resumed\n`;
}
