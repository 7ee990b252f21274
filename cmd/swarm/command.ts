// What a command of `swarm` is: its words, its flags, and what it does.
import type { LogLevel } from '../../controller/base/log.js';
import type { FlagTable } from './flag-table.js';
import type { ProgramEnvironment } from './program-environment.js';

/** Flags that precede the command. */
export interface GlobalOptions {
  readonly logLevel: LogLevel;
  readonly experimental: boolean;
}

export interface CommandInput {
  /** What follows the command's name. */
  readonly args: readonly string[];
  readonly globals: GlobalOptions;
  readonly environment: ProgramEnvironment;
}

export interface Command {
  readonly name: string;
  readonly alias?: string;
  readonly summary: string;
  readonly argument?: { readonly name: string; readonly lines: readonly string[] };
  readonly flags: FlagTable;
  /** Text below the options. */
  readonly notes?: string;
  /** How a fatal error is told: as a log line on stdout, or as a dated line on stderr. */
  readonly failure: 'log' | 'line';
  /** @returns the exit code. @throws SwarmError; the program reports it and exits with 1 */
  readonly run: (input: CommandInput) => Promise<number>;
}
