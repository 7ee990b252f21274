// What a command may touch of the world outside: output, input, environment, time. Everything is passed in, so that
// tests run a whole command line without a process.
import type { Command } from 'commander';
import path from 'node:path';
import type { Clock } from '../../controller/base/clock.js';
import type { LogLevel } from '../../controller/base/log.js';

export interface CommandContext {
  /** Data. Text carries its own newline. */
  readonly stdout: (text: string) => void;
  /** Talk: progress, warnings, hints. Text carries its own newline. */
  readonly stderr: (text: string) => void;
  /** All of standard input, at most 16 MiB. */
  readonly stdin: () => Promise<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether stderr is a terminal, so that live lines make sense. */
  readonly isTty: boolean;
  /** Width of the terminal; 80 when there is none. */
  readonly columns: number;
  /** Height of the terminal; 24 when there is none. */
  readonly rows: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** Absolute. See `resolveStateDirectory`. */
  readonly stateDirectory: string;
  /** `unix:///path` or `https://host:port` of the operator. */
  readonly server: string;
  readonly logLevel: LogLevel;
  /** Root of the installed package: schemas/, manifests/ and package.json are here. */
  readonly packageRoot: string;
  /** Version of this package. */
  readonly version: string;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** Calls the listener at each SIGHUP, which no longer ends the program then. @returns unsubscribe */
  readonly onHangup: (listener: () => void) => () => void;
  /** Calls the listener when the program is about to die of a fault of its own. @returns unsubscribe */
  readonly onCrash: (listener: () => void) => () => void;
  /** Sets the exit code of the program; the last call wins. */
  setExitCode(code: number): void;
}

/**
 * A file in commands/ exports this as `configure`: adds arguments, options, subcommands and the action to `command`,
 * whose name and summary are set already. Throw SwarmError from actions; the program prints it.
 */
export type ConfigureCommand = (command: Command, context: CommandContext) => void;

/** --state-dir, else SWARMCTL_STATE_DIR, else /var/lib/swarmctl for root, else the XDG state directory of the user. */
export function resolveStateDirectory(o: {
  readonly flag: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isRoot: boolean;
  readonly workingDirectory: string;
}): string {
  const given = o.flag ?? nonEmpty(o.env['SWARMCTL_STATE_DIR']);
  if (given !== undefined) return path.resolve(o.workingDirectory, given);
  if (o.isRoot) return '/var/lib/swarmctl';
  const base = nonEmpty(o.env['XDG_STATE_HOME']) ?? path.join(nonEmpty(o.env['HOME']) ?? '/', '.local/state');
  return path.join(base, 'swarmctl');
}

/** --server, else SWARMCTL_SERVER, else the socket in the state directory. */
export function resolveServer(o: {
  readonly flag: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stateDirectory: string;
}): string {
  return (
    o.flag ?? nonEmpty(o.env['SWARMCTL_SERVER']) ?? `unix://${path.join(o.stateDirectory, 'swarmctl.sock')}`
  );
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
