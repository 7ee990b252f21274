// swarmctl version: of this program, and of the operator when one answers.
import type { Command } from 'commander';
import { isSwarmError } from '../../../controller/base/errors.js';
import { stringAt } from '../../../controller/base/json.js';
import { withClient } from '../client/api-client.js';
import type { CommandContext } from '../command-context.js';
import { formatYaml } from '../output/print-objects.js';
import { usageError } from '../usage-error.js';

interface VersionOptions {
  readonly output?: string;
  readonly client?: boolean;
}

export function configure(command: Command, context: CommandContext): void {
  command
    .option('-o, --output <form>', 'json or yaml')
    .option('--client', 'do not ask the operator')
    .action((options: VersionOptions) => version(context, options));
}

async function version(context: CommandContext, options: VersionOptions): Promise<void> {
  const form = options.output;
  if (form !== undefined && form !== 'json' && form !== 'yaml') {
    throw usageError(`Cannot print as ${JSON.stringify(form)}: must be json or yaml`);
  }
  const server = options.client === true ? undefined : await operatorVersion(context);
  const data = {
    client: { version: context.version, node: process.versions.node },
    ...(server === undefined ? {} : { operator: { version: server } }),
  };
  if (form === 'json') context.stdout(`${JSON.stringify(data, undefined, 2)}\n`);
  else if (form === 'yaml') context.stdout(await formatYaml(data));
  else {
    context.stdout(`Client:    ${context.version}\n`);
    if (server !== undefined) context.stdout(`Operator:  ${server}\n`);
    else if (options.client !== true) context.stderr(`Operator:  does not run at ${context.server}\n`);
  }
}

/** @returns undefined when no operator answers: that is no failure of this command */
async function operatorVersion(context: CommandContext): Promise<string | undefined> {
  try {
    const { body } = await withClient(context, (client) =>
      client.call({ method: 'GET', path: '/version', timeoutMs: 5000 }),
    );
    const text = stringAt(body, 'gitVersion') ?? '';
    return /\+swarmctl\.(.*)$/.exec(text)?.[1] ?? text;
  } catch (error) {
    if (isSwarmError(error, 'OPERATOR_UNREACHABLE') || isSwarmError(error, 'TIMEOUT')) return undefined;
    throw error;
  }
}
