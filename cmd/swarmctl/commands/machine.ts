// swarmctl machine: engines on this machine, with the commands, flags and output docker-machine users know.
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.js';
import { configureCreate } from './machine-create.js';
import { configurePower } from './machine-power.js';
import { configureQueries } from './machine-queries.js';

export function configure(command: Command, context: CommandContext): void {
  configureCreate(command, context);
  configureQueries(command, context);
  configurePower(command, context);
}
