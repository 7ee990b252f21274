// swarmctl debug dump: the operator's flight recorder as a file, for swarmctl replay.
import type { Command } from 'commander';
import path from 'node:path';
import { isSwarmError, reasonOf, SwarmError } from '../../../controller/base/errors.js';
import type { JsonObject } from '../../../controller/base/json.js';
import { writeFileAtomically } from '../../../controller/base/write-file-atomically.js';
import { flightsName } from '../../../controller/reconcile/flight-log.js';
import { readFlights } from '../../../controller/reconcile/read-flights.js';
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
Without an operator it writes what the last ones left in flights/ of the state directory, also when they were killed. One that
dies of a fault of its own leaves all it had as crash.flight, too.

Examples:
  swarmctl debug dump -o today.flight
  swarmctl replay today.flight`,
    )
    .action((options: DumpOptions) => dump(context, options));
}

async function dump(context: CommandContext, { output }: DumpOptions): Promise<void> {
  const flight = await flightOf(context);
  const text = `${JSON.stringify(flight)}\n`;
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
  const records: unknown = flight['records'];
  context.stdout(`${file}\n`);
  context.stderr(`${Array.isArray(records) ? records.length : 0} decisions, without secrets\n`);
}

/** What the operator says, or what one that is gone has left in the state directory. */
async function flightOf(context: CommandContext): Promise<JsonObject> {
  try {
    const { body } = await withClient(context, (client) =>
      client.call({ method: 'GET', path: '/debug/flight' }),
    );
    return body;
  } catch (error) {
    if (!isSwarmError(error, 'OPERATOR_UNREACHABLE') || context.signal.aborted) throw error;
    const left = await readFlights(path.join(context.stateDirectory, flightsName));
    if (left === undefined) throw error;
    context.stderr('No operator answers; these are the decisions that the last ones left on the disk\n');
    return { ...left };
  }
}
