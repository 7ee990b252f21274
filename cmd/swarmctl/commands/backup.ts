// swarmctl backup: the state of an operator as one file, also while it works.
import type { Command } from 'commander';
import { counted } from '../../../controller/base/counted.js';
import { access, stat } from 'node:fs/promises';
import path from 'node:path';
import { formatTime } from '../../../controller/api/conditions.js';
import { formatBytes } from '../../../controller/base/byte-size.js';
import { reasonOf, SwarmError } from '../../../controller/base/errors.js';
import { writeFileAtomically } from '../../../controller/base/write-file-atomically.js';
import { encodeBackup, withoutSecrets } from '../../../controller/store/backup-file.js';
import { readStateFiles } from '../../../controller/store/state-files.js';
import { versionOf } from '../../../controller/store/state-version.js';
import type { CommandContext } from '../command-context.js';
import { usageError } from '../usage-error.js';

interface BackupOptions {
  readonly output?: string;
  readonly force?: boolean;
  readonly secrets: boolean;
}

export function configure(command: Command, context: CommandContext): void {
  command
    .option(
      '-o, --output <file>',
      'file to write, - for standard output (default: swarmctl-TIME.backup here)',
    )
    .option('--force', 'replace a file of that name')
    .option('--no-secrets', 'leave out keys and tokens')
    .addHelpText(
      'after',
      `
The state directory is read where it is, so this runs on the operator's machine; the operator may run meanwhile.

Examples:
  swarmctl backup -o /backup/swarmctl.backup
  swarmctl backup --no-secrets -o - | less
  swarmctl restore /backup/swarmctl.backup`,
    )
    .action((options: BackupOptions) => backup(context, options));
}

async function backup(context: CommandContext, options: BackupOptions): Promise<void> {
  const { clock, signal, stateDirectory } = context;
  await requireDirectory(stateDirectory);
  const all = await readStateFiles(stateDirectory, { clock, signal });
  const files = options.secrets ? all : withoutSecrets(all);
  if (files.length === 0) {
    throw new SwarmError(
      'STATE_UNREADABLE',
      `Cannot back up "${stateDirectory}": no operator has worked there`,
    );
  }
  const createdTime = formatTime(clock.now());
  const text = encodeBackup({
    ...{ createdTime, files },
    program: context.version,
    stateVersion: versionOf(all),
    hasSecrets: options.secrets,
  });
  if (options.output === '-') {
    context.stdout(text);
    return;
  }
  const file = path.resolve(options.output ?? `swarmctl-${createdTime.replaceAll(':', '')}.backup`);
  await write(file, { text, force: options.force === true });
  context.stdout(`${file}\n`);
  const objects = files.filter((one) => /^objects\/.*\.json$/.test(one.path)).length;
  context.stderr(
    `${counted(files.length, 'file')}, ${counted(objects, 'object')}, ${formatBytes(Buffer.byteLength(text))}; only this user may read it (0600)\n`,
  );
  context.stderr(
    options.secrets
      ? 'It contains keys and tokens: keep it as safe as the state directory\n'
      : 'It contains no keys and tokens: after a restore, swarmctl repair makes new ones\n',
  );
}

async function requireDirectory(directory: string): Promise<void> {
  try {
    await stat(path.join(directory, '.'));
  } catch (error) {
    throw new SwarmError('STATE_UNREADABLE', `Cannot back up "${directory}": ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

async function write(
  file: string,
  { text, force }: { readonly text: string; readonly force: boolean },
): Promise<void> {
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  if (isThere && !force) {
    throw usageError(`Cannot write "${file}": it exists`, 'Add --force to replace it');
  }
  try {
    await writeFileAtomically(file, text, { mode: 0o600 });
  } catch (error) {
    throw new SwarmError('OUTPUT_FAILED', `Cannot write "${file}": ${reasonOf(error)}`, { cause: error });
  }
}
