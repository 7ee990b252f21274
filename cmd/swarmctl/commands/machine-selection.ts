// What the machine commands share: opening the machine store, choosing machines and reporting on them.
import path from 'node:path';
import { SwarmError } from '../../../controller/base/errors.js';
import { LocalMachines, type Machine } from '../../../controller/machine/machine-store.js';
import type { CommandContext } from '../command-context.js';
import { Progress } from '../output/progress.js';
import { usageError } from '../usage-error.js';

/** For options that may be given more than once. */
export const collect = (value: string, before: readonly string[] | undefined): string[] => [
  ...(before ?? []),
  value,
];

export function openMachines(
  context: CommandContext,
  report?: (machine: string, step: string) => void,
): LocalMachines {
  return new LocalMachines({
    directory: path.join(context.stateDirectory, 'machines'),
    clock: context.clock,
    env: context.env,
    ...(report === undefined ? {} : { report }),
  });
}

/** Opens the store with a progress line per machine. */
export async function withProgress(
  context: CommandContext,
  work: (machines: LocalMachines) => Promise<void>,
): Promise<void> {
  const progress = new Progress(context);
  const lasting = new Set(['running', 'stopped', 'removed']);
  const machines = openMachines(context, (name, step) =>
    lasting.has(step) ? progress.done(name, step) : progress.set(name, step),
  );
  try {
    await work(machines);
  } finally {
    progress.close();
  }
}

/** Machines of these names; without a name, the only one there is. */
export async function requireMachines(
  context: CommandContext,
  names: readonly string[],
): Promise<readonly Machine[]> {
  const all = await openMachines(context).list();
  if (names.length === 0) {
    if (all.length === 1) return all;
    throw usageError(`Cannot choose a machine: there are ${all.length}`, 'Name one; see swarmctl machine ls');
  }
  return names.map((name) => {
    const machine = all.find((candidate) => candidate.name === name);
    if (machine !== undefined) return machine;
    throw new SwarmError(
      'MACHINE_NOT_FOUND',
      `Cannot find machine "${name}": the machine store has none of that name`,
      { hint: 'See swarmctl machine ls for the machines that exist' },
    );
  });
}

/** One line per machine on stdout. */
export function printEach(context: CommandContext, names: readonly string[], what: string): void {
  for (const name of names) context.stdout(`machine/${name} ${what}\n`);
}
