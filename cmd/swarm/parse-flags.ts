// The command line as Go's flag package reads it, which is what scripts written for classic swarm rely on.
import { SwarmError } from '../../controller/base/errors.js';
import type { FlagSpec, FlagTable, FlagValues, ParsedFlags } from './flag-table.js';

const truths: Readonly<Record<string, boolean>> = Object.fromEntries([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [text, false] as const),
]);

interface ParseInput<Table extends FlagTable> {
  readonly table: Table;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Parses flags up to the first argument that is none, or to `--`. `-name` and `--name` are the same; a value follows after
 * `=` or as the next argument, even when that begins with a dash or is empty; booleans take a value only after `=`.
 * @throws {USAGE} in Go's words
 */
export function parseFlags<Table extends FlagTable>(input: ParseInput<Table>): ParsedFlags<Table> {
  const values = initialValues(input);
  const given = new Set<keyof Table>();
  const rest = [...input.args];
  let wantsHelp = false;
  for (;;) {
    const argument = rest[0];
    if (argument === undefined || argument.length < 2 || !argument.startsWith('-')) break;
    rest.shift();
    if (argument === '--') break;
    const { name, value: inline } = splitFlag(argument);
    const key = Object.keys(input.table).find((candidate) => input.table[candidate]?.names.includes(name));
    const spec = key === undefined ? undefined : input.table[key];
    if (key === undefined || spec === undefined) {
      if (name !== 'help' && name !== 'h') throw usage(`flag provided but not defined: -${name}`);
      wantsHelp = inline === undefined || parseBoolean(name, inline);
      continue;
    }
    const text = inline ?? (spec.kind === 'boolean' ? 'true' : rest.shift());
    if (text === undefined) throw usage(`flag needs an argument: -${name}`);
    const value = parseValue(spec, { name, text });
    values[key] = given.has(key) ? appendValue(values[key], value) : value;
    given.add(key);
  }
  // initialValues() and parseValue() follow the kinds of the table.
  return { values: values as FlagValues<Table>, given, positional: rest, wantsHelp };
}

/**
 * Parses what follows a command's name: arguments before the first flag count as if they stood behind all flags; after
 * flags, the first argument that is none ends them.
 * @throws {USAGE}
 */
export function parseCommandLine<Table extends FlagTable>(input: ParseInput<Table>): ParsedFlags<Table> {
  const { args } = input;
  const terminator = args.indexOf('--');
  const end = terminator < 0 ? args.length : terminator;
  const firstFlag = args.slice(0, end).findIndex((argument) => argument.startsWith('-'));
  if (firstFlag < 0)
    return parseFlags({ ...input, args: ['--', ...args.filter((_, i) => i !== terminator)] });
  const parsed = parseFlags({ ...input, args: args.slice(firstFlag, end) });
  const positional = [...parsed.positional, ...args.slice(0, firstFlag), ...args.slice(end + 1)];
  return { ...parsed, positional };
}

type RawValue = string | number | boolean | readonly string[];

function initialValues<Table extends FlagTable>({ table, env }: ParseInput<Table>): Record<string, RawValue> {
  return Object.fromEntries(
    Object.entries(table).map(([key, spec]) => [key, initialValue(spec, spec.env && env[spec.env])]),
  );
}

/** The environment wins over the default; one that is empty or no boolean does not count, as ever. */
function initialValue(spec: FlagSpec, fromEnv: string | undefined): RawValue {
  const text = fromEnv === undefined || fromEnv === '' ? undefined : fromEnv;
  switch (spec.kind) {
    case 'boolean':
      return truths[text ?? ''] ?? spec.default === 'true';
    case 'integer':
      return Number(spec.default ?? 0);
    case 'list':
      return (
        text?.split(',').map((item) => item.trim()) ?? (spec.default === undefined ? [] : [spec.default])
      );
    case 'string':
      return text ?? spec.default ?? '';
  }
}

/** A repeated list flag adds to what the command line has given; anything else is replaced. */
function appendValue(before: RawValue | undefined, value: RawValue): RawValue {
  return isList(before) && isList(value) ? [...before, ...value] : value;
}

function isList(value: RawValue | undefined): value is readonly string[] {
  return Array.isArray(value);
}

function splitFlag(argument: string): { name: string; value?: string } {
  const body = argument.replace(/^--?/, '');
  if (body === '' || body.startsWith('-') || body.startsWith('=')) {
    throw usage(`bad flag syntax: ${argument}`);
  }
  const at = body.indexOf('=');
  return at < 0 ? { name: body } : { name: body.slice(0, at), value: body.slice(at + 1) };
}

function parseValue(spec: FlagSpec, { name, text }: { name: string; text: string }): RawValue {
  if (spec.kind === 'boolean') return parseBoolean(name, text);
  if (spec.kind === 'list') return [text];
  if (spec.kind === 'string') return text;
  if (!/^[+-]?\d{1,15}$/.test(text))
    throw usage(`invalid value ${JSON.stringify(text)} for flag -${name}: parse error`);
  return Number(text);
}

function parseBoolean(name: string, text: string): boolean {
  const value = truths[text];
  if (value === undefined)
    throw usage(`invalid boolean value ${JSON.stringify(text)} for -${name}: parse error`);
  return value;
}

function usage(message: string): SwarmError {
  return new SwarmError('USAGE', message);
}
