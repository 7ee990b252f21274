// The command line as a whole: global options, lazy loading of commands, and the one door through which errors leave.
import { Command, CommanderError, Option } from 'commander';
import { errorTable, isSwarmError, toSwarmError } from '../../controller/base/errors.js';
import { logLevels, type LogLevel } from '../../controller/base/log.js';
import { redact } from '../../controller/base/redact.js';
import { resolveServer, resolveStateDirectory, type CommandContext } from './command-context.js';
import { commandTable } from './command-table.js';
import { ExitCodeError, usageError } from './usage-error.js';

/** The process as commands see it; what global options decide is added by `runProgram`. */
export type ProgramIo = Omit<CommandContext, 'stateDirectory' | 'server' | 'logLevel'> & {
  readonly isRoot: boolean;
  readonly workingDirectory: string;
};

interface GlobalOptions {
  readonly stateDir?: string;
  readonly server?: string;
  readonly logLevel: LogLevel;
}

/** Runs one command line. Never rejects: errors are printed and become the exit code. */
export async function runProgram(argv: readonly string[], io: ProgramIo): Promise<void> {
  const program = buildProgram(io);
  try {
    await program.parseAsync(argv.length === 0 ? ['--help'] : [...argv], { from: 'user' });
  } catch (error) {
    reportError(error, { io, program, argv });
  }
}

interface Attempt {
  readonly io: ProgramIo;
  readonly program: Command;
  readonly argv: readonly string[];
}

/** The whole command tree; the commands' own options are loaded when a command is chosen. */
export function buildProgram(io: ProgramIo): Command {
  const program = new Command('swarmctl')
    .description('Clusters of plain Docker engines from manifests, behind one Docker API.')
    .usage('COMMAND [OPTIONS]')
    .option('--state-dir <directory>', 'state directory of the operator (env SWARMCTL_STATE_DIR)')
    .option('--server <url>', 'operator to talk to: unix:///path or https://host:port (env SWARMCTL_SERVER)')
    .addOption(
      new Option('--log-level <level>', 'least important log line to print')
        .choices(logLevels)
        .default('info'),
    )
    .version(io.version, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({
      writeOut: io.stdout,
      writeErr: io.stderr,
      outputError: () => undefined,
      getOutHelpWidth: () => io.columns,
      getErrHelpWidth: () => io.columns,
    })
    .configureHelp({ sortOptions: false })
    .addHelpText('after', examples);
  const context = contextOf(io, program);
  for (const entry of commandTable) {
    const command = program.command(entry.name).summary(entry.summary);
    command.description(`${entry.summary}.`).helpGroup(entry.group);
  }
  program
    .command('help')
    .helpGroup(commandTable.at(-1)?.group ?? '')
    .description('Show help for a command')
    .argument('[command...]')
    // A command's own help is known only after it has been loaded, as for --help.
    .action((names: readonly string[]) => showHelp(names, { io, program }));
  program.command(completeName, { hidden: true });
  program.hook('preSubcommand', async (_program, command) => {
    if (command.name() === completeName) {
      const { configureComplete } = await import('./commands/complete.js');
      configureComplete(command, { context, table: commandTable });
      return;
    }
    const entry = commandTable.find(({ name }) => name === command.name());
    if (entry !== undefined) (await entry.load()).configure(command, context);
  });
  return program;
}

function showHelp(
  names: readonly string[],
  { io, program }: { readonly io: ProgramIo; readonly program: Command },
): Promise<void> {
  const [first] = names;
  // `--help` after a command that does not exist would print the help of the whole program.
  if (first !== undefined && !program.commands.some((command) => command.name() === first)) {
    throw usageError(`Cannot show help for "${first}": there is no such command`, 'See swarmctl --help');
  }
  return runProgram([...names, '--help'], io);
}

/** Asked by the scripts of `swarmctl completion`. */
const completeName = '__complete';

const examples = `
Examples:
  swarmctl apply -f manifests/                 make the cluster what the files say
  swarmctl get nodes,clusters                  see how it stands
  swarmctl describe node node1                 see why something is not ready
  eval "$(swarmctl env demo)" && docker info   use it
`;

function contextOf(io: ProgramIo, program: Command): CommandContext {
  const globals = (): GlobalOptions => program.opts<GlobalOptions>();
  // Options may stand after the command's name, so they are read when they are needed, not now.
  return {
    ...io,
    get columns() {
      return io.columns;
    },
    get rows() {
      return io.rows;
    },
    get stateDirectory() {
      return resolveStateDirectory({ ...io, flag: globals().stateDir });
    },
    get server() {
      return resolveServer({ flag: globals().server, env: io.env, stateDirectory: this.stateDirectory });
    },
    get logLevel() {
      return globals().logLevel;
    },
  };
}

function reportError(error: unknown, attempt: Attempt): void {
  const { io, program } = attempt;
  if (error instanceof ExitCodeError) {
    reportError(error.error, attempt);
    io.setExitCode(error.exitCode);
    return;
  }
  if (error instanceof CommanderError) {
    // Help and version end this way too, with code 0.
    if (error.exitCode === 0) return;
    if (error.code === 'commander.help') {
      io.setExitCode(2);
      return;
    }
    const { message, hint } = readUsageError(error, attempt);
    io.stderr(`error: ${message}\nhint: ${hint}\n`);
    io.setExitCode(2);
    return;
  }
  if (io.signal.aborted && (isSwarmError(error, 'ABORTED') || error === io.signal.reason)) {
    io.setExitCode(130);
    return;
  }
  const known = toSwarmError(error);
  io.stderr(`error: ${redact(known.message)}\n`);
  const hint = known.hint === errorTable.USAGE.hint ? seeHelp(attempt) : known.hint;
  if (hint !== '') io.stderr(`hint: ${redact(hint)}\n`);
  if (program.opts<GlobalOptions>().logLevel === 'debug') io.stderr(`${redact(stackOf(error))}\n`);
  io.setExitCode(known.exitCode);
}

/** Commander's text, `error: … (Did you mean x?)`, in two lines of ours. */
function readUsageError(
  error: CommanderError,
  attempt: Attempt,
): { readonly message: string; readonly hint: string } {
  const body = error.message.replace(/^error: /, '').trim();
  const suggestion = /\s*\((Did you mean [^)]*)\)$/.exec(body);
  const rest = (suggestion === null ? body : body.slice(0, suggestion.index)).replace(/\.$/, '');
  const [, quoted = ''] = /'([^']*)'/.exec(rest) ?? [];
  const message = usageTexts[error.code]?.(quoted, commandLine(attempt), rest) ?? rest;
  return { message, hint: suggestion?.[1] ?? seeHelp(attempt) };
}

/** By commander's code: from what was quoted in its text, the command and the text, an error in our grammar. */
const usageTexts: Readonly<Record<string, (quoted: string, command: string, text: string) => string>> = {
  'commander.unknownCommand': (name, command) => `Cannot run "${command} ${name}": there is no such command`,
  'commander.unknownOption': (flag, command) => `Cannot run "${command}": there is no option "${flag}"`,
  'commander.excessArguments': (_name, command) => `Cannot run "${command}": it takes fewer arguments`,
  'commander.missingArgument': (name, command) => `Cannot run "${command}": argument <${name}> is missing`,
  'commander.missingMandatoryOptionValue': (flags, command) =>
    `Cannot run "${command}": option ${longFlag(flags)} is missing`,
  'commander.optionMissingArgument': (flags, command) =>
    `Cannot run "${command}": option ${longFlag(flags)} needs a value`,
  'commander.invalidArgument': (_quoted, _command, text) => {
    const [, flags = '', value, choices = ''] =
      /^option '([^']*)' argument '(.*)' is invalid\. Allowed choices are (.*)$/s.exec(text) ?? [];
    return value === undefined
      ? text
      : `Cannot use ${longFlag(flags)} ${JSON.stringify(value)}: must be one of ${choices}`;
  },
};

/** `--file` of `-f, --file <path>`. */
function longFlag(flags: string): string {
  return /--[\w-]+/.exec(flags)?.[0] ?? flags;
}

/** `swarmctl machine create`: the part of the command line that names the command. */
function commandLine({ program, argv }: Attempt): string {
  let command = program;
  for (const word of argv) {
    const next = command.commands.find((one) => one.name() === word);
    if (next !== undefined) command = next;
  }
  const names: string[] = [];
  for (let current: Command | null = command; current !== null; current = current.parent) {
    names.unshift(current.name());
  }
  return names.join(' ');
}

function seeHelp(attempt: Attempt): string {
  return `See ${commandLine(attempt)} --help`;
}

function stackOf(error: unknown): string {
  const parts: string[] = [];
  for (let current: unknown = error; current instanceof Error; current = current.cause) {
    parts.push(current.stack ?? current.message);
  }
  return parts.join('\ncaused by: ');
}
