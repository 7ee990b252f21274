// swarmctl restore: the state of a backup in the state directory, all of it or nothing.
import type { Command } from 'commander';
import { counted } from '../../../controller/base/counted.js';
import { decodeBackup, type Backup } from '../../../controller/store/backup-file.js';
import { restoreState } from '../../../controller/store/restore-state.js';
import { readOneFile } from '../client/read-input.js';
import type { CommandContext } from '../command-context.js';

interface RestoreFlags {
  readonly dryRun?: boolean;
  readonly replace?: boolean;
}

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<file>', 'backup, - for standard input')
    .option('--dry-run', 'check the backup and the state directory, and change nothing')
    .option('--replace', 'replace state that is there already; it is kept aside')
    .addHelpText(
      'after',
      `
The operator must not run. Its state is checked and written aside first, then it comes into force in one step.

Examples:
  swarmctl restore /backup/swarmctl.backup --dry-run
  swarmctl --state-dir /srv/swarmctl restore /backup/swarmctl.backup`,
    )
    .action((file: string, options: RestoreFlags) => restore(context, file, options));
}

async function restore(context: CommandContext, file: string, options: RestoreFlags): Promise<void> {
  const { clock, stateDirectory } = context;
  const backup = decodeBackup(await readOneFile(context, file), file);
  const dryRun = options.dryRun === true;
  const restored = await restoreState(backup, {
    ...{ directory: stateDirectory, clock, dryRun },
    name: file,
    mayReplace: options.replace === true,
  });
  const objects = restored.files.filter((one) => /^objects\/.*\.json$/.test(one.path)).length;
  const what = `${counted(restored.files.length, 'file')}, ${counted(objects, 'object')} of ${backup.createdTime} (swarmctl ${backup.program})`;
  context.stdout(
    dryRun
      ? `The backup is good: ${what} would be restored into ${stateDirectory}\n`
      : `Restored ${what} into ${stateDirectory}\n`,
  );
  if (restored.kept !== undefined) {
    context.stderr(
      dryRun ? 'The state there would be kept aside\n' : `What was there is kept in ${restored.kept}\n`,
    );
  }
  warnOfSecrets(context, backup);
}

function warnOfSecrets(context: CommandContext, { hasSecrets }: Backup): void {
  if (hasSecrets) return;
  context.stderr(
    'It has no keys and tokens: clusters that run say CredentialsLost until swarmctl repair makes new ones\n',
  );
}
