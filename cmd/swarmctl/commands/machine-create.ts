// swarmctl machine create: what the flags mean for each machine.
import path from 'node:path';
import { Option, type Command } from 'commander';
import type { MachineSpec } from '../../../controller/machine/machine-store.js';
import type { CommandContext } from '../command-context.js';
import { usageError } from '../usage-error.js';
import { collect, printEach, withProgress } from './machine-selection.js';

interface CreateOptions {
  readonly count?: number;
  readonly prefix: string;
  readonly set?: string;
  readonly subnet?: string;
  readonly ensure?: boolean;
  readonly cpus?: number;
  readonly memory?: number;
  readonly dockerd?: string;
  readonly engineLabel?: readonly string[];
  readonly engineOpt?: readonly string[];
  readonly engineEnv?: readonly string[];
  readonly engineInsecureRegistry?: readonly string[];
  readonly engineRegistryMirror?: readonly string[];
  readonly engineStorageDriver?: string;
  readonly tlsSan?: readonly string[];
}

export function configureCreate(command: Command, context: CommandContext): void {
  command
    .command('create')
    .summary('Make machines: real engines, each with a network namespace and an address')
    .argument('[names...]', 'names of the machines')
    .option('--count <number>', 'make this many, named PREFIX0, PREFIX1 …', parseCount)
    .option('--prefix <text>', 'start of the names made with --count', 'node')
    .option('--set <name>', 'set the machines belong to; a set shares a network (default: swarmctl)')
    .option('--subnet <cidr>', 'subnet of the set (default: the first free one from 192.168.99.0/24)')
    .option('--ensure', 'keep machines that exist, and start them when they are off')
    .addOption(
      new Option('-d, --driver <driver>', 'how machines are made').choices(['local']).default('local'),
    )
    .option('--cpus <number>', 'limit of each machine in CPUs, for example 1.5', parseCpus)
    .option('--memory <size>', 'limit of each machine, for example 2g', parseMemory)
    .option('--dockerd <path>', 'another dockerd than the installed one; programs beside it are preferred')
    .option('--engine-label <key=value>', 'label of the engines', collect)
    .option('--engine-opt <name=value>', 'further dockerd option, without dashes', collect)
    .option('--engine-env <key=value>', 'environment of the engines', collect)
    .option('--engine-insecure-registry <host>', 'registry without TLS', collect)
    .option('--engine-registry-mirror <url>', 'registry mirror', collect)
    .option('--engine-storage-driver <name>', 'default: overlay2 where it works, else vfs')
    .option('--tls-san <name>', 'further name or address in the server certificates', collect)
    .addHelpText(
      'after',
      '\nExamples:\n  swarmctl machine create node0 node1 node2\n  swarmctl machine create --count 4 --engine-label region=eu',
    )
    .action((names: readonly string[], options: CreateOptions) => create(context, names, options));
}

async function create(
  context: CommandContext,
  names: readonly string[],
  options: CreateOptions,
): Promise<void> {
  const wanted = [
    ...names,
    ...Array.from({ length: options.count ?? 0 }, (_, index) => `${options.prefix}${index}`),
  ];
  if (wanted.length === 0)
    throw usageError('Cannot create machines: no name is given', 'Name them, or use --count');
  const specs = wanted.map((name) => specOf(name, options));
  await withProgress(context, async (machines) => {
    const made = await machines.create(specs, { ensure: options.ensure ?? false, signal: context.signal });
    printEach(context, wanted, options.ensure === true ? 'running' : 'created');
    for (const text of new Set(made.flatMap(({ decisions }) => decisions))) {
      if (/vfs|only the host|does not reach|no name server/.test(text)) context.stderr(`note: ${text}\n`);
    }
  }).finally(() => {
    if (context.signal.aborted)
      context.stderr('Stopped; create again or remove what is half made: see swarmctl machine ls\n');
  });
  const first = wanted[0] ?? '';
  context.stderr(`Point your shell at one of them: eval "$(swarmctl machine env ${first})"\n`);
}

function specOf(name: string, options: CreateOptions): MachineSpec {
  const pairs = (flag: string, list: readonly string[] | undefined): Record<string, string> =>
    Object.fromEntries((list ?? []).map((text) => parsePair(flag, text)));
  return {
    name,
    ...(options.set === undefined ? {} : { set: options.set }),
    ...(options.subnet === undefined ? {} : { subnet: options.subnet }),
    settings: {
      labels: pairs('--engine-label', options.engineLabel),
      engineEnv: pairs('--engine-env', options.engineEnv),
      extraNames: options.tlsSan ?? [],
      engineArguments: [
        ...(options.engineOpt ?? []).map((text) => `--${text.replace(/^-+/, '')}`),
        ...(options.engineInsecureRegistry ?? []).map((host) => `--insecure-registry=${host}`),
        ...(options.engineRegistryMirror ?? []).map((url) => `--registry-mirror=${url}`),
      ],
      ...(options.cpus === undefined ? {} : { cpus: options.cpus }),
      ...(options.memory === undefined ? {} : { memoryBytes: options.memory }),
      ...(options.dockerd === undefined ? {} : { dockerd: path.resolve(options.dockerd) }),
      ...(options.engineStorageDriver === undefined ? {} : { storageDriver: options.engineStorageDriver }),
    },
  };
}

function parsePair(flag: string, text: string): readonly [string, string] {
  const [, key, value] = /^([^=]+)=([\s\S]*)$/.exec(text) ?? [];
  if (key === undefined || value === undefined) {
    throw usageError(`Cannot use ${flag} ${JSON.stringify(text)}: must be written as key=value`);
  }
  return [key, value];
}

function parseCount(text: string): number {
  const count = Number(text);
  // Beyond this one host has no use for more engines, and a mistyped number must not make thousands.
  if (Number.isInteger(count) && count >= 1 && count <= 150) return count;
  throw usageError(`Cannot use --count ${JSON.stringify(text)}: must be a whole number from 1 to 150`);
}

function parseCpus(text: string): number {
  const cpus = Number(text);
  if (Number.isFinite(cpus) && cpus >= 0.01) return cpus;
  throw usageError(`Cannot use --cpus ${JSON.stringify(text)}: must be a number such as 1.5, at least 0.01`);
}

/** Docker's spelling of sizes: 512m, 2g, 2GiB, or bytes. */
function parseMemory(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([kmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  const bytes = Math.round(Number(number) * 1024 ** ' kmgt'.indexOf((unit ?? '').toLowerCase() || ' '));
  // dockerd and its containerd alone need most of this.
  if (Number.isSafeInteger(bytes) && bytes >= 128 * 1024 * 1024) return bytes;
  throw usageError(`Cannot use --memory ${JSON.stringify(text)}: must be a size such as 2g, at least 128m`);
}
