// swarmctl debug dump: the operator's flight recorder as a file, for swarmctl replay.
import type { Command } from 'commander';
import path from 'node:path';
import { reasonOf, SwarmError } from '../../../controller/base/errors.js';
import { writeFileAtomically } from '../../../controller/base/write-file-atomically.js';
import { withClient } from '../client/api-client.js';
import type { CommandContext } from '../command-context.js';

interface DumpOptions {
  readonly output: string;
}

export function configure(command: Command, context: CommandContext): void {
  command
    .command('dump')
    .summary('Write the last decisions of each object, and what they were made from')
    .description(
      'Write the last decisions of each object, and what they were made from. Tokens, keys, registry credentials and values of environments are removed.',
    )
    .requiredOption('-o, --output <file>', 'file to write, - for standard output')
    .addHelpText(
      'after',
      `
The operator also leaves one, crash.flight in its state directory, when it dies of a fault of its own.

Examples:
  swarmctl debug dump -o today.flight
  swarmctl replay today.flight`,
    )
    .action((options: DumpOptions) => dump(context, options));
}

async function dump(context: CommandContext, { output }: DumpOptions): Promise<void> {
  const { body } = await withClient(context, (client) =>
    client.call({ method: 'GET', path: '/debug/flight' }),
  );
  const text = `${JSON.stringify(body)}\n`;
  if (output === '-') {
    context.stdout(text);
    return;
  }
  const file = path.resolve(output);
  try {
    await writeFileAtomically(file, text);
  } catch (error) {
    throw new SwarmError('OUTPUT_FAILED', `Cannot write "${file}": ${reasonOf(error)}`, { cause: error });
  }
  const records: unknown = body['records'];
  context.stdout(`${file}\n`);
  context.stderr(`${Array.isArray(records) ? records.length : 0} decisions, without secrets\n`);
}
