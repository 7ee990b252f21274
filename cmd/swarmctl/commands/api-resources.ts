// swarmctl api-resources: the kinds and their names.
import type { Command } from 'commander';
import { apiVersion } from '../../../controller/api/labels.js';
import { Kinds } from '../client/kinds.js';
import type { CommandContext } from '../command-context.js';
import { formatRows } from '../output/table.js';
import { usageError } from '../usage-error.js';

export function configure(command: Command, context: CommandContext): void {
  command
    .option('--no-headers', 'print no headings')
    .option('-o, --output <form>', 'name: print names only')
    .action(async (options: { readonly headers: boolean; readonly output?: string }) => {
      if (options.output !== undefined && options.output !== 'name')
        throw usageError('Cannot print: -o must be name');
      const crds = (await Kinds.load(context)).crds.all();
      if (options.output === 'name') {
        context.stdout(crds.map(({ plural }) => `${plural}.swarmctl.io\n`).join(''));
        return;
      }
      const header = ['NAME', 'SHORTNAMES', 'APIVERSION', 'NAMESPACED', 'KIND'];
      const rows = crds.map(({ plural, shortNames, kind }) => [
        plural,
        shortNames.join(','),
        apiVersion,
        'false',
        kind,
      ]);
      context.stdout(formatRows(options.headers ? [header, ...rows] : rows));
    });
}
