// Help of the program and of each command, laid out from the same tables that parse.
import type { Command } from './command.js';
import type { FlagSpec, FlagTable } from './flag-table.js';

const width = 100;

export function programHelp(options: {
  readonly version: string;
  readonly flags: FlagTable;
  readonly commands: readonly Command[];
}): string {
  const commands = options.commands.map(
    ({ name, alias, summary }) => [alias === undefined ? name : `${name}, ${alias}`, summary] as const,
  );
  return [
    'Usage: swarm [OPTIONS] COMMAND [arg...]',
    'One Docker API for many Docker engines',
    `Version: ${options.version}`,
    `Options:\n${columns([...flagRows(options.flags), ...standardFlags, versionFlag])}`,
    `Commands:\n${columns([...commands, ['help', 'Show this text, or that of one command']])}`,
    "Run 'swarm COMMAND --help' for more information on a command.\n",
  ].join('\n\n');
}

export function commandHelp(command: Command): string {
  const sections = [
    `Usage: swarm ${command.name} [OPTIONS]${command.argument === undefined ? '' : ` ${command.argument.name}`}`,
    command.summary,
    ...(command.argument === undefined ? [] : [`Arguments:\n${argumentHelp(command.argument)}`]),
    `Options:\n${columns([...flagRows(command.flags), ...standardFlags])}`,
    ...(command.notes === undefined ? [] : [command.notes]),
  ];
  return `${sections.join('\n\n')}\n`;
}

function argumentHelp({ name, lines }: { name: string; lines: readonly string[] }): string {
  const margin = 3 + name.length + 4;
  return lines.map((line, i) => `${(i === 0 ? `   ${name}` : '').padEnd(margin)}${line}`).join('\n');
}

type Row = readonly [string, string];

const standardFlags: readonly Row[] = [['--help, -h', 'Show this text']];
const versionFlag: Row = ['--version, -v', 'Print the version'];

function flagRows(flags: FlagTable): Row[] {
  return Object.values(flags).map((spec) => [flagNames(spec), flagHelp(spec)]);
}

function flagNames(spec: FlagSpec): string {
  const names = spec.names.map((name) => (name.length === 1 ? `-${name}` : `--${name}`)).join(', ');
  return spec.kind === 'boolean' ? names : `${names} ${spec.value ?? 'VALUE'}`;
}

function flagHelp(spec: FlagSpec): string {
  const repeats = spec.kind === 'list' ? ' (may be repeated)' : '';
  const fallback = spec.default === undefined || spec.kind === 'boolean' ? '' : ` (default ${spec.default})`;
  const env = spec.env === undefined ? '' : ` [$${spec.env}]`;
  return `${spec.help}${repeats}${fallback}${env}`;
}

/** Two columns, the second wrapped. */
function columns(rows: readonly Row[]): string {
  const left = Math.min(38, Math.max(...rows.map(([name]) => name.length)) + 3);
  return rows
    .flatMap(([name, help]) => {
      const lines = wrap(help, width - left - 3);
      const head = name.length + 1 >= left ? [`   ${name}`] : [];
      const first = head.length > 0 ? '' : name;
      return [...head, ...lines.map((line, i) => `   ${(i === 0 ? first : '').padEnd(left)}${line}`)];
    })
    .join('\n');
}

function wrap(text: string, columnsWide: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= columnsWide) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}
