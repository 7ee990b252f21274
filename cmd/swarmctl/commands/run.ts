// swarmctl run: the operator in the foreground, until it is told to stop.
import type { Command } from 'commander';
import { Option } from 'commander';
import { randomBytes, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { messageOf } from '../../../controller/base/errors.js';
import { growHeapByHalf } from '../../../controller/base/heap-growth.js';
import { createLogger, type Logger } from '../../../controller/base/log.js';
import { redact } from '../../../controller/base/redact.js';
import type { CommandContext } from '../command-context.js';
import { parseDelay, parseListen } from '../flag-values.js';
import { readGitOptions, type GitFlags } from '../wire/git-options.js';
import type { Operator } from '../wire/operator.js';

interface RunOptions extends GitFlags {
  readonly directory?: string;
  readonly listen?: string;
  readonly machines?: string;
  readonly image?: string;
  readonly images?: string;
  readonly pruneDelay: string;
  readonly prune: boolean;
  readonly takeOver?: boolean;
  readonly logFormat: 'text' | 'json';
}

export function configure(command: Command, context: CommandContext): void {
  command
    .option('--directory <dir>', 'directory of manifests to follow; objects made with apply work beside it')
    .option('--git <url>', 'git repository of manifests to follow, instead of a directory (https, ssh, file)')
    .option('--branch <name>', 'with --git: the branch, or a ref such as refs/tags/live (default: main)')
    .option('--path <dir>', 'with --git: directory of the manifests in the repository (default: its root)')
    .option('--interval <duration>', 'with --git: time between two fetches (default: 30s)')
    .option('--require-signed', 'with --git: only commits with a good signature come into force')
    .option('--allowed-signers <file>', 'with --require-signed: ssh keys that may sign (as git has it)')
    .option('--webhook <host:port>', 'with --git: fetch at each POST to /hooks/git there')
    .option('--webhook-secret-file <file>', 'with --webhook: the secret the git server signs with')
    .option(
      '--listen <host:port>',
      'serve the API there too, with TLS and client certificates (pki/ of the state)',
    )
    .option('--machines <dir>', 'machine store (default: machines/ of the state directory)')
    .option('--image <archive>', 'docker-archive of the swarm image, instead of the one of this package')
    .option(
      '--images <dir>',
      'where archives of the swarm image are kept (default: images/ of the state directory)',
    )
    .option(
      '--prune-delay <duration>',
      'how long a manifest must be gone before its object is deleted',
      '30s',
    )
    .option('--no-prune', 'delete nothing because its manifest is gone, unless it is approved')
    .option('--take-over', 'manifests become the owners of objects that were made with apply')
    .addOption(
      new Option('--log-format <form>', 'form of log lines').choices(['text', 'json']).default('text'),
    )
    .addHelpText(
      'after',
      `
Examples:
  swarmctl run --directory manifests/
  swarmctl run --git ssh://git@git.example.org/fleet.git --branch main --path sites/a --interval 30s
  swarmctl --state-dir /srv/swarmctl run --listen 0.0.0.0:6443 --log-format json`,
    )
    .action((options: RunOptions) => run(context, options));
}

async function run(context: CommandContext, options: RunOptions): Promise<void> {
  const { clock, random, signal, stateDirectory } = context;
  const logger = createLogger({
    clock,
    level: context.logLevel,
    format: options.logFormat,
    write: (line) => context.stderr(redact(line)),
  });
  const listen = options.listen === undefined ? undefined : parseListen('--listen', options.listen);
  const pruneDelayMs = parseDelay('--prune-delay', options.pruneDelay);
  const git = await readGitOptions(options);
  const { createOperator } = await import('../wire/operator.js');
  const open = (): Promise<Operator> =>
    createOperator({
      stateDirectory,
      ...(options.directory === undefined ? {} : { manifestsDirectory: path.resolve(options.directory) }),
      ...(git === undefined ? {} : { git }),
      ...(options.machines === undefined ? {} : { machinesDirectory: path.resolve(options.machines) }),
      ...(options.image === undefined ? {} : { imageArchive: path.resolve(options.image) }),
      ...(options.images === undefined ? {} : { imagesDirectory: path.resolve(options.images) }),
      ...(listen === undefined ? {} : { listen }),
      pruneDelayMs,
      mayPrune: options.prune,
      takeOver: options.takeOver === true,
      packageRoot: context.packageRoot,
      version: context.version,
      ...{ clock, logger, random, env: context.env },
      randomUuid: randomUUID,
      randomToken: () => randomBytes(16).toString('hex'),
    });
  const { onHangup, onCrash } = context;
  const endGrowth = growHeapByHalf(clock);
  try {
    await runOperator({ open, logger, stateDirectory, signal, onHangup, onCrash });
  } finally {
    endGrowth();
  }
  // Being told to stop is how an operator ends.
  context.setExitCode(0);
}

/** Lets it work until `signal` aborts. */
export async function runOperator(options: {
  readonly open: () => Promise<Operator>;
  readonly logger: Logger;
  readonly stateDirectory: string;
  readonly signal: AbortSignal;
  readonly onHangup: CommandContext['onHangup'];
  readonly onCrash: CommandContext['onCrash'];
}): Promise<void> {
  const { logger, stateDirectory, signal } = options;
  const operator = await options.open();
  logger.info('The operator runs', { state: stateDirectory, installation: operator.installation });
  const ignoreHangups = options.onHangup(() => operator.rescan());
  const ignoreCrashes = options.onCrash(() => keepFlight(stateDirectory, { operator, logger }));
  await ended(signal);
  ignoreHangups();
  ignoreCrashes();
  logger.info('The operator stops');
  await operator.close();
}

/** The last one is kept; there is no time for anything that waits. */
function keepFlight(
  stateDirectory: string,
  { operator, logger }: { readonly operator: Pick<Operator, 'flight'>; readonly logger: Logger },
): void {
  const file = path.join(stateDirectory, 'crash.flight');
  try {
    writeFileSync(file, `${JSON.stringify(operator.flight())}\n`, { mode: 0o600 });
    logger.error('The operator crashed; swarmctl replay shows what it last decided', { file });
  } catch (error) {
    logger.error('The operator crashed', { flight: messageOf(error) });
  }
}

async function ended(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
