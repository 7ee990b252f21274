// The swarm program: global flags, choice of the command, and how errors are told.
import { isSwarmError, messageOf } from '../../controller/base/errors.js';
import type { LogLevel } from '../../controller/base/log.js';
import type { Command } from './command.js';
import { createCommand } from './commands/create.js';
import { discoveryCommand } from './commands/discovery.js';
import { joinCommand } from './commands/join.js';
import { listCommand } from './commands/list.js';
import { manageCommand } from './commands/manage.js';
import type { FlagTable, ParsedFlags } from './flag-table.js';
import { commandHelp, programHelp } from './help-text.js';
import { parseCommandLine, parseFlags } from './parse-flags.js';
import { logFatal, parseLogLevel } from './program-log.js';
import type { ProgramEnvironment } from './program-environment.js';

const commands: readonly Command[] = [
  createCommand,
  listCommand,
  manageCommand,
  joinCommand,
  discoveryCommand,
];

const optionFlags = {
  debug: { names: ['debug'], kind: 'boolean', env: 'DEBUG', help: 'Log at level debug' },
  logLevel: {
    names: ['log-level', 'l'],
    kind: 'string',
    value: 'LEVEL',
    default: 'info',
    help: 'Log level: debug, info, warn, error, fatal, panic',
  },
  experimental: { names: ['experimental'], kind: 'boolean', help: 'Report experimental features as on' },
} as const satisfies FlagTable;

const globalFlags = {
  ...optionFlags,
  version: { names: ['version', 'v'], kind: 'boolean', help: 'Print the version' },
} as const satisfies FlagTable;

/** Runs the program. @returns the exit code: 0, or 1 after any error */
export async function runProgram(args: readonly string[], environment: ProgramEnvironment): Promise<number> {
  let globals: ParsedFlags<typeof globalFlags>;
  try {
    globals = parseFlags({ table: globalFlags, args, env: environment.env });
  } catch (error) {
    return reportUsage(error, { environment, help: 'swarm --help' });
  }
  const logLevel = chooseLogLevel(globals);
  if (logLevel === undefined) {
    reportLine(`not a valid logrus Level: ${JSON.stringify(globals.values.logLevel)}`, environment);
    return 1;
  }
  if (globals.values.version) {
    environment.stdout(`swarm version ${environment.version} (swarmctl)\n`);
    return 0;
  }
  const [name, ...rest] = globals.positional;
  if (globals.wantsHelp || name === undefined) return showProgramHelp(environment);
  if (name === 'help' || name === 'h') return showHelp(rest[0], environment);
  const command = findCommand(name);
  if (command === undefined) return showHelp(name, environment);
  return runCommand(command, {
    args: rest,
    globals: { logLevel, experimental: globals.values.experimental },
    environment,
  });
}

async function runCommand(command: Command, input: Parameters<Command['run']>[0]): Promise<number> {
  const { args, environment } = input;
  try {
    const { wantsHelp } = parseCommandLine({ table: command.flags, args, env: environment.env });
    if (wantsHelp) {
      environment.stdout(commandHelp(command));
      return 0;
    }
  } catch (error) {
    return reportUsage(error, { environment, help: `swarm ${command.name} --help` });
  }
  try {
    return await command.run(input);
  } catch (error) {
    reportFailure(error, { command, environment });
    return 1;
  }
}

/** `--debug` counts unless a level is given on the command line. */
function chooseLogLevel({ values, given }: ParsedFlags<typeof globalFlags>): LogLevel | undefined {
  return values.debug && !given.has('logLevel') ? 'debug' : parseLogLevel(values.logLevel);
}

function findCommand(name: string): Command | undefined {
  return commands.find((command) => command.name === name || command.alias === name);
}

function showProgramHelp(environment: ProgramEnvironment): number {
  environment.stdout(programHelp({ version: environment.version, flags: optionFlags, commands }));
  return 0;
}

/** An unknown topic is no error: the classic program exits with 0 for it. */
function showHelp(topic: string | undefined, environment: ProgramEnvironment): number {
  if (topic === undefined) return showProgramHelp(environment);
  const command = findCommand(topic);
  environment.stdout(command === undefined ? `No help topic for '${topic}'\n` : commandHelp(command));
  return 0;
}

function reportUsage(
  error: unknown,
  { environment, help }: { environment: ProgramEnvironment; help: string },
): number {
  environment.stderr(`Incorrect Usage.\n\n${messageOf(error)}\nSee '${help}'.\n`);
  return 1;
}

function reportFailure(
  error: unknown,
  { command, environment }: { command: Command; environment: ProgramEnvironment },
): void {
  const hint = isSwarmError(error) && error.code !== 'USAGE' ? error.hint : undefined;
  if (command.failure === 'log') {
    logFatal(environment, messageOf(error), { hint });
    return;
  }
  reportLine(messageOf(error), environment);
  if (hint !== undefined) environment.stderr(`${hint}\n`);
}

function reportLine(message: string, environment: ProgramEnvironment): void {
  environment.stderr(`${localTime(environment.clock.now())} ${message}\n`);
}

/** `2026/01/31 23:59:59` in local time. */
function localTime(nowMs: number): string {
  const at = new Date(nowMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('/');
  return `${date} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':')}`;
}
