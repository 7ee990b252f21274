// swarmctl machine start, stop, kill, restart and rm.
import type { Command } from 'commander';
import { SwarmError } from '../../../controller/base/errors.js';
import type { LocalMachines } from '../../../controller/machine/machine-store.js';
import { parseTimeout } from '../client/parse-timeout.js';
import type { CommandContext } from '../command-context.js';
import { usageError } from '../usage-error.js';
import { printEach, withProgress } from './machine-selection.js';

interface Selection {
  readonly all?: boolean;
  readonly set?: string;
  /** What does not exist is no error. */
  readonly force?: boolean;
}

export function configurePower(command: Command, context: CommandContext): void {
  const power = (name: string, summary: string): Command =>
    command
      .command(name)
      .summary(summary)
      .argument('[names...]')
      .option('--all', 'all machines')
      .option('--set <name>', 'all machines of a set');
  const grace = ['--time <duration>', 'how long containers may take to end', '12s'] as const;
  power('start', 'Start machines').action((names: readonly string[], options: Selection) =>
    withProgress(context, async (machines) => {
      const chosen = await select(machines, names, options);
      await machines.start(chosen, context.signal);
      printEach(context, chosen, 'started');
    }),
  );
  const stop = (names: readonly string[], options: Selection & { time?: string }): Promise<void> =>
    withProgress(context, async (machines) => {
      const chosen = await select(machines, names, options);
      await machines.stop(chosen, { graceMs: parseTimeout(options.time ?? '0'), signal: context.signal });
      printEach(context, chosen, 'stopped');
    });
  power('stop', 'Stop machines; their containers are asked to end first')
    .option(...grace)
    .action(stop);
  power('kill', 'Stop machines at once, as if the power failed').action(stop);
  power('restart', 'Stop and start machines')
    .option(...grace)
    .action((names: readonly string[], options: Selection & { time: string }) =>
      withProgress(context, async (machines) => {
        const chosen = await select(machines, names, options);
        await machines.stop(chosen, { graceMs: parseTimeout(options.time), signal: context.signal });
        await machines.start(chosen, context.signal);
        printEach(context, chosen, 'restarted');
      }),
    );
  command
    .command('rm')
    .summary('Remove machines with everything they hold')
    .argument('[names...]')
    .option('--all', 'all machines; needs --force')
    .option('--set <name>', 'all machines of a set')
    .option('-f, --force', 'do not fail on machines that do not exist')
    .option('-y', 'accepted for scripts: nothing is asked')
    .action((names: readonly string[], options: Selection) => remove(context, names, options));
}

async function remove(context: CommandContext, names: readonly string[], options: Selection): Promise<void> {
  if (options.all === true && options.force !== true) {
    throw usageError('Cannot remove all machines: --force is missing', 'Add --force to confirm');
  }
  await withProgress(context, async (machines) => {
    const chosen = await select(machines, names, options);
    await machines.remove(chosen, { force: options.force ?? false, signal: context.signal });
    if (options.set !== undefined) await machines.removeSet(options.set, context.signal);
    printEach(context, chosen, 'removed');
  });
}

/** The machines that a command is about. @throws {USAGE} when nothing says which */
async function select(
  machines: LocalMachines,
  names: readonly string[],
  options: Selection,
): Promise<readonly string[]> {
  if (options.all !== true && options.set === undefined) {
    if (names.length === 0)
      throw usageError('Cannot choose machines: no name is given', 'Name them, or use --all');
    return names;
  }
  if (names.length > 0)
    throw usageError('Cannot choose machines: names and --all or --set exclude each other');
  const all = await machines.list();
  const chosen = all.filter(({ set }) => options.set === undefined || set === options.set);
  if (chosen.length === 0 && options.set !== undefined && options.force !== true) {
    throw new SwarmError('MACHINE_NOT_FOUND', `Cannot find set "${options.set}": no machine belongs to it`, {
      hint: 'See swarmctl machine ls for the machines and their sets',
    });
  }
  return chosen.map(({ name }) => name);
}
