// swarmctl repair: the one command after keys or tokens were lost. It only asks; the operator makes them and delivers them
// to the containers that run.
import type { Command } from 'commander';
import { annotations } from '../../../controller/api/labels.js';
import { errorTable, SwarmError } from '../../../controller/base/errors.js';
import { isJsonObject, objectAt, stringAt } from '../../../controller/base/json.js';
import { withClient, type ApiClient } from '../client/api-client.js';
import { Kinds, objectPath, type ObjectReference } from '../client/kinds.js';
import type { CommandContext } from '../command-context.js';
import { usageError } from '../usage-error.js';
import { selectReferences } from './wait.js';

interface RepairOptions {
  readonly dryRun?: boolean;
}

/** What new keys and tokens help against. */
const repairable: readonly string[] = [
  errorTable.CREDENTIALS_LOST.reason,
  errorTable.CREDENTIALS_INVALID.reason,
];

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<objects...>', 'cluster NAME, or cluster/NAME…')
    .option('--dry-run', 'only say what would be repaired')
    .addHelpText(
      'after',
      `
A cluster says CredentialsLost when its token or its certificate authority is gone from the state directory while it runs.
If there is a backup, restore it instead: then nobody needs new certificates. Repairing restarts no container, but every
client needs the new certificates (swarmctl env, context, or clusters/NAME/client in the state directory).

Examples:
  swarmctl repair cluster demo
  swarmctl wait cluster/demo --for=condition=Ready`,
    )
    .action((args: readonly string[], options: RepairOptions) => repair(context, args, options));
}

async function repair(
  context: CommandContext,
  args: readonly string[],
  options: RepairOptions,
): Promise<void> {
  const kinds = await Kinds.load(context);
  await withClient(context, async (client) => {
    const references = await selectReferences(context, client, { args, options: {}, kinds, verb: 'repair' });
    for (const reference of references) {
      await requireRepairable(client, reference);
      if (options.dryRun !== true) {
        await client.call({
          method: 'PATCH',
          path: objectPath(reference),
          contentType: 'application/merge-patch+json',
          body: { metadata: { annotations: { [annotations.repair]: 'true' } } },
        });
      }
      const dry = options.dryRun === true ? ' (dry run)' : '';
      context.stdout(`${reference.kind.qualified} "${reference.name}" gets new keys and tokens${dry}\n`);
    }
  });
}

/** @throws {USAGE} nothing is lost: new keys would only lock clients out */
async function requireRepairable(client: ApiClient, reference: ObjectReference): Promise<void> {
  const { kind, name } = reference;
  if (kind.kind !== 'Cluster')
    throw usageError(`Cannot repair ${kind.singular} "${name}": only clusters have keys and tokens`);
  const { body } = await client.call({ method: 'GET', path: objectPath(reference) });
  const conditions: unknown = objectAt(body, 'status')['conditions'];
  const ready = (Array.isArray(conditions) ? conditions : [])
    .filter(isJsonObject)
    .find((condition) => condition['type'] === 'Ready');
  if (repairable.includes(stringAt(ready, 'reason') ?? '')) return;
  throw new SwarmError('USAGE', `Cannot repair cluster "${name}": its keys and token are there`, {
    hint: `See swarmctl describe cluster ${name} for what is wrong with it`,
  });
}
